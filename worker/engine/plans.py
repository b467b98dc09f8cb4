"""What a tick is about to write for a schedule: its decisions, their triggers, and how far it has been considered."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from worker.domain.catchup import Due, decide, skipped
from worker.domain.errors import InvalidInput
from worker.domain.outcome import Decision, Status
from worker.domain.schedule import Schedule, catchup_window
from worker.domain.trigger import Trigger
from worker.engine import planner
from worker.engine.rebuilding import Beginning
from worker.store.cursors import Cursor
from worker.store.triggers import Entry, Item

logger = logging.getLogger("zenbeat.scheduler")

CHUNK = 100
"""Schedules, or fire times, that are recorded in one script: enough to be cheap, and soon done for the others' sake."""


SHORTEST_PATIENCE = timedelta(minutes=1)
"""A trigger that has fired waits at least so long for its server: a crash of ours must not make it too late."""


NEW = Cursor(at=datetime.fromisoformat("1970-01-01T00:00:00+00:00"), revision="")
"""Stands for the cursor of a schedule that was never considered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """A schedule, and how far it has been considered."""

    schedule: Schedule
    cursor: Cursor
    again: datetime | None = None
    """When it is considered again, after it brought out a fault of ours."""

    def next(self) -> datetime | None:
        """Give the instant at which it is to be considered: the next fire time; None when there is none any more."""
        if self.again is not None:
            return self.again
        limit = self.schedule.max_runs
        if limit is not None and self.cursor.taken >= limit:
            return None
        return self.schedule.timing.next(self.cursor.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a tick is about to write for one schedule."""

    tracked: Tracked
    after: Cursor
    entries: Sequence[Entry] = ()
    begun: str = ""
    """Why it begins anew at `after`, without a decision for what was before."""


def plan_due(tracked: Tracked, now: datetime, lost: datetime | None) -> Plan:
    """Decide every fire time since the cursor. `lost`: when Redis was found empty, if it was."""
    schedule, cursor = tracked.schedule, tracked.cursor
    dues = decide(schedule.timing, cursor.at, now, schedule.catchup, partial(catchup_window, schedule, now))
    at = max((due.fire_time for due in dues), default=now)
    decided = [*skipped(schedule.timing, cursor.at, at), *_within(dues, schedule.max_runs, cursor.taken)]
    entries = [_entry(schedule, due, now, lost) for due in decided]
    taken = cursor.taken + sum(entry.trigger is not None for entry in entries)
    return Plan(tracked=tracked, after=replace(cursor, at=at, taken=taken), entries=entries)


def _entry(schedule: Schedule, due: Due, now: datetime, lost: datetime | None) -> Entry:
    if due.decision is not Decision.FIRED:
        return _not_fired(schedule, due, now)
    try:
        trigger = planner.for_schedule(schedule, due.fire_time)
    except InvalidInput as error:
        refused = replace(due, decision=Decision.REJECTED, reason=f"the body cannot be rendered: {error}")
        return _not_fired(schedule, refused, now)
    return Entry(
        trigger=trigger,
        ready=trigger.due if trigger.due > now else None,
        unclear=lost is not None and due.fire_time <= lost,
        # Only where a person has said how late is too late.
        expires=trigger.due + max(schedule.catchup_window, SHORTEST_PATIENCE) if schedule.catchup_window else None,
        fire_time=due.fire_time,
        ledger=_ledger(due, trigger),
    )


def plan_changed(schedule: Schedule, old: Cursor, now: datetime) -> Plan:
    """Go on with a schedule whose timing was changed: from now on, never the past."""
    logger.info("timing changed", extra={"schedule": schedule.name, "reason": "it counts from now on"})
    after = Cursor(at=now, revision=schedule.revision, taken=old.taken)
    return Plan(tracked=Tracked(schedule=schedule, cursor=old), after=after, begun="its timing was changed")


def plan_back(schedule: Schedule, old: Cursor, now: datetime) -> Plan:
    """Consider again what is still to come, though it was considered by a clock that was ahead.

    What was fired then is on record under its id, and is not started again.
    """
    logger.warning(
        "considered too far", extra={"schedule": schedule.name, "reason": f"until {old.at}: the clock went back"}
    )
    after = replace(old, at=now, revision=schedule.revision)
    return Plan(tracked=Tracked(schedule=schedule, cursor=old), after=after, begun="the clock went back")


def plan_new(schedule: Schedule, now: datetime) -> Plan:
    """Begin with a schedule that is new: from now on, never the past."""
    after = Cursor(at=now, revision=schedule.revision)
    return Plan(tracked=Tracked(schedule=schedule, cursor=NEW), after=after, begun="seen for the first time")


def plan_rebuilt(schedule: Schedule, begin: Beginning) -> Plan:
    """Begin with a schedule that Redis has forgotten, where ZenML's runs say."""
    after = Cursor(at=begin.at, revision=schedule.revision, taken=begin.taken)
    return Plan(tracked=Tracked(schedule=schedule, cursor=NEW), after=after, begun=begin.reason)


def chunks(plans: Iterable[Plan]) -> Iterator[list[Plan]]:
    """Put plans together until there is enough for one script; one schedule is never divided."""
    chunk: list[Plan] = []
    weight = 0
    for plan in plans:
        chunk.append(plan)
        weight += max(1, len(plan.entries))
        if weight >= CHUNK:
            yield chunk
            chunk, weight = [], 0
    if chunk:
        yield chunk


def _within(dues: Sequence[Due], limit: int | None, taken: int) -> Iterable[Due]:
    """Turn away the fires beyond `max_runs`."""
    for due in dues:
        if due.decision is Decision.FIRED and limit is not None and taken >= limit:
            yield replace(due, decision=Decision.SKIPPED_MAX_RUNS, reason=f"it has fired max_runs = {limit} times")
            continue
        taken += due.decision is Decision.FIRED
        yield due


def item_of(plan: Plan) -> Item:
    """Give a plan in the form in which it is recorded."""
    tracked = plan.tracked
    return Item(
        name=tracked.schedule.name,
        expected="" if tracked.cursor is NEW else tracked.cursor.form(),
        cursor=plan.after.form(),
        begun=plan.begun,
        entries=plan.entries,
    )


def _ledger(due: Due, trigger: Trigger | None = None) -> dict[str, Any]:
    entry: dict[str, Any] = {"fire_time": due.fire_time.isoformat(), "decision": due.decision.value}
    if due.reason:
        entry["reason"] = due.reason
    if due.earlier:
        entry["earlier"] = due.earlier
    return {**entry, "trigger": trigger.id} if trigger else entry


def _not_fired(schedule: Schedule, due: Due, now: datetime) -> Entry:
    missed = due.decision is Decision.MISSED_DOWNTIME
    outcome = {
        "status": Status.MISSED if missed else Status.SKIPPED,
        "decision": due.decision,
        "origin": "schedule",
        "schedule": schedule.name,
        "pipeline": schedule.target.pipeline,
        "fire_time": due.fire_time,
        "at": now,
        "reason": due.reason,
    }
    return Entry(fire_time=due.fire_time, ledger=_ledger(due), outcome=outcome)


def tell(plan: Plan) -> None:
    """Log what was decided."""
    for entry in plan.entries:
        extra = {"schedule": plan.tracked.schedule.name, "fire_time": entry.fire_time}
        if entry.trigger is not None:
            logger.info("fired", extra={**extra, "trigger": entry.trigger.id})
        elif entry.outcome is not None:
            logger.warning(entry.outcome["status"], extra={**extra, "reason": entry.outcome["reason"]})
