"""A run of a schedule that somebody wants now, beside its times."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from worker.domain.errors import InvalidInput
from worker.domain.schedule import Schedule
from worker.domain.trigger import Origin, Trigger
from worker.engine.past import Past
from worker.engine.planner import Known, for_request, render, schedule_context
from worker.engine.runtime import Engine
from worker.store.codec import decode_trigger
from worker.store.items import Command, Entry, Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A trigger that is on record; `new` is False when the same key had come before."""

    trigger: Trigger
    new: bool


async def start_now(
    engine: Engine, schedule: Schedule, origin: Origin, key: str, commands: Sequence[Command] = ()
) -> Started:
    """Record a run of a schedule as if it were due now. The same key again is the same run.

    Its cursor stays where it is. Neither a pause nor its overlap policy keeps it back. `commands` are plain writes
    that go with it. Raises InvalidInput if it cannot be rendered.
    """
    trigger = await would_start(engine, schedule, origin, key)
    (fields,) = await engine.triggers.get([trigger.id])
    if not fields:
        item = Item(entries=[Entry(trigger=trigger)], commands=commands)
        (recorded,) = await engine.triggers.record([item])
        if recorded.triggers[0] == 1:
            return Started(trigger=trigger, new=True)
        (fields,) = await engine.triggers.get([trigger.id])
    # What it was rendered with then is what counts.
    return Started(trigger=decode_trigger(fields["data"].encode()), new=False)


async def would_start(engine: Engine, schedule: Schedule, origin: Origin, key: str) -> Trigger:
    """Give what would be recorded for a run of a schedule now. Raises InvalidInput if it cannot be rendered."""
    if schedule.sweep is not None:
        raise InvalidInput(f"{schedule.name} is a sweep; start it now with: zenbeat sweep run {schedule.name}")
    known = await Past(engine.pauses, engine.results, engine.sweeps).known(schedule)
    return _trigger(schedule, engine.clock(), known, origin, key)


def _trigger(schedule: Schedule, now: datetime, known: Known, origin: Origin, key: str) -> Trigger:
    context = schedule_context(schedule, now, known)
    target = replace(schedule.target, config_template={}, config=render(schedule.target, context))
    return for_request(
        origin,
        key,
        target,
        due=now,
        priority=schedule.priority,
        retry=schedule.retry,
        run_retry=schedule.run_retry,
        schedule=schedule.name,
    )
