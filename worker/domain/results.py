"""How the runs of a schedule ended, and what that says of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from worker.domain.fate import Fate

DEAD = "dead"
"""There was no run: its trigger is a dead letter."""

KEPT = 50
"""Results that are kept of each schedule."""

FAILING = 3
"""Failures in a row from which on a schedule is called failing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How one fire of a schedule ended, after all its runs."""

    trigger: str
    fate: str
    """A `Fate`, or `dead`."""
    ended: datetime
    fire_time: datetime | None = None
    """None for a run that a person asked for."""
    seconds: float | None = None
    """How long the run took, from when ZenML accepted it."""
    lateness_ms: int | None = None
    """From when it was due to when ZenML accepted it."""
    run_id: str | None = None
    run_name: str | None = None
    pipeline: str | None = None
    runs: int = 1
    """How many runs it took: `retry.run` starts one that failed again."""

    @property
    def good(self) -> bool:
        """Whether the run completed."""
        return self.fate == Fate.COMPLETED

    @property
    def failed(self) -> bool:
        """Whether it counts as a failure; what somebody stopped or deleted does not."""
        return self.fate in {Fate.FAILED, Fate.STUCK, DEAD}

    def newer_than(self, other: "Result | None") -> bool:
        """Tell whether its fire time is later; a run that a person asked for has none, and says nothing of that."""
        if self.fire_time is None:
            return False
        return other is None or other.fire_time is None or self.fire_time > other.fire_time


def streak(results: Sequence[Result]) -> int:
    """Count the failures since the last success; `results` are newest first."""
    count = 0
    for result in results:
        if result.good:
            break
        count += result.failed
    return count


def usual_duration(results: Sequence[Result]) -> timedelta | None:
    """Give how long a run usually takes: the median of those that completed; None without any."""
    known = [result.seconds for result in results if result.good and result.seconds is not None]
    return timedelta(seconds=median(known)) if known else None


def usual_lateness(results: Sequence[Result]) -> timedelta | None:
    """Give how late a run usually starts: the median; None where it is not known."""
    known = [result.lateness_ms for result in results if result.lateness_ms is not None]
    return timedelta(milliseconds=median(known)) if known else None
