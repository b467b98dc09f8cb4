"""When is a schedule due? One value for cron expressions, intervals and single instants, with their limits."""

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from itertools import islice
from zoneinfo import ZoneInfo

from worker.domain.cron import Cron
from worker.domain.zones import BEGINNING, END, find_zone, segments_from

DateSpan = tuple[date, date]
"""The days from the one to the other, both included."""

SHORTEST_INTERVAL = timedelta(seconds=1)

_Due = Callable[[datetime], datetime | None]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


class TimingError(ValueError):
    """A timing that contradicts itself, or never comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The fire times of a schedule: those of one or several `crons`, or `every` so often, or `at` some instants.

    `every` counts from `start_time`, or else from the epoch, so that it is the same on every machine. `start_time`
    and `end_time` are aware and both included. `skip_dates` are days on the calendar of `timezone`, each a date or a
    `(first, last)` pair, on which nothing is due. `jitter` does not move fire times; `jittered` says how to use it.
    Every method takes aware datetimes and gives UTC. Raises TimingError, and ZoneError for an unknown zone.
    """

    crons: tuple[Cron, ...] = ()
    every: timedelta | None = None
    at: tuple[datetime, ...] = ()
    follows: bool = False
    """It is due when others have ended: nothing is due by the clock."""
    timezone: str = "UTC"
    start_time: datetime | None = None
    end_time: datetime | None = None
    skip_dates: tuple[date | DateSpan, ...] = ()
    jitter: timedelta = timedelta()
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)
    _skipped: tuple[DateSpan, ...] = field(init=False, repr=False, compare=False)
    _instants: tuple[datetime, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._check_pattern()
        self._check_limits()
        spans = (span if isinstance(span, tuple) else (span, span) for span in self.skip_dates)
        object.__setattr__(self, "_zone", find_zone(self.timezone))
        object.__setattr__(self, "_skipped", tuple(sorted(spans)))
        object.__setattr__(self, "_instants", tuple(sorted({instant.astimezone(UTC) for instant in self.at})))

    def next(self, after: datetime) -> datetime | None:
        """Return the first fire time later than `after`, or None if there is none."""
        if self.start_time is not None and after < self.start_time:
            after = self.start_time - _TICK
        end = min(self.end_time or END, END - _TICK)
        fire = self._due(after)
        while fire is not None and fire <= end:
            skipped_to = self._skipped_to(fire)
            if skipped_to is None:
                return fire
            fire = self._due(skipped_to)
        return None

    def is_open(self, moment: datetime) -> bool:
        """Tell whether something may be due then, as far as `start_time`, `end_time` and `skip_dates` go."""
        if self.start_time is not None and moment < self.start_time:
            return False
        return not (self.end_time is not None and moment > self.end_time) and self._skipped_to(moment) is None

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the fire times in `(after, until]`, oldest first."""
        fire = self.next(after)
        while fire is not None and fire <= until:
            yield fire
            fire = self.next(fire)

    def instants(self, after: datetime, until: datetime) -> list[datetime]:
        """Give what `between` yields; far quicker where there are many."""
        if self.crons:
            found = sorted({fire for cron in self.crons for fire in cron.instants(after, until)})
        elif self.every is not None:
            first, every = self.next(after), self.every
            count = (until - first) // every + 1 if first is not None else 0
            found = [first + step * every for step in range(count)] if first is not None else []
        else:
            return list(self.between(after, until))
        limited = self.start_time or self.end_time or self._skipped
        return [fire for fire in found if self.is_open(fire)] if limited else found

    @property
    def pattern(self) -> Hashable:
        """What two of them have in common that are always due together, however they were written."""
        crons = tuple(cron.pattern for cron in self.crons)
        return (crons, self.every, self._instants, self.start_time, self.end_time, self._skipped, self.timezone)

    def last(self, until: datetime, after: datetime) -> datetime | None:
        """Return the newest fire time in `(after, until]`, or None; some twenty steps even for a year of seconds."""
        return _newest(self.next, after, until)

    def count_between(self, after: datetime, until: datetime, limit: int) -> int:
        """Return how many fire times lie in `(after, until]`, counting no further than `limit`."""
        if self.every is None or self._skipped:
            return sum(1 for _ in islice(self.between(after, until), limit))
        first, newest = self.next(after), self.last(until, after)
        if first is None or newest is None:
            return 0
        return min((newest - first) // self.every + 1, limit)

    def skipped(self, after: datetime, until: datetime, limit: int) -> list[datetime]:
        """Return the newest of the instants in `(after, until]` that `skip_dates` keeps from being due, oldest first.

        Looks at no more than `limit` instants of the pattern.
        """
        if not self._skipped:
            return []
        found, bare = [], replace(self, skip_dates=())
        for _ in range(limit):
            fire = bare.last(until, after)
            if fire is None:
                break
            if self._skipped_to(fire) is not None:
                found.append(fire)
            until = fire - _TICK
        return found[::-1]

    def period(self, around: datetime) -> timedelta | None:
        """Return the distance between the fire time at or before `around` and the one after it.

        It belongs to the pattern: `start_time`, `end_time` and `skip_dates` play no part. None if `at` has no two
        such neighbours.
        """
        if self.every is not None:
            return self.every
        following = self._due(around)
        if following is None:
            return None
        # Those who ask mostly do so just after a fire, so look back a minute first, then ever farther.
        width = timedelta(minutes=1)
        while around - BEGINNING > width:
            previous = _newest(self._due, around - width, around)
            if previous is not None:
                return following - previous
            width *= 4
        return None

    def jittered(self, fire_time: datetime, key: str) -> datetime:
        """Return `fire_time` moved by 0 to `jitter`, evenly spread and always the same for one fire time and `key`.

        The shift is `sha256(key, fire_time) mod (jitter + 1 µs)`. The schedule's name is a good key.
        """
        if fire_time.tzinfo is not UTC:
            fire_time = fire_time.astimezone(UTC)
        digest = sha256(f"{key}\n{fire_time.isoformat()}".encode()).digest()
        return fire_time + timedelta(0, 0, int.from_bytes(digest[:16]) % (self.jitter // _TICK + 1))

    def _check_pattern(self) -> None:
        if sum((bool(self.crons), self.every is not None, bool(self.at), self.follows)) != 1:
            raise TimingError("a schedule needs exactly one of cron, every, at and after")
        if self.every is not None and self.every < SHORTEST_INTERVAL:
            raise TimingError("every is too short; the shortest interval is 1s")
        if self.jitter < timedelta():
            raise TimingError("jitter is negative; it can only make a start later")

    def _check_limits(self) -> None:
        for instant in (*self.at, self.start_time, self.end_time):
            if instant is not None and instant.tzinfo is None:
                raise TimingError(f"{instant} has no time zone")
        if self.start_time is not None and self.end_time is not None and self.end_time < self.start_time:
            raise TimingError("end_time is before start_time, so that nothing would ever be due")
        for span in self.skip_dates:
            if isinstance(span, tuple) and span[1] < span[0]:
                raise TimingError(f"skip_dates from {span[0]} to {span[1]} runs backwards")

    def _due(self, after: datetime) -> datetime | None:
        """Return the next fire time of the pattern alone, without the limits."""
        if self.crons:
            return min((fire for cron in self.crons if (fire := cron.next(after)) is not None), default=None)
        if self.every is not None:
            anchor = self.start_time or _EPOCH
            count = (after - anchor) // self.every + 1
            return (anchor + count * self.every).astimezone(UTC) if count <= (END - anchor) // self.every else None
        later = bisect_right(self._instants, after)
        return self._instants[later] if later < len(self._instants) else None

    def _skipped_to(self, fire: datetime) -> datetime | None:
        """Return the last instant of the skipped days that `fire` lies in, or None if its day is not skipped."""
        if not self._skipped:
            return None
        # Only as far as the offset holds: behind a fold over midnight it may be a day before once more.
        segment = next(segments_from(self._zone, fire))
        today = segment.wall(fire).date()
        for first, last in self._skipped:
            if first <= today <= last:
                return segment.instant(min(segment.wall(segment.end) - _TICK, datetime.combine(last, time.max)))
        return None


def _newest(due: _Due, after: datetime, until: datetime) -> datetime | None:
    """Return the newest fire time in `(after, until]`, halving what is left of it with each step."""
    newest = None
    fire = due(after)
    while fire is not None and fire <= until:
        newest = fire
        middle = fire + (until - fire) / 2
        later = due(middle)
        if later is not None and later <= until:
            newest = later
        else:
            until = middle
        fire = due(newest)
    return newest
