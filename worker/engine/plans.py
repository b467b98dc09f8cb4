"""What a tick is about to write for a schedule: its decisions, their triggers, and how far it has been considered."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from worker.domain.catchup import ON_TIME, Due, decide, skipped
from worker.domain.errors import InvalidInput
from worker.domain.outcome import Decision, Status
from worker.domain.pause import Pause
from worker.domain.results import Result
from worker.domain.schedule import Overlap, Schedule, catchup_window
from worker.domain.trigger import Trigger
from worker.engine import planner
from worker.engine.following import Upstream
from worker.engine.newsweeps import fired_sweep
from worker.engine.planner import Known
from worker.engine.rebuilding import Beginning
from worker.store.cursors import Cursor
from worker.store.events import add_event
from worker.store.expectations import Deadline, to_be_met
from worker.store.items import Command, Entry, Item
from worker.store.keys import Keys
from worker.store.sweeprows import NewSweep, begin_sweep

logger = logging.getLogger("zenbeat.scheduler")

CHUNK = 100
"""Schedules, or fire times, that are recorded in one script: enough to be cheap, and soon done for the others' sake."""


SHORTEST_PATIENCE = timedelta(minutes=1)
"""A trigger that has fired waits at least so long for its server: a crash of ours must not make it too late."""


MOMENT = timedelta(milliseconds=1)
"""As fine as Redis keeps instants."""


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
    sweeps: Sequence[NewSweep] = ()
    """The sweeps that begin with it, where its fires are sweeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What decides about a schedule's fires besides its definition and its cursor."""

    lost: datetime | None = None
    """When Redis was found empty, if it was: what was due before may have been sent."""
    pause: Pause | None = None
    last_success: Result | None = None
    sweeping: bool = False
    """A sweep that it began is not over."""


def plan_due(tracked: Tracked, now: datetime, state: State) -> Plan:
    """Decide every fire time since the cursor."""
    schedule, cursor = tracked.schedule, tracked.cursor
    dues = decide(schedule.timing, cursor.at, now, schedule.catchup, partial(catchup_window, schedule, now))
    at = max((due.fire_time for due in dues), default=now)
    dues = [_unless_paused(due, state.pause) for due in dues]
    if schedule.sweep is not None and schedule.overlap is Overlap.SKIP:
        dues = _one_sweep(dues, sweeping=state.sweeping)
    known = Known(last_success=state.last_success)
    if schedule.coalesce:
        dues, known = _coalesced(schedule, dues, now, known)
    decided = [*skipped(schedule.timing, cursor.at, at), *_within(dues, schedule.max_runs, cursor.taken)]
    entries = [_entry(schedule, due, now, state.lost, known) for due in decided]
    taken = cursor.taken + sum(_has_fired(entry) for entry in entries)
    begins = [entry.fire_time for entry in entries if _has_fired(entry) and entry.fire_time and schedule.sweep]
    sweeps = [fired_sweep(schedule, fire_time, now) for fire_time in begins]
    return Plan(tracked=tracked, after=replace(cursor, at=at, taken=taken), entries=entries, sweeps=sweeps)


def _has_fired(entry: Entry) -> bool:
    return entry.ledger is not None and entry.ledger["decision"] == Decision.FIRED


def _one_sweep(dues: Sequence[Due], *, sweeping: bool) -> list[Due]:
    """Let a fire go while a sweep of its schedule is not over."""
    left = []
    for due in dues:
        if due.decision is Decision.FIRED and sweeping:
            due = replace(due, decision=Decision.SKIPPED_OVERLAP, reason="the sweep before it is not over")
        sweeping = sweeping or due.decision is Decision.FIRED
        left.append(due)
    return left


def plan_followed(tracked: Tracked, at: datetime, upstreams: Sequence[Upstream], state: State) -> Plan:
    """Decide about a schedule whose upstream runs have ended; `at` stands for its fire time."""
    schedule, cursor = tracked.schedule, tracked.cursor
    # Several ends may be noticed in one instant, and each decision needs one of its own in the ledger.
    at = max(at, cursor.at + MOMENT)
    due = Due(fire_time=at, decision=Decision.FIRED, reason=f"after {' and '.join(map(str, upstreams))}")
    if not schedule.timing.is_open(at):
        closed = "before its start_time, after its end_time, or among skip_dates"
        due = replace(due, decision=Decision.SKIPPED_CALENDAR, reason=f"the moment is {closed}")
    (due,) = _within([_unless_paused(due, state.pause)], schedule.max_runs, cursor.taken)
    known = Known(last_success=state.last_success, upstreams=tuple(upstreams))
    entry = _entry(schedule, due, at, state.lost, known)
    after = replace(cursor, at=at, taken=cursor.taken + (entry.trigger is not None))
    return Plan(tracked=tracked, after=after, entries=[entry])


def _unless_paused(due: Due, pause: Pause | None) -> Due:
    if pause is None or not pause.covers(due.fire_time) or due.decision not in _STOPPED_BY_A_PAUSE:
        return due
    return replace(due, decision=Decision.SKIPPED_PAUSED, reason=str(pause))


_STOPPED_BY_A_PAUSE = {Decision.FIRED, Decision.MISSED_DOWNTIME}


def _coalesced(schedule: Schedule, dues: Sequence[Due], now: datetime, known: Known) -> tuple[list[Due], Known]:
    """Make one run of all fires that are made up for: the newest, over the whole window."""
    fires = [due.fire_time for due in dues if due.decision is Decision.FIRED]
    if len(fires) < 2 or fires[0] > now - ON_TIME:
        return list(dues), known
    newest = fires[-1]
    reason = f"it is part of the run of {newest.isoformat()}"
    listed = [
        replace(due, decision=Decision.COALESCED, reason=reason)
        if due.decision is Decision.FIRED and due.fire_time < newest
        else due
        for due in dues
    ]
    return listed, replace(known, window_start=planner.previous(schedule, fires[0]))


def _entry(schedule: Schedule, due: Due, now: datetime, lost: datetime | None, known: Known) -> Entry:
    if due.decision is not Decision.FIRED:
        return _not_fired(schedule, due, now)
    if schedule.sweep is not None:
        return Entry(fire_time=due.fire_time, ledger=ledger_of(due))
    try:
        trigger = planner.for_schedule(schedule, due.fire_time, known)
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
        ledger=ledger_of(due, trigger),
        overlap=None if schedule.overlap is Overlap.ALLOW else schedule.overlap,
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
    entries = [entry for fire in begin.going if (entry := _known_again(schedule, fire)).trigger]
    return Plan(tracked=Tracked(schedule=schedule, cursor=NEW), after=after, begun=begin.reason, entries=entries)


def _known_again(schedule: Schedule, fire: datetime) -> Entry:
    """Take a run that is going on up again: its trigger finds it by its name, and it is followed."""
    due = Due(fire_time=fire, decision=Decision.FIRED, reason="Redis had lost its memory: its run was going on")
    return replace(_entry(schedule, due, fire, fire, planner.NOTHING), overlap=None, expires=None)


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


def item_of(plan: Plan, keys: Keys, take: Command | None = None) -> Item:
    """Give a plan in the form in which it is recorded; `take` takes away what gave rise to it."""
    tracked = plan.tracked
    return Item(
        take=take,
        commands=[
            *_deadlines(plan, keys),
            *_misses(plan, keys),
            *(command for new in plan.sweeps for command in begin_sweep(keys, new)),
        ],
        name=tracked.schedule.name,
        expected="" if tracked.cursor is NEW else tracked.cursor.form(),
        cursor=plan.after.form(),
        begun=plan.begun,
        entries=plan.entries,
    )


def _deadlines(plan: Plan, keys: Keys) -> Iterator[Command]:
    schedule = plan.tracked.schedule
    for entry in plan.entries:
        if schedule.deadline and entry.trigger and entry.fire_time:
            by = schedule.deadline.instant(entry.fire_time, schedule.timezone)
            yield to_be_met(keys, Deadline(schedule=schedule.name, fire_time=entry.fire_time, by=by))


def _misses(plan: Plan, keys: Keys) -> Iterator[Command]:
    """Make it known that fire times pass without a run, once for all of them."""
    missed = [entry for entry in plan.entries if entry.outcome and entry.outcome["decision"] in MISSES]
    if missed:
        last = missed[-1].outcome or {}
        fields = {"schedule": plan.tracked.schedule.name, "count": len(missed)}
        more = {"fire_time": last["fire_time"], "reason": last["reason"]}
        yield add_event(keys, "missed", **fields, **more)


MISSES = frozenset({Decision.MISSED_DOWNTIME, Decision.REJECTED})
"""Decisions by which a fire time passes without a run, against the will of whoever defined it."""


def ledger_of(due: Due, trigger: Trigger | None = None) -> dict[str, Any]:
    """Give a decision as it stands in the ledger."""
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
    return Entry(fire_time=due.fire_time, ledger=ledger_of(due), outcome=outcome)


def tell(plan: Plan) -> None:
    """Log what was decided."""
    for entry in plan.entries:
        extra = {"schedule": plan.tracked.schedule.name, "fire_time": entry.fire_time}
        if entry.trigger is not None:
            logger.info("fired", extra={**extra, "trigger": entry.trigger.id})
        elif entry.outcome is not None:
            logger.warning(entry.outcome["status"], extra={**extra, "reason": entry.outcome["reason"]})
