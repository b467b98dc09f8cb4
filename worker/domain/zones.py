"""Time zones as stretches of constant offset, and wall-clock times turned into instants.

A cron expression speaks of wall-clock times. Where the clocks of a zone are set forward (a gap) some of them never
come, and where they are set back (a fold) some come twice. Within one `Segment` neither happens: wall time and UTC
differ by a constant there, so that every rule about gaps and folds is a comparison of wall times.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from worker.domain.nearest import did_you_mean

Gap = Literal["shift", "skip"]
Fold = Literal["first", "last", "both"]

# From where to where segments exist; the outermost years are left out, because an offset would lead out of datetime.
BEGINNING, END = datetime(2, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)

_SECOND = timedelta(seconds=1)
_EARLIEST, _LATEST = datetime.min, datetime.max  # noqa: DTZ901 - wall-clock times are naive here
# Probing finds every change of offset that lasts longer than this. The shortest in tzdata is Freetown's of 1939
# (3.99 days); since 1970 it is 6.96 days.
_PROBE = timedelta(days=3)
# How far over the edges of a year to look. No clock was ever set by more than a day (Manila 1844, Apia 2011).
_MARGIN = timedelta(days=2)


class ZoneError(ValueError):
    """A time zone that is not known, or a wall-clock time that does not exist in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of time, at most a year, in which a zone keeps one offset from UTC.

    `start` (inclusive) and `end` (exclusive) are UTC, the other three are naive wall-clock times:
    `missing_from` to the first wall time here were jumped over (the same time where nothing was),
    those before `repeat_until` have been on the clock before, those from `repeated_from` on will be again.
    """

    start: datetime
    end: datetime
    offset: timedelta
    missing_from: datetime
    repeat_until: datetime
    repeated_from: datetime

    def wall(self, instant: datetime) -> datetime:
        """Return what the clock on the wall shows at an aware instant of this segment, as a naive datetime."""
        return instant.astimezone(UTC).replace(tzinfo=None) + self.offset

    def instant(self, wall: datetime) -> datetime:
        """Return the UTC instant at which the clock shows the naive `wall` in this segment."""
        return (wall - self.offset).replace(tzinfo=UTC)


@lru_cache(maxsize=1024)
def find_zone(name: str) -> ZoneInfo:
    """Return the IANA zone of that name. Raises ZoneError with the nearest name."""
    try:
        return ZoneInfo(name)
    # A KeyError for what is not there, a ValueError for "/etc/passwd", an OSError for the folder "Europe".
    except (KeyError, ValueError, OSError) as error:
        raise ZoneError(f'time zone "{name}" is not known{did_you_mean(name, available_timezones())}') from error


def segments_from(zone: ZoneInfo, instant: datetime) -> Iterator[Segment]:
    """Yield the segment an aware `instant` lies in and all that follow, from BEGINNING to END at most."""
    first_year = max(instant, BEGINNING).astimezone(UTC).year if instant < END else END.year
    for year in range(first_year, END.year):
        for segment in _segments_of(zone, year):
            if segment.end > instant:
                yield segment


def local_instants(
    naive: datetime, zone: ZoneInfo, *, gap: Gap = "shift", fold: Fold = "first"
) -> tuple[datetime, ...]:
    """Return the UTC instants at which a clock in `zone` shows `naive`, oldest first.

    In a gap that is the first instant after it, or none with `gap="skip"`. In a fold the policy picks one or both.
    """
    if not BEGINNING <= naive.replace(tzinfo=UTC) < END:
        return (naive.replace(tzinfo=UTC),)  # somebody's "for ever", 9999-12-31: no offset may push it over the edge
    first, last = (naive.replace(tzinfo=zone, fold=side).astimezone(UTC) for side in (0, 1))
    if first.astimezone(zone).replace(tzinfo=None) != naive:
        # PEP 495: in a gap fold=1 means the offset after it, which gives an instant that lies before it.
        return () if gap == "skip" else (_change_after(zone, last, first),)
    if first == last:
        return (first,)
    return {"first": (first,), "last": (last,), "both": (first, last)}[fold]


def resolve_local(naive: datetime, timezone: str, *, gap: Gap = "shift", fold: Fold = "first") -> datetime:
    """Return the one UTC instant meant by a local time in a file; `fold="both"` means the first here.

    Raises ZoneError if the zone is not known, or if the time is in a gap and `gap="skip"`.
    """
    instants = local_instants(naive, find_zone(timezone), gap=gap, fold=fold)
    if not instants:
        raise ZoneError(f"{naive:%Y-%m-%d %H:%M} does not exist in {timezone}: the clocks are set forward over it")
    return instants[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """The clocks of a zone are set: from `before` to `after` (offsets from UTC), at a UTC instant."""

    at: datetime
    before: timedelta
    after: timedelta

    def wall_before(self) -> datetime:
        return self.at.replace(tzinfo=None) + self.before

    def wall_after(self) -> datetime:
        return self.at.replace(tzinfo=None) + self.after


# A year of a zone costs 0.1 ms to find, and is shared by all schedules of that zone.
@lru_cache(maxsize=4096)
def _segments_of(zone: ZoneInfo, year: int) -> tuple[Segment, ...]:
    start, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    changes = tuple(_changes(zone, start - _MARGIN, end + _MARGIN))
    edges = [start, *(change.at for change in changes if start < change.at < end), end]
    return tuple(_segment(zone, edge, following, changes) for edge, following in pairwise(edges))


def _segment(zone: ZoneInfo, start: datetime, end: datetime, changes: tuple[_Change, ...]) -> Segment:
    offset = _offset(zone, start)
    first_wall = start.replace(tzinfo=None) + offset
    forward = [change for change in changes if change.after > change.before]
    back = [change for change in changes if change.after < change.before]
    return Segment(
        start=start,
        end=end,
        offset=offset,
        missing_from=next((change.wall_before() for change in forward if change.at == start), first_wall),
        repeat_until=max((change.wall_before() for change in back if change.at <= start), default=_EARLIEST),
        repeated_from=min((change.wall_after() for change in back if change.at >= end), default=_LATEST),
    )


def _changes(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[_Change]:
    # zoneinfo does not say when its zones change, so ask for the offset every few days, and halve where it differs.
    here, before = start, _offset(zone, start)
    while here < end:
        there = min(here + _PROBE, end)
        if _offset(zone, there) != before:
            there = _change_after(zone, here, there)
            yield _Change(at=there, before=before, after=_offset(zone, there))
        here, before = there, _offset(zone, there)


def _change_after(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """Return the first whole second with another offset than `low`, where `high` has another one."""
    low, high = (instant.replace(microsecond=0) for instant in (low, high))
    before = _offset(zone, low)
    while high - low > _SECOND:
        middle = low + (high - low) // (2 * _SECOND) * _SECOND
        low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
    return high


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    # Zones know their offset at every instant; None, which the type allows, is for naive times.
    return instant.astimezone(zone).utcoffset() or timedelta()
