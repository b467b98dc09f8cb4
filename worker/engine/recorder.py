"""What became of an attempt, as it is written down: for Redis, for the outcome stream, for people."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any

from worker.domain.errors import AtCapacity, NotSent, Unsettled, ZenMLError
from worker.domain.outcome import Decision, Status
from worker.domain.retry import LONGEST_CAPACITY_WAIT, LONGEST_UNREACHABLE
from worker.domain.trigger import Trigger
from worker.store.attempts import Claimed, Settlement
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


def way_fields(claim: Claimed, sent: datetime | None) -> dict[str, Any]:
    """Give the outcome fields that say when an attempt came how far; `sent` is when the POST went out, if one did."""
    return {"dispatched": claim.dispatched, "claimed": claim.claimed, "sent": sent}


def started(
    claim: Claimed, run: Run, now: datetime, *, notes: Mapping[str, Any], sent: datetime | None = None
) -> Settlement:
    """ZenML has the run. `notes` are further outcome fields: link, adopted, left_out, stale."""
    lateness = round((now - claim.trigger.due).total_seconds() * 1000)
    attempts = claim.attempts + 1
    result = {"run_id": run.id, "run_status": run.status, "attempts": attempts, "lateness_ms": lateness, **notes}
    outcome = {**origin_fields(claim.trigger), **way_fields(claim, sent), "at": now, **result}
    logger.info("started", extra=_shown(outcome))
    return Settlement(
        id=claim.trigger.id,
        status=Status.STARTED,
        outcome=outcome,
        fields={**result, "run_project": run.project, "unclear": 0},
        changed=run.updated or now,
    )


def failed(claim: Claimed, error: ZenMLError, now: datetime, rng: Random, *, sent: datetime | None) -> Settlement:
    """ZenML gave no run. Decides whether and when to try again.

    A full server and one that cannot be reached do not use up attempts. `sent` is when the POST went out, if one did.
    """
    attempts = claim.attempts + _counts(claim, error)
    unclear = claim.unclear or (sent is not None and error.ambiguous)
    # What may have been started is looked for once more, also after the last attempt.
    again = error.retryable and (unclear or claim.trigger.retry.allows(attempts))
    wait = _wait(claim, error, now, rng) if again else None
    result = {"attempts": attempts, "code": error.code, "reason": str(error)}
    # A look that did not settle it is no attempt: why that one failed stays on record.
    kept = {"attempts": attempts} if isinstance(error, Unsettled) else result
    # The backoff is about what fails: a full server and a second look must not make the next try far away.
    tries = claim.tries + (not isinstance(error, AtCapacity | Unsettled))
    fields = {**kept, "tries": tries, "unclear": unclear}
    told = {**way_fields(claim, sent), **result, "http_status": error.http_status}
    if wait is None:
        return _dead(claim, told, now, fields=fields, decision=_decision(error), trouble=error.trouble)
    outcome = {**origin_fields(claim.trigger), "at": now, **told, "next_try": now + wait}
    logger.warning(Status.RETRYING.value, extra=_shown(outcome))
    return Settlement(
        id=claim.trigger.id,
        status=Status.RETRYING,
        outcome=outcome,
        fields=fields,
        wait=wait,
        capacity=isinstance(error, AtCapacity),
        trouble=error.trouble,
    )


def exhausted(claim: Claimed, now: datetime) -> Settlement:
    """The last attempt may have started the run; it was looked for once more, and is not there."""
    times = "attempt" if claim.attempts == 1 else "attempts"
    reason = f"no run came of {claim.attempts} {times}; the last: {claim.reason}"
    result = {"attempts": claim.attempts, "code": "exhausted", "reason": reason}
    told = {**way_fields(claim, None), **result}
    return _dead(claim, told, now, fields=result, decision=Decision.EXHAUSTED)


def _dead(
    claim: Claimed,
    result: Mapping[str, Any],
    now: datetime,
    *,
    fields: Mapping[str, Any],
    decision: Decision,
    trouble: str | None = None,
) -> Settlement:
    outcome = {**origin_fields(claim.trigger), "at": now, **result}
    logger.error(Status.DEAD.value, extra=_shown(outcome))
    return Settlement(
        id=claim.trigger.id, status=Status.DEAD, outcome=outcome, fields=fields, decision=decision, trouble=trouble
    )


def _counts(claim: Claimed, error: ZenMLError) -> bool:
    """Tell whether this was an attempt; a full server, and one in trouble, are not the trigger's fault."""
    if isinstance(error, AtCapacity | NotSent | Unsettled) or error.trouble == "denied":
        return False
    return not (claim.probe and error.trouble)  # that the server is in trouble was known before


def _wait(claim: Claimed, error: ZenMLError, now: datetime, rng: Random) -> timedelta | None:
    """Say how long to wait for the next try; None if it has waited long enough."""
    if error.trouble and now - claim.trigger.due > LONGEST_UNREACHABLE:
        return None
    if isinstance(error, Unsettled):
        return timedelta(seconds=error.retry_after or 0)
    delay = claim.trigger.retry.delay(claim.tries + 1, rng, error.retry_after)
    return _soon(delay, error) if isinstance(error, AtCapacity) else delay


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
