"""When a schedule is due, in words: `every day at 02:00, Berlin time`.

Correct before pretty: the words are made from the numbers that croniter gets, so that they say what is run. What
they cannot say well is not said; the expression stands for itself then.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from worker.domain.after import COMPLETED, After, Upstream
from worker.domain.cron import Cron
from worker.domain.cronclock import clock_in_words
from worker.domain.crondays import days_in_words
from worker.domain.cronfields import read_fields
from worker.domain.duration import format_duration
from worker.domain.fate import Fate
from worker.domain.schedule import Schedule
from worker.domain.timing import Timing
from worker.domain.zones import find_zone

MOST_LISTED = 3
"""Expressions or instants of one schedule that are told one by one."""

UNITS = ((3600, "hour"), (60, "minute"), (1, "second"))


def in_words(schedule: Schedule) -> str:
    """Tell when a schedule is due; the expression itself where that cannot be told well."""
    if schedule.after is not None:
        return _after(schedule.after)
    return timing_in_words(schedule.timing, schedule.when)


def timing_in_words(timing: Timing, when: str) -> str:
    """Tell when something is due by the clock; `when`, as a person wrote it, where that cannot be told well."""
    if timing.every is not None:
        return f"every {_length(timing.every)}"
    if timing.at:
        return _at(timing.at, timing.timezone)
    return crons_in_words(timing.crons) or when


def crons_in_words(crons: Sequence[Cron]) -> str:
    """Tell when any of some expressions of one zone is due; "" where that cannot be told well."""
    told = [_cron(cron.expression, cron.seconds, cron.hash_id) for cron in crons]
    if not 1 <= len(told) <= MOST_LISTED or not all(words for words, _ in told):
        return ""
    zone = f", {zone_in_words(crons[0].timezone)}" if any(local for _, local in told) else ""
    return "; ".join(words for words, _ in told) + zone


def zone_in_words(timezone: str) -> str:
    """Name the clock of a zone: `Berlin time`, `UTC`."""
    if timezone in {"UTC", "Etc/UTC"}:
        return "UTC"
    area, _, place = timezone.rpartition("/")
    known = area and area != "Etc"
    return f"{place.replace('_', ' ')} time" if known else f"by the clock of {timezone}"


@lru_cache(maxsize=16384)
def _cron(expression: str, seconds: bool, hash_id: str | None) -> tuple[str, bool]:  # noqa: FBT001 - lru_cache is told by position
    """Give the words for one expression, "" without any, and whether they speak of the clock on the wall."""
    numbers = read_fields(expression, seconds=seconds, hash_id=hash_id).numbers.split()
    minute, hour, day, month, weekday, *second = numbers
    clock, days = clock_in_words(minute, hour, *second), days_in_words(day, month, weekday)
    if clock is None or days is None:
        return "", False
    if clock.listed:
        return f"{days} at {clock.words}", True
    if days != "every day":
        return f"{clock.words}, {days}", True
    return clock.words, clock.bounded


def _length(length: timedelta) -> str:
    seconds = length.total_seconds()
    for size, unit in UNITS:
        if seconds == size:
            return unit
        if seconds % size == 0:
            return f"{seconds / size:.0f} {unit}s"
    return format_duration(length)


def _at(instants: Sequence[datetime], timezone: str) -> str:
    zone = find_zone(timezone)
    local = [
        f"{instant.astimezone(zone):%Y-%m-%d at %H:%M:%S}".removesuffix(":00") for instant in sorted(set(instants))
    ]
    shown = local if len(local) <= MOST_LISTED else [local[0], local[-1]]
    clock = zone_in_words(timezone)
    if len(local) > MOST_LISTED:
        return f"{len(local)} times from {shown[0]} to {shown[1]}, {clock}"
    return f"once, on {shown[0]}, {clock}" if len(local) == 1 else f"on {'; '.join(shown)}, {clock}"


def _after(after: After) -> str:
    joint = " and " if after.together else " or "
    within = f", the first waiting for {format_duration(after.window)} at most" if after.window else ""
    return f"when {joint.join(map(_upstream, after.upstreams))}{within}"


def _upstream(upstream: Upstream) -> str:
    """Tell what is waited for: `nightly has completed`, `a run of the pipeline etl has failed`."""
    who = upstream.schedule or f"a run of the pipeline {upstream.pipeline}"
    if upstream.on == COMPLETED:
        return f"{who} has completed"
    if upstream.on == frozenset(Fate):
        return f"{who} has ended"
    return f"{who} has ended as {' or '.join(fate for fate in Fate if fate in upstream.on)}"
