"""A schedule: when, what, and with which configuration."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from worker.domain.after import After
from worker.domain.deadline import Deadline
from worker.domain.notify import Notify
from worker.domain.retry import RetryPolicy, RunRetry
from worker.domain.sweep import Sweep
from worker.domain.timing import Timing


class CatchUp(StrEnum):
    """What to do about fire times that passed while nobody looked."""

    NONE = "none"
    """Nothing: all are missed."""
    LATEST = "latest"
    """The newest within the window fires; the others are missed."""
    ALL = "all"
    """Every one within the window fires, oldest first."""


class Overlap(StrEnum):
    """What to do when a run of the schedule is still going on."""

    SKIP = "skip"
    """Nothing is started."""
    ALLOW = "allow"
    """It is started beside it."""
    BUFFER_ONE = "buffer_one"
    """It waits for the end of that run; while one waits, further ones are skipped."""
    BUFFER_ALL = "buffer_all"
    """It waits for its turn: one after the other, up to `MOST_BUFFERED`."""
    CANCEL_OTHER = "cancel_other"
    """That run is stopped, and this one starts when it has ended."""


MOST_BUFFERED = 100
"""Triggers of a schedule that wait for a run before them; what is due beyond that is skipped."""


class ManagedBy(StrEnum):
    """Where a schedule is defined, and changed."""

    FILE = "file"
    """In a schedule file."""
    API = "api"
    """In Redis, over the HTTP API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a run is started from, and with which configuration."""

    pipeline: str
    """Name or id."""
    template: str | None = None
    """Run template, name or id."""
    snapshot: str | None = None
    """Pipeline snapshot, name or id; at most one of template and snapshot."""
    project: str | None = None
    config_template: Mapping[str, Any] = field(default_factory=dict)
    """The parsed config template, expressions still in it; empty without one."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """Laid over the config template, key by key, expressions still in it."""
    uses: frozenset[str] = field(default=frozenset(), compare=False)
    """The names that its expressions use, as far as a file defines it: what is costly need not be known to others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepDefinition:
    """A sweep as a file defines it: the search space plus what each trial runs."""

    name: str
    target: Target
    sweep: Sweep
    priority: int = 0
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    run_retry: RunRetry | None = None
    place: str = ""
    """Where it is defined: `file:line`."""
    places: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Where each parameter is: `file:line:column`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When (timing) + what (target) + how (policies). Made from a file by `worker.source`."""

    name: str
    target: Target
    timing: Timing
    timezone: str
    when: str
    """The timing as the person wrote it: `0 2 * * *`, `every 90s`, …"""
    catchup: CatchUp = CatchUp.LATEST
    catchup_window: timedelta | None = None
    """None is one period, at most one hour."""
    overlap: Overlap = Overlap.ALLOW
    max_runs: int | None = None
    priority: int = 0
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    run_retry: RunRetry | None = None
    after: After | None = None
    """What it follows, instead of the clock."""
    coalesce: bool = False
    """What `catchup: all` makes up for is one run, over the window from `window_start` to `window_end`."""
    pause_after: int | None = None
    """It pauses itself after so many failures in a row."""
    deadline: Deadline | None = None
    expect_every: timedelta | None = None
    """An alert is raised when there was no success for so long."""
    notify: Notify | None = None
    """None: as ZENBEAT_NOTIFY says."""
    sweep: SweepDefinition | None = None
    """What starts at each fire is a sweep, whose target is that of the schedule."""
    place: str = ""
    """Where it is defined: `file:line`, or `api:name`."""
    managed_by: ManagedBy = ManagedBy.FILE
    revision: str = ""
    """Hash of the definition's timing. When it changes, the past is not made up for."""


LONGEST_DEFAULT_WINDOW = timedelta(hours=1)


def catchup_window(schedule: Schedule, now: datetime) -> timedelta:
    """Give how late a fire of this schedule may still start: what the file says, else one period, at most one hour."""
    if schedule.catchup_window is not None:
        return schedule.catchup_window
    period = schedule.timing.period(now)
    return min(period or LONGEST_DEFAULT_WINDOW, LONGEST_DEFAULT_WINDOW)
