"""What the definition of a schedule says, as people read it: a name and a sentence for everything that is set."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from worker.domain.catchup import catchup_in_words
from worker.domain.duration import format_duration
from worker.domain.receivers import is_url, shown
from worker.domain.schedule import Overlap, Schedule, catchup_window
from worker.domain.timing import DateSpan

OVERLAPS = {
    Overlap.SKIP: "skip: while a run is going on, nothing is started",
    Overlap.ALLOW: "allow: runs go on side by side",
    Overlap.BUFFER_ONE: "buffer_one: one waits for the end of the run before it, further ones are skipped",
    Overlap.BUFFER_ALL: "buffer_all: each waits for the end of the run before it",
    Overlap.CANCEL_OTHER: "cancel_other: the run that is going on is stopped first",
}

MOST_DATES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that the definition says."""

    name: str
    text: str


def facts_of(schedule: Schedule, now: datetime) -> list[Fact]:
    """Tell everything that its page does not tell elsewhere: what it follows, and what follows it, are links."""
    pairs = [*_timing(schedule), *_rules(schedule, now), *_runs(schedule), *_target(schedule)]
    return [Fact(name=name, text=text) for name, text in pairs]


def _timing(schedule: Schedule) -> Iterator[tuple[str, str]]:
    timing = schedule.timing
    yield "Time zone", schedule.timezone
    if timing.jitter:
        yield "Jitter", f"starts up to {format_duration(timing.jitter)} later, always by the same for one fire time"
    if timing.start_time is not None:
        yield "From", _instant(timing.start_time)
    if timing.end_time is not None:
        yield "Until", _instant(timing.end_time)
    if timing.skip_dates:
        more = len(timing.skip_dates) - MOST_DATES
        dates = ", ".join(map(_dates, timing.skip_dates[:MOST_DATES]))
        yield "Skipped days", f"{dates} and {more} more" if more > 0 else dates


def _rules(schedule: Schedule, now: datetime) -> Iterator[tuple[str, str]]:
    if schedule.after is None:
        told = catchup_in_words(schedule.catchup, catchup_window(schedule, now))
        yield "Catch-up", f"{told}; coalesced into one run" if schedule.coalesce else told
    if schedule.after is None or schedule.catchup_window is not None:
        yield "Catch-up window", _window(schedule, now)
    yield "Overlap", OVERLAPS[schedule.overlap]
    if schedule.max_runs is not None:
        yield "Most runs", str(schedule.max_runs)
    yield "Priority", str(schedule.priority)


def _window(schedule: Schedule, now: datetime) -> str:
    if schedule.catchup_window is None:
        return f"{format_duration(catchup_window(schedule, now))}, by default: one period, at most one hour"
    return f"{format_duration(schedule.catchup_window)}; a start that waits for longer is given up"


def _runs(schedule: Schedule) -> Iterator[tuple[str, str]]:
    start = schedule.retry
    waits = f"waits of up to {format_duration(start.initial)}, doubling to {format_duration(start.max)}"
    yield "Retry of a start", f"{_times(start.max_attempts)}, {waits}"
    if (again := schedule.run_retry) is not None:
        waits = f"after {format_duration(again.initial)}, doubling to {format_duration(again.max)}"
        yield "Retry of a run", f"{again.max_attempts} runs in all if {' or '.join(sorted(again.on))}, {waits}"
    if (deadline := schedule.deadline) is not None:
        by = f"by {deadline.at:%H:%M}" if deadline.at else f"within {_length(deadline.after)} of the fire time"
        yield "Deadline", f"has to be completed {by}"
    if schedule.expect_every is not None:
        yield "Success expected", f"every {format_duration(schedule.expect_every)}"
    if schedule.pause_after is not None:
        yield "Pauses itself", f"after {schedule.pause_after} failures in a row"
    if (notify := schedule.notify) is not None:
        receivers = ", ".join(shown(each) if is_url(each) else each for each in notify.to) or "nobody"
        yield "Alerts go to", receivers


def _target(schedule: Schedule) -> Iterator[tuple[str, str]]:
    target = schedule.target
    if schedule.sweep is not None:
        yield "Starts", f"a sweep, its trials by {schedule.sweep.sweep.method}"
    yield "Pipeline", target.pipeline
    if target.snapshot is not None:
        yield "Snapshot", target.snapshot
    else:
        yield "Run template", target.template or "the newest of the pipeline"
    yield "Project", target.project or "that of the settings"


def _times(attempts: int) -> str:
    return "none: one attempt" if attempts == 1 else f"{attempts} attempts"


def _length(length: timedelta | None) -> str:
    return "" if length is None else format_duration(length)


def _dates(span: date | DateSpan) -> str:
    return f"{span[0]} to {span[1]}" if isinstance(span, tuple) else str(span)


def _instant(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}".rstrip()
