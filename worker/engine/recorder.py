"""What became of an attempt, as it is written down: for Redis, for the outcome stream, for people."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any

from worker.domain.errors import AtCapacity, NotSent, ZenMLError
from worker.domain.outcome import Decision, Status
from worker.domain.retry import LONGEST_CAPACITY_WAIT, LONGEST_UNREACHABLE
from worker.domain.trigger import Trigger
from worker.store.triggers import Claimed, Settlement
from worker.zenml.models import Run

logger = logging.getLogger("zenbeat.trigger")


def origin_fields(trigger: Trigger) -> dict[str, Any]:
    """Give the outcome fields that say which trigger it is and where it comes from."""
    return {
        "trigger": trigger.id,
        "origin": trigger.origin.value,
        "schedule": trigger.schedule,
        "sweep": trigger.sweep,
        "trial": trigger.trial,
        "pipeline": trigger.pipeline,
        "template": trigger.template or trigger.snapshot,
        "run_name": trigger.run_name,
        "fire_time": trigger.fire_time,
        "due": trigger.due,
    }


def started(claim: Claimed, run: Run, now: datetime, *, notes: Mapping[str, Any]) -> Settlement:
    """ZenML has the run. `notes` are further outcome fields: link, adopted, left_out, stale."""
    lateness = round((now - claim.trigger.due).total_seconds() * 1000)
    attempts = claim.attempts + 1
    result = {"run_id": run.id, "run_status": run.status, "attempts": attempts, "lateness_ms": lateness, **notes}
    outcome = {**origin_fields(claim.trigger), "at": now, **result}
    logger.info("started", extra=_shown(outcome))
    return Settlement(
        id=claim.trigger.id,
        status=Status.STARTED,
        outcome=outcome,
        fields={**result, "run_project": run.project, "unclear": 0},
    )


def failed(claim: Claimed, error: ZenMLError, now: datetime, rng: Random, *, sent: bool) -> Settlement:
    """ZenML gave no run. Decides whether and when to try again.

    A full server and one that cannot be reached do not use up attempts. `sent` tells whether a POST went out.
    """
    # A probe goes to a server that is known to be in trouble: that is not its fault.
    uncounted = isinstance(error, AtCapacity | NotSent) or error.trouble == "denied" or (claim.probe and error.trouble)
    attempts = claim.attempts + (0 if uncounted else 1)
    ready = _next_try(claim, error, attempts, now, rng)
    unclear = claim.unclear or (sent and error.ambiguous)
    result = {"attempts": attempts, "code": error.code, "reason": str(error)}
    status = Status.RETRYING if ready else Status.DEAD
    outcome = {**origin_fields(claim.trigger), "at": now, **result, "next_try": ready}
    logger.log(logging.WARNING if ready else logging.ERROR, status.value, extra=_shown(outcome))
    return Settlement(
        id=claim.trigger.id,
        status=status,
        outcome=outcome,
        fields={**result, "tries": claim.tries + 1, "unclear": unclear},
        ready=ready,
        capacity=isinstance(error, AtCapacity),
        trouble=error.trouble,
        decision=None if ready else _decision(error),
    )


def _next_try(claim: Claimed, error: ZenMLError, attempts: int, now: datetime, rng: Random) -> datetime | None:
    policy = claim.trigger.retry
    if not error.retryable or not policy.allows(attempts):
        return None
    if error.trouble and now - claim.trigger.due > LONGEST_UNREACHABLE:
        return None
    delay = policy.delay(claim.tries + 1, rng, error.retry_after)
    return now + (_soon(delay, error) if isinstance(error, AtCapacity) else delay)


def _decision(error: ZenMLError) -> Decision:
    """Say in the ledger's words why there is no run."""
    if error.trouble:
        return Decision.EXPIRED
    return Decision.EXHAUSTED if error.retryable else Decision.REJECTED


def _soon(delay: timedelta, error: ZenMLError) -> timedelta:
    return delay if error.retry_after else min(delay, LONGEST_CAPACITY_WAIT)


SHOWN = ("trigger", "schedule", "sweep", "trial", "pipeline", "run_id", "url", "attempts", "lateness_ms", "code")


def _shown(outcome: Mapping[str, Any]) -> dict[str, Any]:
    """Give what of an outcome belongs in a log line; the reason comes last."""
    shown = {key: outcome[key] for key in SHOWN if outcome.get(key) is not None}
    return {**shown, **{key: outcome[key] for key in ("next_try", "reason") if outcome.get(key) is not None}}
