"""When is a cron expression due? croniter finds the wall-clock times, the zone's segments turn them into instants.

croniter's own idea of time zones is not used: 7.0 fires a daily job twice in the autumn fold and invents fires in the
spring gap. Naive wall-clock times inside a stretch of constant offset cannot go wrong that way.
"""

from bisect import bisect_left
from collections.abc import Hashable, Iterator
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import get_args
from zoneinfo import ZoneInfo

from croniter import croniter

from worker.domain.cronfields import CronError, Fields, is_hashed, read_fields, times_of_day
from worker.domain.nearest import did_you_mean
from worker.domain.zones import Fold, Gap, Segment, ZoneError, find_zone, segments_from

__all__ = ["Cron", "CronError"]

_TICK = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
# 2000 begins with a leap day in sight, and no date that exists at all is more than 40 years away: that is the longest
# wait for a 29 February on a given weekday, over 2100 and its like. croniter gives up after 50 years.
_SOME_DAY = datetime(2000, 1, 1)  # noqa: DTZ001 - wall-clock times are naive here
_NEVER = datetime.max  # noqa: DTZ901 - the same


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression in a time zone, by the rules of Vixie cron. Pure: the same answer from any starting point.

    A *fixed-time* job (neither the minute nor the hour field begins with `*`) whose wall-clock time is jumped over
    in spring runs once, at the first instant after the gap, unless `gap="skip"`; if its time comes twice in autumn
    it runs in the `first` pass, the `last`, or `both`. Several times that fall into one gap make one fire.

    A *wildcard* job runs by elapsed time: on every matching wall-clock time that exists, in both passes, and never
    anywhere else. `gap` and `fold` mean nothing to it: a skipped pass would be an hour without its fires.

    Day of month and day of week are joined by OR if both are restricted, which is: do not begin with `*`.
    `seconds` allows a sixth, last field. `hash_id` is what `H` is derived from, the schedule's name as a rule.
    Raises CronError for an expression that cannot be read or never matches, an unknown zone, and an unknown policy.
    """

    expression: str
    timezone: str
    gap: Gap = field(default="shift", kw_only=True)
    fold: Fold = field(default="first", kw_only=True)
    seconds: bool = field(default=False, kw_only=True)
    hash_id: str | None = field(default=None, kw_only=True)
    _fields: Fields = field(init=False, repr=False, compare=False)
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, value, known in (("gap", self.gap, get_args(Gap)), ("fold", self.fold, get_args(Fold))):
            if value not in known:
                raise CronError(f'{name} "{value}" is not one of {", ".join(known)}{did_you_mean(value, known)}')
        # Without an H the name does not matter, and all schedules with one expression share what was read.
        hash_id = self.hash_id if is_hashed(self.expression) else None
        object.__setattr__(self, "_fields", _read(self.expression, self.seconds, hash_id))
        try:
            object.__setattr__(self, "_zone", find_zone(self.timezone))
        except ZoneError as error:
            raise CronError(str(error)) from error

    def next(self, after: datetime) -> datetime | None:
        """Return the first fire time later than the aware `after`, in UTC; None if the calendar ends before."""
        quiet_from, match = _NEVER, _NEVER  # nothing matches from the one up to the other
        for segment in segments_from(self._zone, after):
            low, high = self._window(segment)
            if after >= segment.start:
                low = max(low, segment.wall(after) + _TICK)
            if not quiet_from <= low <= match:
                quiet_from, match = low, _first_match(self._fields.numbers, low)
            if match < high:
                # A match before the first wall time of the segment is one that was jumped over.
                return max(segment.instant(match), segment.start)
        return None

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the fire times in `(after, until]`, oldest first, in UTC."""
        fire = self.next(after)
        while fire is not None and fire <= until:
            yield fire
            fire = self.next(fire)

    def instants(self, after: datetime, until: datetime) -> list[datetime]:
        """Give what `between` yields, by the fields and not step by step: far quicker where there are many."""
        found: set[datetime] = set()
        for segment in segments_from(self._zone, after):
            if segment.start > until:
                break
            low, high = self._window(segment)
            if after >= segment.start:
                low = max(low, segment.wall(after) + _TICK)
            if until < segment.end:
                high = min(high, segment.wall(until) + _TICK)
            # Several that were jumped over by one gap are one fire.
            found.update(
                max(segment.instant(wall), segment.start) for wall in _matches(self._fields.numbers, low, high)
            )
        return sorted(found)

    @property
    def pattern(self) -> Hashable:
        """What two of them have in common that are always due together, however they were written."""
        return (self._fields.numbers, self._fields.fixed_time, self.timezone, self.gap, self.fold)

    def _window(self, segment: Segment) -> tuple[datetime, datetime]:
        """Return the wall-clock times at which this job may run in a segment: from, inclusive, to, exclusive."""
        low, high = segment.wall(segment.start), segment.wall(segment.end)
        if self._fields.fixed_time:
            if self.gap == "shift":
                low = segment.missing_from
            if self.fold == "first":
                low = max(low, segment.repeat_until)
            elif self.fold == "last":
                high = min(high, segment.repeated_from)
        return low, high


@lru_cache(maxsize=16384)
def _read(expression: str, seconds: bool, hash_id: str | None) -> Fields:  # noqa: FBT001 - lru_cache is told by position
    fields = read_fields(expression, seconds=seconds, hash_id=hash_id)
    if _first_match(fields.numbers, _SOME_DAY) == _NEVER:
        raise CronError(f'"{expression}" never matches: day of month and month name dates that do not exist')
    return fields


def _first_match(numbers: str, low: datetime) -> datetime:
    """Return the first matching wall-clock time not before `low`, or _NEVER; everything is naive."""
    last = low - _TICK
    return _match_after(numbers, last.replace(microsecond=0) if numbers.count(" ") == 5 else _minute(last))


def _matches(numbers: str, low: datetime, high: datetime) -> Iterator[datetime]:
    """Yield the matching wall-clock times in `[low, high)`; everything is naive."""
    times = _times_of_day(numbers)
    day = low.replace(hour=0, minute=0, second=0, microsecond=0)
    while day < high:
        if _has(numbers, day):
            first = bisect_left(times, (low - day) / _SECOND)
            end = bisect_left(times, (high - day) / _SECOND)
            yield from (day + seconds * _SECOND for seconds in times[first:end])
        day += _DAY


def _has(numbers: str, day: datetime) -> bool:
    """Tell whether there is anything on a day at all."""
    _, _, *of_day = numbers.split()[:5]
    return _first_match(f"0 0 {' '.join(of_day)}", day) == day


# Few: one with seconds takes 3 MB.
@lru_cache(maxsize=32)
def _times_of_day(numbers: str) -> tuple[int, ...]:
    return times_of_day(numbers)


def _minute(wall: datetime) -> datetime:
    return wall.replace(second=0, microsecond=0)


# A thousand schedules of one expression that are due together ask this once: croniter takes some 40 microseconds.
@lru_cache(maxsize=16384)
def _match_after(numbers: str, last: datetime) -> datetime:
    search = copy(_croniter(numbers))  # croniter keeps its position in itself, and we have threads
    try:
        match: datetime = search.get_next(datetime, start_time=last)
    # No match within 50 years is a CroniterBadDateError, which is a ValueError; so is a search that runs into the
    # year 10000, if it is not an OverflowError. Nothing else can be wrong with numbers we wrote ourselves.
    except (ValueError, OverflowError):
        return _NEVER
    return match


# Bounded, and not kept in Cron: a croniter takes 2 kB, and 0.1 ms to make.
@lru_cache(maxsize=4096)
def _croniter(numbers: str) -> croniter:
    # implement_cron_bug is the rule of Vixie cron: only fields that do not begin with * are joined by OR.
    return croniter(numbers, _SOME_DAY, datetime, max_years_between_matches=50, implement_cron_bug=True)
