"""Decides what is due: every fire time in (cursor, now], each once, with a decision on record."""

import heapq
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from worker.domain.catchup import ON_TIME, Due, decide, skipped
from worker.domain.errors import InvalidInput
from worker.domain.outcome import Decision, Status
from worker.domain.schedule import Schedule, catchup_window
from worker.domain.trigger import Trigger
from worker.engine import planner
from worker.engine.halting import Point, reached
from worker.engine.rebuilding import Beginning, Rebuilder
from worker.source import Definitions, Source
from worker.store.cursors import Cursor, CursorStore
from worker.store.triggers import Entry, Item, TriggerStore

logger = logging.getLogger("zenbeat.scheduler")

CHUNK = 100
"""Schedules that are recorded in one script: long enough to be cheap, short enough that Redis answers others."""


SHORTEST_PATIENCE = timedelta(minutes=1)
"""A trigger that has fired waits at least so long for its server: a crash of ours must not make it too late."""

Ring = Callable[[], Awaitable[object]]
"""Called after each chunk, to dispatch what was recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """A schedule, and how far it has been considered."""

    schedule: Schedule
    cursor: Cursor

    def next(self) -> datetime | None:
        """Give the next fire time; None when there is none any more."""
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


class Scheduler:
    """The schedules of one shard, in memory as a heap of next fire times; the truth is the cursors in Redis."""

    def __init__(
        self, source: Source, cursors: CursorStore, triggers: TriggerStore, rebuilder: Rebuilder, ring: Ring
    ) -> None:
        self._source = source
        self._ring = ring
        self._cursors = cursors
        self._triggers = triggers
        self._rebuilder = rebuilder
        self._losing: datetime | None = None
        """When Redis was found empty, as long as it is not known of every schedule where to begin."""
        self._lost: datetime | None = None
        """When it was last found empty. What was due before may have been sent."""
        self._tracked: dict[str, Tracked] = {}
        self._heap: list[tuple[datetime, str]] = []
        self._definitions: Definitions | None = None
        self._adopted = False
        self._fence = ""

    async def tick(self, now: datetime, fence: str) -> None:
        """Consider every schedule that is due at `now`; `fence` is this beat's hold on the lead. Raises LeadLost."""
        if fence != self._fence:
            # What another beat did meanwhile is only in Redis.
            self._fence = fence
            self.forget()
        try:
            await self._consider(now)
        except Exception:
            # What was taken from the heap and not written is due still: Redis knows, so begin anew from there.
            self.forget()
            raise

    async def _consider(self, now: datetime) -> None:
        await self._read(now)
        due = self._pop_due(now)
        for start in range(0, len(due), CHUNK):
            await self._write([self._plan(tracked, now) for tracked in due[start : start + CHUNK]])
            # The first ones are on their way while the next are rendered.
            await self._ring()

    def stand_by(self) -> None:
        """Keep the files read, so that taking over takes no longer than it must."""
        self._source.read()

    def next_fire(self) -> datetime | None:
        """Give the instant at which something is due next."""
        return self._heap[0][0] if self._heap else None

    def __len__(self) -> int:
        return len(self._tracked)

    def forget(self) -> None:
        """Begin anew from what Redis knows, at the next tick."""
        self._tracked.clear()
        self._heap.clear()
        self._definitions = None

    # --- definitions

    async def _read(self, now: datetime) -> None:
        """Take in what changed in the files."""
        definitions = self._source.read()
        if definitions is not self._definitions:
            await self._report(definitions)
            self._definitions, self._adopted = definitions, False
        if not self._adopted:
            self._adopted = await self._adopt(definitions.schedules, now)

    async def _report(self, definitions: Definitions) -> None:
        for fault in definitions.faults:
            logger.error("fault in a schedule file", extra={"fault": fault})
        for warning in definitions.warnings:
            logger.warning("schedule file", extra={"warning": warning})
        await self._cursors.report_faults([str(fault) for fault in definitions.faults], self._fence)
        found = {"schedules": len(definitions.schedules), "faults": len(definitions.faults)}
        logger.info("schedules read", extra=found)

    async def _adopt(self, schedules: Sequence[Schedule], now: datetime) -> bool:
        """Track what is new or changed. False if some must wait: it is not known yet where to begin with them."""
        fresh = [s for s in schedules if s.name not in self._tracked or self._tracked[s.name].schedule != s]
        known = await self._cursors.some([schedule.name for schedule in fresh])
        self._drop({schedule.name for schedule in schedules})
        changed = []
        for schedule in fresh:
            cursor = known.get(schedule.name)
            if cursor is not None and cursor.at > now + ON_TIME:
                changed.append(_went_back(schedule, cursor, now))
            elif cursor is not None and cursor.revision == schedule.revision:
                self._track(Tracked(schedule=schedule, cursor=cursor))
            elif cursor is not None:
                changed.append(_changed(schedule, cursor, now))
        await self._write(changed)
        return await self._begin([schedule for schedule in fresh if schedule.name not in known], now)

    async def _begin(self, schedules: Sequence[Schedule], now: datetime) -> bool:
        """Begin with schedules that Redis does not know: they are new, or Redis has lost its memory."""
        if await self._cursors.remembers():
            await self._write([_new(schedule, now) for schedule in schedules])
            return True
        if self._losing is None:
            self._losing = self._lost = now
        begun = await self._rebuilder.begin(schedules, self._losing)
        await self._write(
            [_rebuilt(schedule, begun[schedule.name]) for schedule in schedules if schedule.name in begun]
        )
        if len(begun) < len(schedules):
            return False
        await self._cursors.remember(now, self._fence)
        self._losing = None
        return True

    def _track(self, tracked: Tracked) -> None:
        name = tracked.schedule.name
        self._tracked[name] = tracked
        when = tracked.next()
        if when is not None:
            heapq.heappush(self._heap, (when, name))

    def _drop(self, names: set[str]) -> None:
        """Stop considering schedules that are defined no more; entries in the heap go when they are due."""
        for name in self._tracked.keys() - names:
            del self._tracked[name]
            logger.info("schedule removed", extra={"schedule": name})

    # --- due

    def _pop_due(self, now: datetime) -> list[Tracked]:
        due: dict[str, Tracked] = {}
        while self._heap and self._heap[0][0] <= now:
            when, name = heapq.heappop(self._heap)
            tracked = self._tracked.get(name)
            # An entry that an edited or removed schedule left behind is not due.
            if tracked is not None and tracked.next() == when:
                due[name] = tracked
        return list(due.values())

    def _plan(self, tracked: Tracked, now: datetime) -> Plan:
        schedule, cursor = tracked.schedule, tracked.cursor
        dues = decide(schedule.timing, cursor.at, now, schedule.catchup, partial(catchup_window, schedule, now))
        at = max((due.fire_time for due in dues), default=now)
        decided = [*skipped(schedule.timing, cursor.at, at), *_within(dues, schedule.max_runs, cursor.taken)]
        entries = [self._entry(schedule, due, now) for due in decided]
        taken = cursor.taken + sum(entry.trigger is not None for entry in entries)
        return Plan(tracked=tracked, after=replace(cursor, at=at, taken=taken), entries=entries)

    def _entry(self, schedule: Schedule, due: Due, now: datetime) -> Entry:
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
            # Redis may have known it, and lost it: then it may have been sent.
            unclear=self._lost is not None and due.fire_time <= self._lost,
            # Only where a person has said how late is too late.
            expires=trigger.due + max(schedule.catchup_window, SHORTEST_PATIENCE) if schedule.catchup_window else None,
            fire_time=due.fire_time,
            ledger=_ledger(due, trigger),
        )

    async def _write(self, plans: Sequence[Plan]) -> None:
        if not plans:
            return
        reached(Point.BEFORE_RECORD)
        answers = await self._triggers.record([_item(plan) for plan in plans], self._fence)
        reached(Point.AFTER_RECORD)
        moved = []
        for plan, answer in zip(plans, answers, strict=True):
            if answer.written:
                self._track(replace(plan.tracked, cursor=plan.after))
                _tell(plan)
            else:
                moved.append(plan.tracked.schedule)
        if moved:
            await self._reload(moved)

    async def _reload(self, schedules: Iterable[Schedule]) -> None:
        """Another beat was here: its cursors count."""
        listed = list(schedules)
        logger.warning("cursor moved by another beat", extra={"schedules": len(listed)})
        known = await self._cursors.some([schedule.name for schedule in listed])
        if len(known) < len(listed):
            # Redis has forgotten them: begin anew, as at the start.
            self.forget()
            return
        for schedule in listed:
            self._track(Tracked(schedule=schedule, cursor=known[schedule.name]))


def _changed(schedule: Schedule, old: Cursor, now: datetime) -> Plan:
    """Go on with a schedule whose timing was changed: from now on, never the past."""
    logger.info("timing changed", extra={"schedule": schedule.name, "reason": "it counts from now on"})
    after = Cursor(at=now, revision=schedule.revision, taken=old.taken)
    return Plan(tracked=Tracked(schedule=schedule, cursor=old), after=after, begun="its timing was changed")


def _went_back(schedule: Schedule, old: Cursor, now: datetime) -> Plan:
    """Consider again what is still to come, though it was considered by a clock that was ahead.

    What was fired then is on record under its id, and is not started again.
    """
    logger.warning(
        "considered too far", extra={"schedule": schedule.name, "reason": f"until {old.at}: the clock went back"}
    )
    after = replace(old, at=now, revision=schedule.revision)
    return Plan(tracked=Tracked(schedule=schedule, cursor=old), after=after, begun="the clock went back")


def _new(schedule: Schedule, now: datetime) -> Plan:
    after = Cursor(at=now, revision=schedule.revision)
    return Plan(tracked=Tracked(schedule=schedule, cursor=NEW), after=after, begun="seen for the first time")


def _rebuilt(schedule: Schedule, begin: Beginning) -> Plan:
    after = Cursor(at=begin.at, revision=schedule.revision)
    return Plan(tracked=Tracked(schedule=schedule, cursor=NEW), after=after, begun=begin.reason)


NEW = Cursor(at=datetime.fromisoformat("1970-01-01T00:00:00+00:00"), revision="")
"""Stands for the cursor of a schedule that was never considered."""


def _within(dues: Sequence[Due], limit: int | None, taken: int) -> Iterable[Due]:
    """Turn away the fires beyond `max_runs`."""
    for due in dues:
        if due.decision is Decision.FIRED and limit is not None and taken >= limit:
            yield replace(due, decision=Decision.SKIPPED_MAX_RUNS, reason=f"it has fired max_runs = {limit} times")
            continue
        taken += due.decision is Decision.FIRED
        yield due


def _item(plan: Plan) -> Item:
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


def _tell(plan: Plan) -> None:
    for entry in plan.entries:
        extra = {"schedule": plan.tracked.schedule.name, "fire_time": entry.fire_time}
        if entry.trigger is not None:
            logger.info("fired", extra={**extra, "trigger": entry.trigger.id})
        elif entry.outcome is not None:
            logger.warning(entry.outcome["status"], extra={**extra, "reason": entry.outcome["reason"]})
