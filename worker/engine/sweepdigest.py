"""How a sweep is doing, read from the results of its trials little by little: the best, the pace, and what is left."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate
from math import isfinite
from statistics import median

from worker.domain.pareto import best
from worker.domain.sweepparts import Goal, Metric
from worker.domain.trial import TrialResult
from worker.engine.runtime import Engine
from worker.engine.sweepstanding import done
from worker.engine.trialrows import AT_ONCE, Kept
from worker.store.codec import instant
from worker.store.sweeprows import SweepRow

Point = tuple[float, float]

LAST = 40
"""Trials by which the pace is told."""

LOOK_BACK = 200
"""Numbers among which the last ones to end are looked for."""


@dataclass(slots=True)
class Digest:
    """What the results say together."""

    metrics: Sequence[Metric]
    best: list[TrialResult] = field(default_factory=list)
    """The best trial, or the front of several metrics."""
    measured: list[tuple[int, tuple[float, ...]]] = field(default_factory=list)
    """Each trial with every metric: its number and the values."""
    seconds: list[float] = field(default_factory=list)
    rate: float | None = None
    """Trials a minute, of the last ones to end."""

    def add(self, results: Sequence[TrialResult]) -> None:
        """Take in some more."""
        names = [metric.name for metric in self.metrics]
        self.best = best([*self.best, *results], self.metrics)
        for result in results:
            values = tuple(result.metrics.get(name, float("nan")) for name in names)
            if result.good and names and all(map(isfinite, values)):
                self.measured.append((result.number, values))
            if result.good and result.seconds is not None:
                self.seconds.append(result.seconds)

    @property
    def usual(self) -> float | None:
        """How many seconds a run usually takes."""
        return median(self.seconds) if self.seconds else None

    def points(self) -> list[Point]:
        """Give the first metric over the trials; of just two metrics, one over the other."""
        if len(self.metrics) == 2:
            return [(values[0], values[1]) for _, values in self.measured]
        return [(float(number), values[0]) for number, values in self.measured]

    def steps(self) -> list[Point]:
        """Give the best so far over the trials; of just two metrics, the front."""
        if len(self.metrics) == 2:
            first, second = (metric.name for metric in self.metrics)
            return sorted((one.metrics[first], one.metrics[second]) for one in self.best)
        if len(self.metrics) != 1:
            return []
        better = max if self.metrics[0].goal is Goal.MAXIMIZE else min
        return list(
            zip(
                (float(number) for number, _ in self.measured),
                accumulate((values[0] for _, values in self.measured), better),
                strict=True,
            )
        )

    def left(self, row: SweepRow) -> float | None:
        """Say how many seconds are left, as far as that is known."""
        waiting = row.total - done(row)
        if row.over or waiting <= 0:
            return None
        if self.rate:
            return waiting / self.rate * 60
        return self.usual * waiting / row.running if self.usual is not None and row.running else None


async def read_digest(engine: Engine, row: SweepRow, kept: Kept, metrics: Sequence[Metric], now: datetime) -> Digest:
    """Read the results of a sweep."""
    digest = Digest(metrics)
    for begin in range(1, row.next, AT_ONCE):
        found = await engine.sweeps.results(row.id, range(begin, min(begin + AT_ONCE, row.next)))
        digest.add(list(found.values()))
    digest.rate = await read_rate(engine, row, kept, now)
    return digest


async def read_rate(engine: Engine, row: SweepRow, kept: Kept, now: datetime) -> float | None:
    """Count the trials that ended a minute; None where too little is known."""
    numbers = range(max(1, row.next - LOOK_BACK), row.next)
    ran = [each for each in (await engine.sweeps.results(row.id, numbers)).values() if each.run_id]
    fields = await engine.triggers.get([kept.trigger(each.number, each.runs) for each in ran]) if ran else []
    spans = sorted(
        (instant(int(each["run_ended"])), result.seconds or 0.0)
        for each, result in zip(fields, ran, strict=True)
        if each.get("run_ended", "").isdigit()
    )
    if len(spans) < 2:
        return None
    count, span = _pace(spans)
    # While it goes on, the time since the last one counts where it is longer than usual.
    waited = now - spans[-1][0] if row.running and not row.paused else timedelta()
    span += max(timedelta(), waited - span / count)
    return count / (span.total_seconds() / 60) if span else None


def _pace(spans: Sequence[tuple[datetime, float]]) -> tuple[int, timedelta]:
    """Give how many trials ended in which time. `spans` has the end of each run and its seconds, in their order."""
    usual = timedelta(seconds=median(seconds for _, seconds in spans))
    last = spans[-1][0]
    for some in (spans[-LAST:], spans):
        if last - some[0][0] >= usual:
            return len(some) - 1, last - some[0][0]
    # They all ran side by side: one end after the other, but none before a run's time was over.
    begun = min(end - timedelta(seconds=seconds) for end, seconds in spans)
    return len(spans), last - begun
