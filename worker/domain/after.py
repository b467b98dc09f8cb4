"""Schedules that follow others: which runs they wait for, and for how long."""

from dataclasses import dataclass
from datetime import timedelta

from worker.domain.fate import Fate

COMPLETED = frozenset({Fate.COMPLETED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """Runs that are waited for: those of a schedule, or all of a pipeline, also those that zenbeat did not start."""

    schedule: str | None = None
    pipeline: str | None = None
    """Name or id; exactly one of schedule and pipeline."""
    project: str | None = None
    """Of the pipeline; None is the project of the settings."""
    on: frozenset[Fate] = COMPLETED

    def __str__(self) -> str:
        return f"schedule {self.schedule}" if self.schedule else f"pipeline {self.pipeline}"


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """What a schedule follows."""

    upstreams: tuple[Upstream, ...]
    together: bool = False
    """One run when all have ended (`all_of`), instead of one for each."""
    window: timedelta | None = None
    """How long the first of `all_of` waits for the others; None is for ever."""
