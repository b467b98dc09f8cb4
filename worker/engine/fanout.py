"""Keeps sweeps and backfills going: records their trials little by little, and sees when they are over."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from worker.domain.errors import InvalidInput, ZenbeatError
from worker.domain.schedule import Schedule, SweepDefinition
from worker.domain.trial import TrialResult
from worker.engine.aside import Aside
from worker.engine.asking import Studies
from worker.engine.halting import Point, reached
from worker.engine.newsweeps import fired_sweep
from worker.engine.past import Past
from worker.engine.trials import Fires, Points, SweepReader, Trials
from worker.engine.winding import Winder
from worker.store.items import Command, Entry, Item
from worker.store.sweeprows import Kind, SweepRow
from worker.store.sweeps import SweepStore
from worker.store.triggers import TriggerStore

logger = logging.getLogger("zenbeat.sweep")

CHUNK = 200
"""Trials recorded in one script."""

FULL = 1_000
"""With this many triggers waiting, no trials are added: the queue, not the sweep, sets the pace."""


AGAIN = timedelta(minutes=1)
"""Until a sweep is seen to again that brought out a fault of ours."""


PATIENCE = timedelta(minutes=1)
"""Until a backfill ends whose schedule is not defined any more: a file may not have been read yet."""


class Fanout:
    """Records the trials of every sweep that is not over, for the beat that leads."""

    def __init__(
        self,
        *,
        sweeps: SweepStore,
        reader: SweepReader,
        triggers: TriggerStore,
        past: Past,
        now: Callable[[], datetime],
    ) -> None:
        self._sweeps = sweeps
        self._triggers = triggers
        self._past = past
        self._now = now
        self._studies = Studies(sweeps)
        self._winder = Winder(sweeps, triggers, now)
        self._reader = reader
        self._aside = Aside()
        self._turn = 0
        self._complete = True
        self._fence = ""
        self._put_off: dict[str, datetime] = {}
        """Sweep -> until when, after it brought out a fault of ours."""
        self._undefined: dict[str, datetime] = {}
        """Backfill -> since when its schedule is not defined."""

    async def advance(self, schedules: Mapping[str, Schedule], fence: str, *, complete: bool = True) -> bool:
        """Record the next trials of every sweep, as far as there is room. Part of each tick of who leads.

        Tells whether more may follow at once: some were recorded, or are being looked for. Unless the schedules are
        `complete`, one that is missing may stand in a file that cannot be read. Raises LeadLost.
        """
        self._complete = complete
        if fence != self._fence:
            # What another beat did meanwhile is only in Redis.
            self._fence = fence
            self._studies.keep(())
            self._aside.keep(())
        rows = self._in_turn(await self._sweeps.active())
        self._reader.keep({row.id for row in rows})
        self._studies.keep({row.id for row in rows})
        self._aside.keep({row.id for row in rows})
        self._undefined = {row.id: self._undefined[row.id] for row in rows if row.id in self._undefined}
        room = FULL - await self._triggers.waiting() if rows else 0
        recorded = 0
        for row in rows:
            recorded += await self._see_to(row, schedules, room - recorded, fence)
        return recorded > 0 or self._aside.busy

    def _in_turn(self, rows: Sequence[SweepRow]) -> list[SweepRow]:
        """Begin with another one each time: where there is little room, each gets its share of it."""
        self._turn += 1
        first = self._turn % len(rows) if rows else 0
        return [*rows[first:], *rows[:first]]

    async def _see_to(self, row: SweepRow, schedules: Mapping[str, Schedule], room: int, fence: str) -> int:
        if row.over:
            await self._finish(row, fence)
            return 0
        if row.ended or row.stopping:
            await self._winder.wind(row, fence)
            return 0
        if row.paused or row.all_recorded or self._waits(row, schedules):
            return 0
        if self._put_off.get(row.id, self._now()) > self._now():
            return 0
        return await self._tried(row, schedules, room, fence)

    async def _tried(self, row: SweepRow, schedules: Mapping[str, Schedule], room: int, fence: str) -> int:
        """Go on with a sweep; one that cannot be computed must not hold up everything else."""
        try:
            return await self._go_on(row, schedules, room, fence)
        except (InvalidInput, ValueError, IndexError) as error:
            logger.error("sweep ended", extra={"sweep": row.id, "trial": row.next, "reason": error})
            await self._end(row, f"after trial {row.recorded}: {error}", fence)
        except ZenbeatError:
            raise
        except Exception:
            # As broad as in the tick, and for the same reason.
            logger.exception("sweep cannot go on", extra={"sweep": row.id, "trial": row.next})
            self._put_off[row.id] = self._now() + AGAIN
        return 0

    def _waits(self, row: SweepRow, schedules: Mapping[str, Schedule]) -> bool:
        """Tell whether a backfill waits for its schedule: a file that is broken, or not read yet, is no end of it."""
        if row.kind is Kind.SWEEP or row.name in schedules:
            self._undefined.pop(row.id, None)
            return False
        if row.id not in self._undefined:
            logger.warning("backfill waits", extra={"sweep": row.id, "reason": f"schedule {row.name} is not defined"})
        since = self._undefined.setdefault(row.id, self._now())
        return not self._complete or self._now() - since < PATIENCE

    async def _go_on(self, row: SweepRow, schedules: Mapping[str, Schedule], room: int, fence: str) -> int:
        trials = await self._trials(row, schedules)
        if trials is None:
            return 0
        if isinstance(trials, Points) and (reason := _used_up(row, trials.definition)):
            logger.info("sweep ended", extra={"sweep": row.id, "trial": row.next, "reason": reason})
            await self._end(row, reason, fence)
            return 0
        count = min(room, CHUNK, row.total - row.recorded, _most(row, trials))
        if count > 0 and isinstance(trials, Points):
            found = await self._found(row, trials, count)
            trials, count = Points(trials.definition, found), len(found)
        if count <= 0:
            return 0
        await self._record(row, trials, count, fence)
        told = f"{row.next}-{row.next + count - 1} of {row.total}"
        logger.info("trials recorded", extra={"sweep": row.id, "trials": told})
        return count

    async def _record(self, row: SweepRow, trials: Trials, count: int, fence: str) -> None:
        """Record the next trials, unless somebody has done so meanwhile. Raises LeadLost."""
        entries, commands = await self._next(row, trials, count)
        expected, cursor = str(row.next), str(row.next + count)
        item = Item(
            sweep=row.id, ledger=trials.ledger, expected=expected, cursor=cursor, entries=entries, commands=commands
        )
        reached(Point.BEFORE_TRIALS)
        written = False
        try:
            (recorded,) = await self._triggers.record([item], fence)
            written = recorded.written
        finally:
            if not written:
                # What a study chose for these trials did not come to anything.
                self._studies.forget(row.id)
        reached(Point.AFTER_TRIALS)

    async def _trials(self, row: SweepRow, schedules: Mapping[str, Schedule]) -> Trials | None:
        """Give the trials of a sweep, None while a large definition is being read."""
        if row.kind is Kind.SWEEP:
            return await self._aside.get((row.id, row.fingerprint), lambda: self._reader.points(row))
        return await self._reader.fires(row, schedules, self._past)

    async def _found(self, row: SweepRow, points: Points, count: int) -> dict[int, dict[str, Any]]:
        """Find the next points, as many as are found in a moment: a filter may have to look at a million for one."""
        numbers, sweep = range(row.next, row.next + count), points.definition.sweep

        async def look() -> dict[int, dict[str, Any]]:
            if sweep.computed:
                return await asyncio.to_thread(points.computed, numbers)
            return await self._studies.choose(row, sweep, numbers)

        found = await self._aside.get((row.id, row.fingerprint, str(row.next)), look) or {}
        # It may have been begun when there was more room.
        return dict(islice(found.items(), count))

    async def _next(self, row: SweepRow, trials: Trials, count: int) -> tuple[list[Entry], list[Command]]:
        """Give what is recorded for the next trials."""
        now, numbers = self._now(), range(row.next, row.next + count)
        commands: list[Command] = []
        if isinstance(trials, Points) and not trials.definition.sweep.computed:
            commands = [self._sweeps.asked(row.id, number, plain) for number, plain in trials.chosen.items()]
        if isinstance(trials, Fires) and trials.schedule.sweep is not None:
            commands = await self._begun(row, trials, numbers, now)
        entries: list[Entry] = []
        for number in numbers:
            try:
                entries += trials.entries(row, number, now)
            except InvalidInput as error:
                if not isinstance(trials, Fires):
                    raise
                # As on the clock: it is this fire alone that has no run.
                entries.append(trials.rejected(row, number, str(error)))
                result = TrialResult(number=number, fate="dead", reason=str(error))
                commands += [*self._sweeps.count(row.id, dead=1), self._sweeps.result(row.id, result)]
        return entries, commands

    async def _begun(self, row: SweepRow, trials: Fires, numbers: Sequence[int], now: datetime) -> list[Command]:
        """Give what begins the sweeps of fire times; each has one, whoever began it."""
        fires = [trials.backfill.fires[number - 1] for number in numbers]
        new = [fired_sweep(trials.schedule, fire, now, parent=row.id, backfill=trials.backfill) for fire in fires]
        known = await self._sweeps.some([each.id for each in new])
        commands: list[Command] = []
        for each, there in zip(new, known, strict=True):
            fresh = there is None
            commands += self._sweeps.begin(each) if fresh else []
            commands += self._sweeps.count(row.id, **{"open" if fresh else "known": 1})
        return commands

    async def _end(self, row: SweepRow, reason: str, fence: str) -> None:
        await self._triggers.record([Item(commands=self._sweeps.end(row.id, reason))], fence)

    async def _finish(self, row: SweepRow, fence: str) -> None:
        """Say that a sweep is over; the backfill whose trial it was has one less open."""
        if row.parent and row.finished is None:
            await self._triggers.record([self._sweeps.tell(row)], fence)
        if await self._sweeps.finish(row, self._now(), fence):
            logger.info("sweep is over", extra={"sweep": row.id, "schedule": row.name, "reason": row.ended or None})


def _used_up(row: SweepRow, definition: SweepDefinition) -> str:
    """Say why a sweep has no more trials, though it was meant to have them; "" if it goes on."""
    budget, stop = definition.sweep.budget, definition.sweep.stop_when
    failures = row.failed + row.dead
    if stop and stop.failures is not None and failures >= stop.failures:
        return f"{failures} trials failed (stop_when.failures: {stop.failures})"
    if budget and budget.hours is not None and row.seconds >= budget.hours * 3600:
        return f"its runs took {row.seconds / 3600:.2f} hours (budget.hours: {budget.hours:g})"
    if budget and budget.runs is not None and row.runs >= budget.runs:
        return f"it has had its {budget.runs} runs (budget.runs)"
    return ""


def _most(row: SweepRow, trials: Trials) -> int:
    """Count the trials that may be added now for what is on its way."""
    going = row.open + row.running
    limits = [row.total]
    if trials.max_parallel is not None:
        # A sampler that learns waits for what the last ones have shown.
        learning = isinstance(trials, Points) and not trials.definition.sweep.computed
        limits.append(trials.max_parallel - going - (row.measuring if learning else 0))
    if isinstance(trials, Points) and trials.definition.sweep.budget and trials.definition.sweep.budget.runs:
        limits.append(trials.definition.sweep.budget.runs - row.runs - going)
    return min(limits)
