"""Which parameters of a sweep mattered for its first metric, or why that cannot be told."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from worker.domain.errors import ZenbeatError
from worker.domain.trial import TrialResult
from worker.engine.runtime import Engine
from worker.engine.sweepdigest import Digest
from worker.engine.trialrows import KeptPoints
from worker.store.sweeprows import SweepRow
from worker.study import importance

MOST_WEIGHED = 2_000
"""Results by which the importance of parameters is told: the newest."""

FEWEST = 5
"""Trials that have to be measured before anything is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The share of each parameter, the greatest first; or why there is none."""

    shares: Mapping[str, float] = field(default_factory=dict)
    why: str = ""


def weigh(kept: KeptPoints, results: Sequence[TrialResult]) -> Weights:
    """Weigh the parameters by results that have the first metric."""
    sweep = kept.definition.sweep
    metric = sweep.metrics[0]
    samples = [(kept.params(one.number), one.metrics[metric.name]) for one in results if metric.name in one.metrics]
    try:
        found = importance(sweep.parameters, samples, metric.goal)
    except ZenbeatError as error:
        return Weights(why=str(error))
    return Weights(shares=dict(sorted(found.items(), key=lambda pair: -pair[1])))


async def read_weights(engine: Engine, row: SweepRow, kept: KeptPoints, digest: Digest) -> Weights:
    """Read the newest results, and weigh the parameters by them."""
    if not kept.metrics:
        return Weights(why="the sweep has no metric; name one (metric: {name, goal}) to compare its trials by")
    if len(kept.names) < 2:
        return Weights(why="there is only one parameter; nothing else can have made a difference")
    if len(digest.measured) < FEWEST:
        return Weights(why=f"that needs {FEWEST} completed trials with the metric; there are {len(digest.measured)}")
    numbers = [number for number, _ in digest.measured[-MOST_WEIGHED:]]
    results = await engine.sweeps.results(row.id, numbers)
    return await asyncio.to_thread(weigh, kept, list(results.values()))
