"""Decides what is due: every fire time in (cursor, now], each once, with a decision on record."""

import heapq
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from worker.domain.catchup import Due, decide
from worker.domain.errors import InvalidInput
from worker.domain.outcome import Decision
from worker.domain.schedule import Schedule, catchup_window
from worker.domain.trigger import Trigger
from worker.engine import planner
from worker.engine.halting import Point, reached
from worker.source import Source
from worker.store.cursors import Cursor, CursorStore
from worker.store.triggers import Entry, Item, TriggerStore

logger = logging.getLogger("zenbeat.scheduler")

CHUNK = 100
"""Schedules that are recorded in one script: long enough to be cheap, short enough that Redis answers others."""


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


class Scheduler:
    """The schedules of one shard, in memory as a heap of next fire times; the truth is the cursors in Redis."""

    def __init__(self, source: Source, cursors: CursorStore, triggers: TriggerStore, ring: Ring) -> None:
        self._source = source
        self._ring = ring
        self._cursors = cursors
        self._triggers = triggers
        self._tracked: dict[str, Tracked] = {}
        self._heap: list[tuple[datetime, str]] = []
        self._definitions: object = None
        self._fence = ""

    async def tick(self, now: datetime, fence: str) -> None:
        """Consider every schedule that is due at `now`; `fence` is this beat's hold on the lead. Raises LeadLost."""
        if fence != self._fence:
            # What another beat did meanwhile is only in Redis.
            self._fence = fence
            self._forget()
        try:
            await self._consider(now)
        except Exception:
            # What was taken from the heap and not written is due still: Redis knows, so begin anew from there.
            self._forget()
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

    def _forget(self) -> None:
        self._tracked.clear()
        self._heap.clear()
        self._definitions = None

    # --- definitions

    async def _read(self, now: datetime) -> None:
        """Take in what changed in the files."""
        definitions = self._source.read()
        if definitions is self._definitions:
            return
        for fault in definitions.faults:
            logger.error("fault in a schedule file", extra={"fault": fault})
        for warning in definitions.warnings:
            logger.warning("schedule file", extra={"warning": warning})
        await self._cursors.report_faults([str(fault) for fault in definitions.faults], self._fence)
        await self._adopt(definitions.schedules, now)
        self._definitions = definitions
        logger.info("schedules read", extra={"schedules": len(self._tracked), "faults": len(definitions.faults)})

    async def _adopt(self, schedules: Sequence[Schedule], now: datetime) -> None:
        fresh = [s for s in schedules if s.name not in self._tracked or self._tracked[s.name].schedule != s]
        known = await self._cursors.some([schedule.name for schedule in fresh])
        begun = []
        for schedule in fresh:
            cursor = known.get(schedule.name)
            if cursor is None or cursor.revision != schedule.revision:
                begun.append(self._begin(schedule, cursor, now))
            else:
                self._track(Tracked(schedule=schedule, cursor=cursor))
        await self._write(begun)
        self._drop({schedule.name for schedule in schedules})

    def _begin(self, schedule: Schedule, old: Cursor | None, now: datetime) -> Plan:
        """Begin to consider a schedule that is new, or whose timing was changed: from now on, never the past."""
        if old is not None:
            logger.info("timing changed", extra={"schedule": schedule.name, "reason": "it counts from now on"})
        after = Cursor(at=now, revision=schedule.revision, taken=old.taken if old else 0)
        return Plan(tracked=Tracked(schedule=schedule, cursor=old or NEW), after=after)

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
        entries = [self._entry(schedule, due, now) for due in _within(dues, schedule.max_runs, cursor.taken)]
        taken = cursor.taken + sum(entry.trigger is not None for entry in entries)
        at = max((due.fire_time for due in dues), default=now)
        return Plan(tracked=tracked, after=replace(cursor, at=at, taken=taken), entries=entries)

    def _entry(self, schedule: Schedule, due: Due, now: datetime) -> Entry:
        if due.decision is not Decision.FIRED:
            return _not_fired(schedule, due, now)
        try:
            trigger = planner.for_schedule(schedule, due.fire_time)
        except InvalidInput as error:
            skipped = replace(due, decision=Decision.SKIPPED, reason=f"the body cannot be rendered: {error}")
            return _not_fired(schedule, skipped, now)
        ledger = _ledger(due, trigger)
        ready = trigger.due if trigger.due > now else None
        return Entry(trigger=trigger, ready=ready, fire_time=due.fire_time, ledger=ledger)

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
        for schedule in listed:
            if schedule.name in known:
                self._track(Tracked(schedule=schedule, cursor=known[schedule.name]))


NEW = Cursor(at=datetime.fromisoformat("1970-01-01T00:00:00+00:00"), revision="")
"""Stands for the cursor of a schedule that was never considered."""


def _within(dues: Sequence[Due], limit: int | None, taken: int) -> Iterable[Due]:
    """Leave out the fires beyond `max_runs`."""
    for due in dues:
        if due.decision is Decision.FIRED:
            if limit is not None and taken >= limit:
                return
            taken += 1
        yield due


def _item(plan: Plan) -> Item:
    tracked = plan.tracked
    return Item(
        name=tracked.schedule.name,
        expected="" if tracked.cursor is NEW else tracked.cursor.form(),
        cursor=plan.after.form(),
        entries=plan.entries,
    )


def _ledger(due: Due, trigger: Trigger | None = None) -> dict[str, str]:
    entry = {"fire_time": due.fire_time.isoformat(), "decision": due.decision.value}
    if due.reason:
        entry["reason"] = due.reason
    return {**entry, "trigger": trigger.id} if trigger else entry


def _not_fired(schedule: Schedule, due: Due, now: datetime) -> Entry:
    outcome = {
        "status": due.decision.value,
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
