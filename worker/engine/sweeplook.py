"""What people see of a sweep at a glance: how each trial stands, the metrics, the best, and what it cost so far."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from worker.domain.pareto import ranked
from worker.domain.sweepparts import Metric
from worker.domain.trial import TrialResult
from worker.engine.runtime import Engine
from worker.engine.sweepdigest import Digest, read_rate
from worker.engine.trialrows import AT_ONCE, Kept, KeptPoints, Mark, TrialStatus, read_kept, read_marks
from worker.store.sweeprows import SweepRow

MOST_READ = 10_000
"""Trials that are read at the most: the newest of those that are recorded."""

MOST_MARKED = 2_000
"""Trials of which each one is shown by itself."""

MOST_STRETCHES = 1_000
"""Of more trials, as many stretches are shown."""

TOP = 10
"""Trials that are called the best by one metric."""

ON_ITS_WAY = "running"


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepLook:
    """A sweep, and what its results say together."""

    row: SweepRow
    kept: Kept
    digest: Digest
    results: Mapping[int, TrialResult]
    first: int
    """The first trial that was read."""

    @property
    def metrics(self) -> Sequence[Metric]:
        """Give its metrics."""
        return metrics_of(self.kept)

    @property
    def best(self) -> list[TrialResult]:
        """Give the best trials: the first ten by the only metric, or all that no other beats by several."""
        if len(self.metrics) == 1:
            return ranked(self.results.values(), self.metrics[0], TOP)
        return self.digest.best

    @property
    def stopped_early(self) -> int:
        """Count the trials that were stopped, where doing worse than others is a reason to stop one."""
        return sum(result.fate == TrialStatus.STOPPED for result in self.results.values()) if self._stops else 0

    @property
    def _stops(self) -> bool:
        return isinstance(self.kept, KeptPoints) and self.kept.definition.sweep.early_terminate is not None


def metrics_of(kept: Kept) -> Sequence[Metric]:
    """Give the metrics of a sweep; a backfill has none."""
    return kept.definition.sweep.metrics if isinstance(kept, KeptPoints) else ()


async def read_look(engine: Engine, row: SweepRow, now: datetime) -> SweepLook:
    """Read it. Of a very large sweep, the newest trials are read."""
    kept = await read_kept(engine, row)
    first = max(1, row.next - MOST_READ)
    results: dict[int, TrialResult] = {}
    for begin in range(first, row.next, AT_ONCE):
        results |= await engine.sweeps.results(row.id, range(begin, min(begin + AT_ONCE, row.next)))
    digest = Digest(metrics_of(kept))
    digest.add([results[number] for number in sorted(results)])
    digest.rate = await read_rate(engine, row, kept, now)
    return SweepLook(row=row, kept=kept, digest=digest, results=results, first=first)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Trials that follow each other, and how they stand: one of them, or many of a large sweep."""

    first: int
    last: int
    states: Mapping[str, int]
    mark: Mark | None = None
    """Where it is one."""


async def read_stretches(engine: Engine, look: SweepLook) -> list[Stretch]:
    """Give the trials one by one, or in at most `MOST_STRETCHES` stretches if they are many."""
    last = min(look.row.total, look.first + MOST_READ - 1)
    count = last - look.first + 1
    if count <= MOST_MARKED:
        marks = await read_marks(engine, look.row, look.kept, range(look.first, last + 1), look.results)
        return [Stretch(first=each.number, last=each.number, states={each.status: 1}, mark=each) for each in marks]
    size = ceil(count / MOST_STRETCHES)
    return [_stretch(look, begin, min(begin + size - 1, last)) for begin in range(look.first, last + 1, size)]


def _stretch(look: SweepLook, first: int, last: int) -> Stretch:
    return Stretch(first=first, last=last, states=Counter(_state(look, number) for number in range(first, last + 1)))


def _state(look: SweepLook, number: int) -> str:
    if number in look.results:
        return look.results[number].fate
    if number < look.row.next:
        return ON_ITS_WAY
    return TrialStatus.LEFT_OUT if look.row.ended else TrialStatus.PLANNED
