"""Asks a sampler that learns for the next trials, and tells it what came of the ones before.

The study is kept in memory only. It is made again from what is on record: the parameters that each trial was given, and
how it ended; so a beat that takes over knows what the one before it knew.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from worker.domain.sweep import Sweep
from worker.domain.trial import TrialResult
from worker.store.sweeprows import SweepRow
from worker.store.sweeps import SweepStore
from worker.study import Study


class Studies:
    """The studies of the sweeps that are going on."""

    def __init__(self, sweeps: SweepStore) -> None:
        self._sweeps = sweeps
        self._studies: dict[str, tuple[str, Study]] = {}
        """Sweep -> the fingerprint of its definition, and its study."""
        self._open: dict[str, dict[int, Mapping[str, Any]]] = {}
        """Sweep -> trials that were chosen, and of which it is not known what came of them."""

    def keep(self, ids: Collection[str]) -> None:
        """Forget the studies of all other sweeps."""
        for identity in self._studies.keys() - set(ids):
            self.forget(identity)

    def forget(self, identity: str) -> None:
        """Forget a study; it is made again from what is on record."""
        self._studies.pop(identity, None)
        self._open.pop(identity, None)

    async def first(self, sweep: Sweep) -> dict[str, Any]:
        """Give the parameters of a first trial, as an example. Raises MissingExtra."""
        asked = await asyncio.to_thread(Study.of(sweep).ask, 1)
        return dict(asked.params)

    async def choose(self, row: SweepRow, sweep: Sweep, numbers: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Choose the parameters of trials: `{params, coordinates}` of each. Raises MissingExtra."""
        study = await self._study(row, sweep)
        await self._learn(row, sweep, study)
        chosen = {}
        for number in numbers:
            # Choosing takes a while, and the loop has more to do.
            asked = await asyncio.to_thread(study.ask, number)
            chosen[number] = {"params": dict(asked.params), "coordinates": dict(asked.coordinates)}
        self._open[row.id] |= chosen
        return chosen

    async def _study(self, row: SweepRow, sweep: Sweep) -> Study:
        mark, study = self._studies.get(row.id, ("", None))
        if study is not None and mark == row.fingerprint:
            return study
        study = Study.of(sweep)
        asked = await self._sweeps.all_asked(row.id) if row.recorded else {}
        known = {number: plain for number, plain in asked.items() if number < row.next}
        for number, plain in known.items():
            study.pending(number, plain["coordinates"])
        self._studies[row.id], self._open[row.id] = (row.fingerprint, study), known
        return study

    async def _learn(self, row: SweepRow, sweep: Sweep, study: Study) -> None:
        """Tell the study how trials ended since it was told last."""
        waiting = self._open[row.id]
        for number, result in (await self._sweeps.results(row.id, list(waiting))).items():
            if _is_unread(result):
                continue
            coordinates = waiting.pop(number)["coordinates"]
            await asyncio.to_thread(study.tell, number, coordinates, _values(sweep, result))


def _is_unread(result: TrialResult) -> bool:
    return result.good and not result.metrics and result.reason is None


def _values(sweep: Sweep, result: TrialResult) -> tuple[float, ...] | None:
    """Give what a trial has of each metric; None if it tells nothing."""
    names = [metric.name for metric in sweep.metrics]
    complete = result.good and all(name in result.metrics for name in names)
    return tuple(result.metrics[name] for name in names) if complete else None
