"""What the trials of a sweep are: points of its space, points that a study chooses, or fire times of a schedule."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from time import thread_time
from typing import Any

from worker.domain.catchup import Due
from worker.domain.errors import InvalidInput
from worker.domain.outcome import Decision
from worker.domain.schedule import Schedule, SweepDefinition
from worker.domain.trigger import Trigger, again
from worker.engine import planner
from worker.engine.definitions import Backfill, decode_backfill, decode_sweep
from worker.engine.past import Past
from worker.engine.planner import Known, Occasion
from worker.engine.plans import ledger_of
from worker.store.items import Entry
from worker.store.sweeprows import Kind, SweepRow
from worker.store.sweeps import SweepStore

MOST_LISTED = 1_000
"""Fire times that are listed as part of one run: the newest, as the ledger keeps them."""

QUICK = 0.1
"""Seconds of computing after which what was found is recorded before more is looked for."""


def occasion(row: SweepRow) -> Occasion:
    """Give what its trials know of a sweep."""
    return Occasion(id=row.id, fire_time=row.fire_time, zone=row.zone)


class Trials(ABC):
    """The trials of one sweep."""

    max_parallel: int | None = None
    """The most that may be on their way or running; None is as many as the limits allow."""
    ledger: str | None = None
    """The schedule whose fires they are."""

    @abstractmethod
    def trigger(self, row: SweepRow, number: int, now: datetime) -> Trigger:
        """Make the trigger of a trial. Raises InvalidInput."""

    def entries(self, row: SweepRow, number: int, now: datetime) -> list[Entry]:
        """Give what is recorded for a trial. Raises InvalidInput."""
        return [Entry(trigger=self.trigger(row, number, now))]

    def again(self, row: SweepRow, number: int, runs: int, now: datetime) -> Trigger:
        """Make the trigger for one more run of a trial that has had so many."""
        trigger = self.trigger(row, number, now)
        for _ in range(runs):
            trigger = again(trigger, now)
        return trigger


class Points(Trials):
    """Points of a search space: computed, or as a study has chosen them."""

    def __init__(self, definition: SweepDefinition, asked: Mapping[int, Mapping[str, Any]] | None = None) -> None:
        self.definition = definition
        self.max_parallel = definition.sweep.max_parallel
        self.chosen = asked or {}
        """`{params, …}` of trials that were found, or chosen by a study, before."""

    def params(self, number: int) -> dict[str, Any]:
        """Give the parameters of a trial. Raises IndexError for one that was not chosen yet."""
        if number in self.chosen:
            return dict(self.chosen[number]["params"])
        if not self.definition.sweep.computed:
            raise IndexError(f"trial {number} was not chosen yet")
        return self.definition.sweep.trial(number)

    def computed(self, numbers: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Compute the parameters of trials, `{params}` of each: the first of them, and more as long as it is quick.

        Raises IndexError, or NothingSatisfies, if there is no first one.
        """
        found: dict[int, dict[str, Any]] = {}
        begun = thread_time()
        for number in numbers:
            try:
                found[number] = {"params": self.definition.sweep.trial(number)}
            except (IndexError, ValueError):
                if not found:
                    raise
                break
            if thread_time() - begun > QUICK:
                break
        return found

    def trigger(self, row: SweepRow, number: int, now: datetime) -> Trigger:
        """Make the trigger of a trial."""
        return planner.for_trial(occasion(row), self.definition, number, now, self.params(number))


class Fires(Trials):
    """Fire times of a schedule, as it is defined now."""

    def __init__(self, backfill: Backfill, schedule: Schedule, known: Known) -> None:
        self.backfill = backfill
        self.schedule = schedule
        self.max_parallel = backfill.max_parallel
        self.ledger = schedule.name
        self._known = replace(known, window_start=backfill.window_start)

    def trigger(self, row: SweepRow, number: int, now: datetime) -> Trigger:
        """Make the trigger of a fire time."""
        trigger = planner.for_backfill(
            self.schedule,
            self.backfill.fires[number - 1],
            now,
            self._known,
            priority=self.backfill.priority,
            mark=self.backfill.mark,
        )
        return replace(trigger, sweep=row.id, trial=number)

    def entries(self, row: SweepRow, number: int, now: datetime) -> list[Entry]:
        """Give what is recorded for a fire time: its run, or the sweep that begins there."""
        fire_time = self.backfill.fires[number - 1]
        if self.schedule.sweep is not None:
            ledger = self._decision(fire_time, Decision.FIRED, row)
            return [Entry(anew=True, fire_time=fire_time, ledger=ledger)]
        trigger = self.trigger(row, number, now)
        run = Entry(
            trigger=trigger,
            # Its run may be longer ago than Redis remembers: ZenML knows its name.
            unclear=True,
            anew=True,
            apart=bool(self.backfill.mark),
            fire_time=fire_time,
            ledger=self._decision(fire_time, Decision.FIRED, row, trigger),
        )
        newest = self.backfill.coalesced[-MOST_LISTED:]
        return [run, *(self._part(each, fire_time, row, trigger) for each in newest)]

    def rejected(self, row: SweepRow, number: int, reason: str) -> Entry:
        """Give what is recorded for a fire time whose body cannot be rendered."""
        fire_time = self.backfill.fires[number - 1]
        told = f"; the body cannot be rendered: {reason}"
        return Entry(
            anew=True, fire_time=fire_time, ledger=self._decision(fire_time, Decision.REJECTED, row, more=told)
        )

    def _part(self, fire: datetime, of: datetime, row: SweepRow, trigger: Trigger) -> Entry:
        more = f"; it is part of the run of {of.isoformat()}"
        return Entry(anew=True, fire_time=fire, ledger=self._decision(fire, Decision.COALESCED, row, trigger, more))

    def _decision(
        self, fire: datetime, decision: Decision, row: SweepRow, trigger: Trigger | None = None, more: str = ""
    ) -> dict[str, Any]:
        return ledger_of(Due(fire_time=fire, decision=decision, reason=f"backfill {row.id[:8]}{more}"), trigger)


class SweepReader:
    """Reads what sweeps and backfills are made of, once for each definition."""

    def __init__(self, sweeps: SweepStore) -> None:
        self._sweeps = sweeps
        self._points: dict[str, tuple[str, Points]] = {}
        self._backfills: dict[str, Backfill] = {}
        """Both by sweep; the points with the fingerprint of the definition, which may be extended."""

    def keep(self, ids: Collection[str]) -> None:
        """Forget all other sweeps."""
        self._points = {identity: points for identity, points in self._points.items() if identity in ids}
        self._backfills = {identity: range_ for identity, range_ in self._backfills.items() if identity in ids}

    async def points(self, row: SweepRow) -> Points:
        """Give the points of a sweep; of a sampler that learns, they have to be asked for."""
        mark, points = self._points.get(row.id, ("", None))
        if points is None or mark != row.fingerprint:
            data = await self._sweeps.definition(row.id)
            points = Points(await asyncio.to_thread(decode_sweep, data))
            self._points[row.id] = (row.fingerprint, points)
        return points

    async def fires(self, row: SweepRow, schedules: Mapping[str, Schedule], past: Past) -> Fires:
        """Give the fire times of a backfill. Raises InvalidInput if its schedule is not defined any more."""
        if row.id not in self._backfills:
            self._backfills[row.id] = decode_backfill(await self._sweeps.definition(row.id))
        return await _fires(self._backfills[row.id], schedules, past)


async def read_trials(sweeps: SweepStore, row: SweepRow, schedules: Mapping[str, Schedule], past: Past) -> Trials:
    """Read what the trials of a sweep or backfill are. Raises InvalidInput if its schedule is not defined any more."""
    data = await sweeps.definition(row.id)
    if row.kind is Kind.BACKFILL:
        return await _fires(decode_backfill(data), schedules, past)
    definition = decode_sweep(data)
    return Points(definition, {} if definition.sweep.computed else await sweeps.all_asked(row.id))


async def _fires(backfill: Backfill, schedules: Mapping[str, Schedule], past: Past) -> Fires:
    schedule = schedules.get(backfill.schedule)
    if schedule is None:
        raise InvalidInput(f"schedule {backfill.schedule} is not defined any more")
    state = (await past.states([schedule]))[schedule.name]
    return Fires(backfill, schedule, Known(last_success=state.last_success))
