"""Decides what is due: every fire time in (cursor, now], each once, with a decision on record."""

import heapq
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from worker.domain.catchup import ON_TIME
from worker.domain.errors import Fault
from worker.domain.schedule import Schedule
from worker.engine.book import Book
from worker.engine.halting import Point, reached
from worker.engine.past import Past
from worker.engine.plans import (
    Plan,
    State,
    Tracked,
    chunks,
    item_of,
    plan_back,
    plan_changed,
    plan_due,
    plan_new,
    plan_rebuilt,
    tell,
)
from worker.engine.rebuilding import Rebuilder
from worker.source import Definitions
from worker.store.cursors import CursorStore
from worker.store.triggers import TriggerStore

logger = logging.getLogger("zenbeat.scheduler")


Ring = Callable[[], Awaitable[object]]
"""Called after each chunk, to dispatch what was recorded."""

AGAIN = timedelta(minutes=1)
"""Until a schedule is considered again that brought out a fault of ours."""


class Scheduler:
    """The schedules of one shard, in memory as a heap of next fire times; the truth is the cursors in Redis."""

    def __init__(
        self, book: Book, cursors: CursorStore, triggers: TriggerStore, past: Past, rebuilder: Rebuilder, ring: Ring
    ) -> None:
        self._book = book
        self._ring = ring
        self._cursors = cursors
        self._triggers = triggers
        self._past = past
        self._rebuilder = rebuilder
        self._losing: datetime | None = None
        """When Redis was found empty, as long as it is not known of every schedule where to begin."""
        self._lost: datetime | None = None
        """When it was last found empty. What was due before may have been sent."""
        self._tracked: dict[str, Tracked] = {}
        self._heap: list[tuple[datetime, str]] = []
        self._definitions: Definitions | None = None
        self.definitions = Definitions()
        """What is defined, as it was read last."""
        self._told: frozenset[Fault] = frozenset()
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
        states = await self._past.states([tracked.schedule for tracked in due], self._lost)
        for plans in chunks(self._plans(due, states, now)):
            await self._write(plans)
            # The first ones are on their way while the next are rendered.
            await self._ring()

    def _plans(self, due: Iterable[Tracked], states: Mapping[str, State], now: datetime) -> Iterator[Plan]:
        for tracked in due:
            try:
                plan = plan_due(tracked, now, states[tracked.schedule.name])
            except Exception:
                # As broad as in the tick, and for the same reason: the other schedules go on.
                logger.exception("schedule cannot be considered", extra={"schedule": tracked.schedule.name})
                self._track(replace(tracked, again=now + AGAIN))
                continue
            yield plan

    def stand_by(self) -> None:
        """Keep the files read, so that taking over takes no longer than it must."""
        self._book.stand_by()

    def next_fire(self) -> datetime | None:
        """Give the instant at which something is due next."""
        return self._heap[0][0] if self._heap else None

    def upcoming(self, until: datetime) -> list[tuple[datetime, Schedule]]:
        """Give what is due until an instant, each schedule with its next fire, in no order."""
        found = [(when, name) for when, name in self._heap if when <= until and name in self._tracked]
        pairs = [(when, self._tracked[name]) for when, name in found]
        return [(when, tracked.schedule) for when, tracked in pairs if tracked.next() == when]

    def __len__(self) -> int:
        return len(self._tracked)

    def forget(self) -> None:
        """Begin anew from what Redis knows, at the next tick."""
        self._tracked.clear()
        self._heap.clear()
        self._definitions = None

    # --- definitions

    async def _read(self, now: datetime) -> None:
        """Take in what changed in the files, and over the API."""
        definitions = await self._book.read_on()
        if definitions is not self._definitions:
            await self._report(definitions)
            self._definitions = self.definitions = definitions
            self._adopted = False
        if not self._adopted:
            self._adopted = await self._adopt(definitions.schedules, now)

    async def _report(self, definitions: Definitions) -> None:
        # A change of one schedule is no news of the faults of the others.
        for fault in definitions.faults:
            if fault not in self._told:
                logger.error("fault in a schedule file", extra={"fault": fault})
        for warning in definitions.warnings:
            if warning not in self._told:
                logger.warning("schedule file", extra={"warning": warning})
        self._told = frozenset((*definitions.faults, *definitions.warnings))
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
                changed.append(plan_back(schedule, cursor, now))
            elif cursor is not None and cursor.revision == schedule.revision:
                self._track(Tracked(schedule=schedule, cursor=cursor))
            elif cursor is not None:
                changed.append(plan_changed(schedule, cursor, now))
        for plans in chunks(changed):
            await self._write(plans)
        return await self._begin([schedule for schedule in fresh if schedule.name not in known], now)

    async def _begin(self, schedules: Sequence[Schedule], now: datetime) -> bool:
        """Begin with schedules that Redis does not know: they are new, or Redis has lost its memory."""
        if await self._cursors.remembers():
            for plans in chunks(plan_new(schedule, now) for schedule in schedules):
                await self._write(plans)
            return True
        if self._losing is None:
            self._losing = self._lost = now
        begun = await self._rebuilder.begin(schedules, self._losing)
        known = (plan_rebuilt(schedule, begun[schedule.name]) for schedule in schedules if schedule.name in begun)
        for plans in chunks(known):
            await self._write(plans)
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

    async def _write(self, plans: Sequence[Plan]) -> None:
        if not plans:
            return
        reached(Point.BEFORE_RECORD)
        items = [item_of(plan, self._triggers.keys) for plan in plans]
        answers = await self._triggers.record(items, self._fence)
        reached(Point.AFTER_RECORD)
        moved = []
        for plan, answer in zip(plans, answers, strict=True):
            if answer.written:
                self._track(replace(plan.tracked, cursor=plan.after, again=None))
                tell(plan)
            else:
                moved.append(plan.tracked.schedule)
        if moved:
            logger.warning("cursor moved by somebody else", extra={"schedules": len(moved)})
            await self._reload(moved)

    async def reread(self, names: Iterable[str]) -> None:
        """Go on from what Redis knows of some schedules: their cursors were moved on purpose."""
        await self._reload([self._tracked[name].schedule for name in set(names) & self._tracked.keys()])

    async def _reload(self, schedules: Sequence[Schedule]) -> None:
        known = await self._cursors.some([schedule.name for schedule in schedules])
        if len(known) < len(schedules):
            # Redis has forgotten them: begin anew, as at the start.
            self.forget()
            return
        for schedule in schedules:
            self._track(Tracked(schedule=schedule, cursor=known[schedule.name]))
