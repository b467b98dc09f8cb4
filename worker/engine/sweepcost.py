"""What a sweep would cost in time: how long a run takes, and how many go at once, as far as that is known."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from statistics import median

from worker.domain.duration import roughly
from worker.domain.errors import StoreUnavailable, ZenMLError
from worker.domain.schedule import SweepDefinition, Target
from worker.engine.runtime import Engine
from worker.store.sweeprows import Kind

EARLIER = 5
"""Sweeps of the same name that are looked at."""

AMONG = 1_000
"""Sweeps among which they are looked for."""

ENOUGH = 200
"""Runs by which the usual duration is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a number of trials takes."""

    trials: int
    at_once: int | None = None
    seconds: float | None = None
    """How long a run usually takes."""
    learnt: str = ""
    """From which runs."""
    hours: float | None = None
    """After so many of run time the sweep ends."""
    unasked: tuple[str, ...] = ()
    """What could not be asked, and why."""

    @property
    def together(self) -> float | None:
        """How many seconds all runs take together."""
        if self.seconds is None:
            return None
        whole = self.seconds * self.trials
        return whole if self.hours is None else min(whole, self.hours * 3600)

    @property
    def total(self) -> float | None:
        """How many seconds it takes until the last run has ended; None if that is not known."""
        if self.seconds is None or self.together is None or self.at_once is None:
            return None
        rounds = ceil(self.trials / self.at_once) * self.seconds
        return rounds if self.together == self.seconds * self.trials else min(rounds, self.together / self.at_once)

    def __str__(self) -> str:
        trials = f"{self.trials:,} trial{'' if self.trials == 1 else 's'}"
        at_once = f", {self.at_once} at once" if self.at_once else ""
        if self.seconds is None or self.together is None:
            return f"{trials}{at_once}; how long a run takes is not known yet"
        each = f"{roughly(self.seconds)} each"
        if self.total is not None:
            return f"about {roughly(self.total)}: {trials}{at_once}, {each}"
        return f"{trials}, {each}, {roughly(self.together)} of run time; the server sets how many at once"


async def estimate(definition: SweepDefinition, engine: Engine) -> Cost:
    """Estimate what a sweep takes. What cannot be asked is left out, and said."""
    budget = definition.sweep.budget
    trials = definition.sweep.size
    if budget and budget.runs is not None:
        trials = min(trials, budget.runs)
    cost = Cost(trials=trials, at_once=definition.sweep.max_parallel, hours=budget.hours if budget else None)
    try:
        cost = await _from_redis(definition.name, cost, engine)
    except StoreUnavailable as error:
        cost = replace(cost, unasked=(f"earlier sweeps: {error}",))
    if cost.seconds is None and engine.settings.zenml_url:
        try:
            lengths = await _lengths_of(definition.target, engine)
        except ZenMLError as error:
            return replace(cost, unasked=(*cost.unasked, f"earlier runs: {error}"))
        if lengths:
            learnt = _learnt(lengths, f"of {definition.target.pipeline}")
            return replace(cost, seconds=median(lengths), learnt=learnt)
    return cost


async def _from_redis(name: str, cost: Cost, engine: Engine) -> Cost:
    lengths = await earlier(name, engine)
    return replace(cost, seconds=median(lengths), learnt=_learnt(lengths, "of earlier sweeps")) if lengths else cost


async def earlier(name: str, engine: Engine) -> list[float]:
    """Read how long runs of the last sweeps of this name took that completed, in seconds."""
    rows = [row for row in await engine.sweeps.newest(AMONG) if row.name == name and row.kind is Kind.SWEEP]
    lengths: list[float] = []
    for row in [row for row in rows if row.completed][:EARLIER]:
        results = await engine.sweeps.results(row.id, range(max(1, row.next - ENOUGH), row.next))
        lengths += [each.seconds for each in results.values() if each.good and each.seconds is not None]
    return lengths[:ENOUGH]


async def _lengths_of(target: Target, engine: Engine) -> list[float]:
    runs = await engine.zenml.completed_runs(target.pipeline, project=target.project)
    return [(run.ended - run.created).total_seconds() for run in runs if run.ended and run.created]


def _learnt(lengths: Sequence[float], of: str) -> str:
    return f"{len(lengths)} run{'' if len(lengths) == 1 else 's'} {of}"
