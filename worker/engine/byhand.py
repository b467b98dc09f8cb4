"""Pauses that a person begins and ends."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from worker.domain.catchup import ON_TIME, decide
from worker.domain.errors import InvalidInput, ZenbeatError
from worker.domain.outcome import Decision, Status
from worker.domain.pause import Pause, PauseCause
from worker.domain.schedule import Schedule, catchup_window
from worker.engine.past import Past
from worker.engine.plans import Tracked, item_of, plan_due
from worker.engine.runtime import Engine
from worker.store.cursors import Cursor
from worker.store.items import Command, Item

TRIES = 20
"""A schedule that is due every second may be considered between a look at it and the writing."""


async def pause(engine: Engine, name: str, wanted: Pause, more: Sequence[Command] = ()) -> Pause:
    """Pause a schedule. One that is paused already has been so since then, and for the same cause.

    `more` are plain writes that go with it.
    """
    known = await engine.pauses.get(name)
    if known is not None and not known.over(wanted.since):
        wanted = replace(wanted, since=known.since, cause=known.cause)
    reason = f"by {wanted.by}{f': {wanted.why}' if wanted.why else ''}"
    commands = [engine.pauses.begin(name, wanted), *_told(engine, Status.PAUSED, name, reason), *more]
    await engine.triggers.record([Item(commands=commands)])
    return wanted


def check_resumable(name: str, schedule: Schedule | None, held: Pause, now: datetime, *, catchup: bool) -> None:
    """See that a schedule can go on. Raises InvalidInput. `schedule` is None if no file defines it soundly."""
    if schedule is None:
        return
    end = schedule.timing.end_time
    if held.cause is PauseCause.END_TIME and end is not None and end <= now:
        passed = f"its end_time, {end.isoformat(timespec='seconds')}, has passed"
        raise InvalidInput(f"{name} cannot go on: {passed}; edit or remove it in {schedule.place} first")
    if catchup and schedule.after is not None:
        raise InvalidInput(f"{name} follows others, and --catchup is about what the clock made due: leave it out")


def made_up_for(schedule: Schedule, cursor: Cursor | None, held: Pause, now: datetime) -> Sequence[datetime]:
    """Give the fire times that would start something if a schedule went on now with `catchup`, by its own policy."""
    if cursor is None or schedule.after is not None:
        return ()
    window = catchup_window(schedule, now)
    # What is older than the window is missed, however much of it there is.
    begin = max(min(cursor.at, held.since), now - max(window, ON_TIME))
    decided = decide(schedule.timing, begin, now, schedule.catchup, lambda: window)
    return [due.fire_time for due in decided if due.decision is Decision.FIRED]


async def resume(
    engine: Engine,
    name: str,
    schedule: Schedule | None,
    by: str,
    now: datetime,
    *,
    catchup: bool,
    more: Sequence[Command] = (),
) -> Pause | None:
    """Let a schedule go on; gives the pause that it was in, None if it was not paused.

    What was due during the pause stays skipped; with `catchup` the schedule's own policy decides about it anew. `more`
    are plain writes that go with it.
    """
    for _ in range(TRIES):
        held = await engine.pauses.get(name)
        if held is None:
            return None
        item = await _item(engine, name, schedule, held, now, catchup=catchup)
        told = [*_told(engine, Status.RESUMED, name, f"by {by}"), engine.pauses.resume(name, now), *more]
        (answer,) = await engine.triggers.record([replace(item, commands=[*item.commands, *told])])
        if answer.written:
            return held
    raise ZenbeatError(f"{name} is still paused: it is considered all the time; try again")


async def _item(
    engine: Engine, name: str, schedule: Schedule | None, held: Pause, now: datetime, *, catchup: bool
) -> Item:
    bare = Item(take=engine.pauses.end(name))
    cursor = (await engine.cursors.some([name])).get(name)
    if cursor is None:
        return bare
    if catchup and cursor.at > held.since:
        back = replace(cursor, at=held.since, taken=_taken(cursor, held))
        return _moved(bare, name, cursor, back, "resumed, and asked to make up for the pause")
    if held.cause is PauseCause.MAX_RUNS:
        anew = replace(cursor, at=max(cursor.at, held.since if catchup else now), taken=0)
        return _moved(bare, name, cursor, anew, "resumed, and counts its runs anew")
    if catchup or schedule is None or schedule.after is not None or cursor.revision != schedule.revision:
        return bare
    # What no beat has considered yet is decided while the pause still holds: it would be made up for afterwards.
    state = (await Past(engine.pauses, engine.results, engine.sweeps).states([schedule]))[name]
    plan = plan_due(Tracked(schedule=schedule, cursor=cursor), now, replace(state, pause=held))
    return item_of(plan, engine.keys, bare.take) if plan.entries else bare


def _taken(cursor: Cursor, held: Pause) -> int:
    return 0 if held.cause is PauseCause.MAX_RUNS else cursor.taken


def _moved(item: Item, name: str, old: Cursor, new: Cursor, why: str) -> Item:
    return replace(item, name=name, expected=old.form(), cursor=new.form(), begun=why)


def _told(engine: Engine, status: Status, name: str, reason: str) -> list[Command]:
    """Give the commands that tell of it: the outcome for people, the event for the beat that leads."""
    outcome = {"status": status.value, "schedule": name, "at": engine.clock(), "reason": reason}
    return [engine.outcomes.add(outcome), engine.events.add(status.value, schedule=name, reason=reason)]
