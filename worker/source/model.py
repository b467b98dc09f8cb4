"""The shape of a schedule file. The JSON schema for editors is made from these models."""

from itertools import combinations
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from worker.domain.duration import format_duration
from worker.domain.retry import RetryPolicy
from worker.domain.schedule import MOST_BUFFERED
from worker.source.clocks import DeadlineEntry
from worker.source.endings import AfterField, NotifyField, RunRetryEntry
from worker.source.fields import (
    Duration,
    Expressions,
    Length,
    Moment,
    Moments,
    SkippedDays,
    Strict,
    Zone,
)
from worker.source.hookmodel import HookEntry
from worker.source.sweepmodel import SweepWords
from worker.source.targetmodel import TargetEntry

_RETRY = RetryPolicy()


class DstEntry(Strict):
    """What happens to a fixed-time cron job when the clocks are set."""

    gap: Literal["shift", "skip"] = Field(
        "shift", description="A time that is jumped over in spring: run at the first instant after it, or not at all."
    )
    fold: Literal["first", "last", "both"] = Field(
        "first", description="A time that comes twice in autumn: run in the first pass, the last, or both."
    )


class RetryEntry(Strict):
    """How a start that failed is tried again: the wait is random, up to initial * 2^(attempt - 1), at most `max`."""

    max_attempts: int | None = Field(
        None, ge=1, le=100, description=f"Attempts in all. Default: {_RETRY.max_attempts}."
    )
    initial: Duration | None = Field(
        None, description=f"The longest wait after the first attempt. Default: {format_duration(_RETRY.initial)}."
    )
    max: Duration | None = Field(
        None, description=f"The longest wait after any attempt. Default: {format_duration(_RETRY.max)}."
    )
    run: RunRetryEntry | None = Field(None, description="How a run that failed, having been started, is run again.")


CLOCKS = ("cron", "every", "at")
"""At most one of them says when a sweep is due."""

PATTERNS = (*CLOCKS, "after")
"""Exactly one of them says when a schedule is due."""

TIMING = (
    "timezone",
    "seconds",
    "dst",
    "start_time",
    "end_time",
    "skip_dates",
    "jitter",
    "catchup",
    "catchup_window",
    "overlap",
)
"""What means nothing to a sweep that is never due by the clock."""


_ON_A_CLOCK: dict[str, Any] = {"anyOf": [{"required": [key]} for key in CLOCKS]}


class _RunEntry(TargetEntry):
    retry: RetryEntry | None = Field(None, description="How a start that failed is tried again.")


class ClockEntry(_RunEntry):
    """What is due by the clock."""

    cron: Expressions | None = Field(None, description="A cron expression, or several, in quotes.")
    every: Duration | None = Field(
        None, description="An interval such as 90s; it counts from `start_time`, or else from 1970-01-01T00:00Z."
    )
    at: Moments | None = Field(None, description="An instant, or several, at which it fires once.")
    timezone: Zone = Field("UTC", description="The IANA time zone of cron expressions and local times.")
    seconds: bool = Field(False, description="Cron expressions have a sixth, last field: the seconds.")
    dst: DstEntry = Field(default_factory=DstEntry, description="What happens when the clocks are set.")
    jitter: Duration | None = Field(
        None, description="Starts up to so much later, to spread the load; always the same for one fire time."
    )
    start_time: Moment | None = Field(None, description="Nothing is due before.")
    end_time: Moment | None = Field(None, description="Nothing is due after; a date alone includes that day.")
    skip_dates: SkippedDays = Field(default_factory=list, description="Days, or spans of days, without fires.")
    catchup: Literal["none", "latest", "all"] = Field(
        "latest", description="What is made up for of the fires that passed while nobody looked."
    )
    catchup_window: Duration | None = Field(
        None, description="How far back fires are made up for. Default: one period, at most 1h."
    )


class ScheduleEntry(ClockEntry):
    """When a pipeline is started, and with which configuration. It needs one of `cron`, `every`, `at`, `after`."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [key]} for key in PATTERNS]})

    after: AfterField | None = Field(
        None, description="What it follows in place of the clock: it starts when that has ended."
    )
    max_runs: int | None = Field(None, ge=1, description="It ends after so many runs.")
    coalesce: bool = Field(
        False,
        description="What `catchup: all` makes up for is one run, over the time from window_start to window_end.",
    )
    overlap: Literal["skip", "allow", "buffer_one", "buffer_all", "cancel_other"] | None = Field(
        None,
        description="What happens when a run of this schedule is still going on. skip: nothing is started. "
        "allow: it is started beside it. buffer_one: it waits for the end of that run; while one waits, further ones "
        f"are skipped. buffer_all: it waits for its turn, one after the other, up to {MOST_BUFFERED}. "
        "cancel_other: that run is stopped, and this one starts when it has ended. Default: allow.",
    )
    concurrency: Literal["skip", "submit"] | None = Field(
        None, description="ZenML's word for `overlap`: skip, or submit, which is allow."
    )
    pause_after: int | None = Field(
        None, ge=1, le=1000, description="It pauses itself after so many failures in a row."
    )
    deadline: DeadlineEntry | None = Field(
        None,
        description="By when a run has to be completed, or an alert is raised: the first such time of day after the "
        "fire, in the schedule's zone, or a length of time after the fire.",
    )
    expect_every: Length | None = Field(
        None, description="An alert is raised when there was no success for so long, whatever the reason."
    )
    notify: NotifyField | None = Field(
        None, description="Who is told of what. none: nobody. Default: that of the file, else ZENBEAT_NOTIFY."
    )


class SweepEntry(ClockEntry, SweepWords):
    """A parameter sweep in the words of Weights & Biases and some more.

    It runs when it is asked for, and with one of `cron`, `every`, `at` also whenever that is due.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "required": ["name", "pipeline", "method"],
            "oneOf": [{"required": ["parameters"]}, {"required": ["points"]}],
            "not": {"anyOf": [{"required": list(two)} for two in combinations(CLOCKS, 2)]},
            "dependentSchemas": dict.fromkeys(TIMING, _ON_A_CLOCK),
        }
    )

    priority: int = Field(
        -10,
        ge=-1000,
        le=1000,
        description="Higher goes first; one step is worth a minute of waiting. Default: -10, so that "
        "trials give way to schedules.",
    )
    overlap: Literal["skip", "allow"] | None = Field(
        None,
        description="What happens when it is due and the sweep before has trials left. skip: it is left out. allow: it "
        "goes on beside it. Default: allow.",
    )


class ScheduleFile(Strict):
    """Schedules, sweeps and hooks."""

    schedules: Annotated[list[ScheduleEntry] | None, Field(description="What is started when.")] = None
    sweeps: Annotated[
        list[SweepEntry] | None, Field(description="Parameter sweeps, run when asked for, or by the clock.")
    ] = None
    hooks: Annotated[list[HookEntry] | None, Field(description="Webhooks of other systems, and what each starts.")] = (
        None
    )
    notify: Annotated[
        NotifyField | None, Field(description="Who is told about the schedules of this file that do not say so.")
    ] = None


SWEEP_KEYS = frozenset(SweepWords.model_fields)
"""What of a sweep is the search space."""
