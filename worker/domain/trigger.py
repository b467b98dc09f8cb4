"""The request for one run, and the names that are derived from where it comes from."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from worker.domain.retry import RetryPolicy, RunRetry

NAMESPACE = UUID("6b1f7f0e-8d5b-5c39-9a59-2f4c6f0f8a11")
"""Root of every id that zenbeat derives. Changing it would make known triggers unknown: never do."""

SHORT = 12
"""Hex digits of the id in a run name: 48 bits, so that 100,000 names in a project clash with p < 2e-5."""

KEY_ATTEMPTS = 3

LONGEST_RUN_NAME = 255  # the column in ZenML's database


class Origin(StrEnum):
    """Where a trigger comes from."""

    SCHEDULE = "schedule"
    SWEEP = "sweep"
    BACKFILL = "backfill"
    API = "api"
    CELERY = "celery"
    CLI = "cli"
    EVENT = "event"


class TriggerState(StrEnum):
    """Where a trigger is on its way; drawn in docs/states.md."""

    WAITING = "waiting"
    """Recorded; not ready yet, or the limits do not allow it yet."""
    DISPATCHED = "dispatched"
    """Its id was published to the workers."""
    CLAIMED = "claimed"
    """A worker holds it under a lease."""
    STARTED = "started"
    """ZenML accepted the run, and it has not ended."""
    COMPLETED = "completed"
    """The run succeeded."""
    FAILED = "failed"
    """The run failed."""
    STOPPED = "stopped"
    """The run was stopped."""
    STUCK = "stuck"
    """The run never left `initializing`."""
    VANISHED = "vanished"
    """The run was deleted in ZenML before it ended."""
    SKIPPED = "skipped"
    """The overlap policy of its schedule let it go: a run before it was still going on."""
    DEAD = "dead"
    """It will not be tried again by itself."""
    CANCELLED = "cancelled"
    """Withdrawn before it was sent."""
    DISCARDED = "discarded"
    """A dead letter that a person gave up."""


ACTIVE = frozenset({TriggerState.WAITING, TriggerState.DISPATCHED, TriggerState.CLAIMED})
"""States from which zenbeat goes on by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """The request for one run of one pipeline, complete: what is sent is decided once, when it is recorded."""

    id: str
    """UUIDv5 of the origin."""
    origin: Origin
    source: str
    """What the id is derived from: `schedule@instant`, `sweep#trial`, or the caller's idempotency key."""
    pipeline: str
    """Name or id."""
    template: str | None = None
    """Run template, name or id; without template and snapshot: the newest of the pipeline."""
    snapshot: str | None = None
    """Pipeline snapshot, name or id."""
    project: str | None = None
    """Name or id; None is the project of the settings, else the server's default."""
    run_name: str
    body: Mapping[str, Any] = field(default_factory=dict)
    """The PipelineRunConfiguration as rendered, with `run_name` and `tags`."""
    schedule: str | None = None
    sweep: str | None = None
    """Id of the sweep or backfill whose trial it is."""
    trial: int | None = None
    """Its number there, from 1."""
    fire_time: datetime | None = None
    """The logical time (UTC), before jitter; None where nothing was due."""
    due: datetime
    """When it was to be sent, UTC: the fire time with jitter, or when the caller asked."""
    priority: int = 0
    """One step is worth a minute of waiting."""
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    run_retry: RunRetry | None = None
    attempt: int = 1
    """Which run of its fire it is for: `run_retry` starts one that failed again, as a trigger of its own."""


def again(trigger: Trigger, due: datetime) -> Trigger:
    """Make the trigger that starts the run of another once more: the same body, under a name of its own."""
    attempt = trigger.attempt + 1
    identity = attempt_id(trigger, attempt)
    stem = trigger.run_name[: -SHORT - 1]
    name = f"{stem}-{UUID(identity).hex[:SHORT]}"
    mark = f"zenbeat:trigger={trigger.id}"
    kept = [tag for tag in trigger.body["tags"] if tag != mark]
    body = {**trigger.body, "run_name": name, "tags": [*kept, f"zenbeat:trigger={identity}"]}
    source = _source_of(trigger, attempt)
    return replace(trigger, id=identity, source=source, run_name=name, body=body, due=due, attempt=attempt)


def attempt_id(trigger: Trigger, attempt: int) -> str:
    """Give the id of the trigger for another run of the same fire; the first one is number 1."""
    return trigger_id(trigger.origin, _source_of(trigger, attempt))


AGAIN = "~"
"""Before the number of the attempt in a source."""


def _source_of(trigger: Trigger, attempt: int) -> str:
    # Only what we have put there is taken off: a caller's key may hold anything.
    stem = trigger.source if trigger.attempt == 1 else trigger.source.rpartition(AGAIN)[0]
    return attempt_source(stem, attempt)


def attempt_source(source: str, attempt: int) -> str:
    """Name another run of what `source` names; the first one is number 1."""
    return source if attempt == 1 else f"{source}{AGAIN}{attempt}"


def schedule_source(schedule: str, fire_time: datetime, mark: str = "") -> str:
    """Name a due instant: the same on every machine and after every restart. A mark makes it another one."""
    instant = f"{schedule}@{fire_time.timestamp():.3f}"
    return f"{instant}!{mark}" if mark else instant


def trial_source(sweep_id: str, trial: int) -> str:
    """Name a trial of a sweep."""
    return f"{sweep_id}#{trial}"


def trigger_id(origin: Origin, source: str) -> str:
    """Derive a trigger's id from where it comes from."""
    # A fire time that is run later is the same fire: it is started once, whoever asks for it.
    root = Origin.SCHEDULE if origin is Origin.BACKFILL else origin
    return str(uuid5(NAMESPACE, f"{root}:{source}"))


def run_name(stem: str, identity: str, fire_time: datetime | None = None) -> str:
    """Derive the run's name, which is what makes a second POST of the same trigger fail instead of start.

    ZenML reads `{…}` in a name as a placeholder, so braces never get in; what is too long is cut in the stem.
    """
    instant = f"-{fire_time:%Y%m%dT%H%M%SZ}" if fire_time else ""
    tail = f"{instant}-{UUID(identity).hex[:SHORT]}"
    safe = re.sub(r"[{}\s]+", "-", stem).strip("-") or "run"
    return safe[: LONGEST_RUN_NAME - len(tail)] + tail


def fire_time_of(name: str, schedule: str) -> datetime | None:
    """Read the fire time from a run's name; None if no fire of this schedule has that name.

    Names hold full seconds: the end of the name is the trigger's own id, and tells whether the rest is to be believed.
    """
    found = re.search(r"-(\d{8}T\d{6}Z)-([0-9a-f]{12})$", name)
    if found is None:
        return None
    fire_time = datetime.strptime(found[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    identity = trigger_id(Origin.SCHEDULE, schedule_source(schedule, fire_time))
    return fire_time if UUID(identity).hex.startswith(found[2]) else None


def schedule_tag(schedule: str) -> str:
    """Give the tag of a schedule's runs."""
    return f"zenbeat:schedule={schedule}"


def tags(identity: str, *, schedule: str | None = None, sweep: str | None = None) -> list[str]:
    """Give the tags by which runs can be found when Redis has lost everything."""
    group = [schedule_tag(schedule)] if schedule else [f"zenbeat:sweep={sweep}"] if sweep else []
    return ["zenbeat", *group, f"zenbeat:trigger={identity}"]


def complete_body(config: Mapping[str, Any], name: str, own_tags: list[str]) -> dict[str, Any]:
    """Add the run's name and our tags to a rendered run configuration; the user's own tags stay."""
    return {**config, "run_name": name, "tags": [*config.get("tags", []), *own_tags]}


def idempotency_key(identity: str, url: str, body: bytes, generation: int, attempts: int) -> str:
    """Derive the `Idempotency-Key` of a POST.

    ZenML compares neither body nor URL, so both are part of the key. A key is spoilt for ever when the server is killed
    in the middle of a request; so the generation goes up with every replay, and `KEY_ATTEMPTS` attempts share a key.
    Under another key, it is still the run's name that keeps the run from being started twice.
    """
    digest = uuid5(NAMESPACE, body.hex())
    return str(uuid5(UUID(identity), f"{url}#{digest}#{generation}#{attempts // KEY_ATTEMPTS}"))
