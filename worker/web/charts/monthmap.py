"""Days on which something is due, month by month, and the hours of a day: from a timing to weeks and columns."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from worker.domain.timing import Timing
from worker.domain.zones import find_zone, resolve_local

MONTHS = 3

MOST_OF_DAY = 9
"""What is due more often than this within a day is not counted further: there is no room for more, nor need."""

HEIGHT = 60
WIDTH = 18
"""Of the columns of an hour."""

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day of a month: how often it is due then, and whether the clocks are set."""

    day: date
    fires: int
    more: bool
    """It is due still more often."""
    clocks: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A month, in weeks from Monday to Sunday; None is a day of another month."""

    first: date
    weeks: Sequence[Sequence[Day | None]]

    @property
    def title(self) -> str:
        """Name it."""
        return f"{self.first:%B %Y}"

    @property
    def due(self) -> int:
        """Count the days on which something is due."""
        return sum(day is not None and day.fires > 0 for week in self.weeks for day in week)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """An hour of a day as a column: what the clock shows when it begins, and how often it is due in it."""

    x: int
    y: float
    height: float
    label: str
    fires: int


def months(timing: Timing, first: date, count: int = MONTHS) -> list[Month]:
    """Lay out the month that `first` lies in and those after it."""
    found, month = [], first.replace(day=1)
    for _ in range(count):
        following = (month + 31 * _DAY).replace(day=1)
        days = [_day(timing, month + step * _DAY) for step in range((following - month).days)]
        found.append(Month(first=month, weeks=_weeks(days)))
        month = following
    return found


def hours(timing: Timing, day: date) -> list[Hour]:
    """Give the hours of a day, as many as it has; the columns fit into `HEIGHT`."""
    begin, end = _bounds(timing.timezone, day)
    zone = find_zone(timing.timezone)
    counts = Counter((fire - begin) // _HOUR for fire in timing.instants(begin - _MOMENT, end - _MOMENT))
    top = max(counts.values(), default=1)
    return [
        Hour(
            x=index * WIDTH,
            y=round(HEIGHT * (1 - counts[index] / top), 1),
            height=round(HEIGHT * counts[index] / top, 1),
            label=f"{(begin + index * _HOUR).astimezone(zone):%H}",
            fires=counts[index],
        )
        for index in range(-((begin - end) // _HOUR))
    ]


def local_day(moment: datetime, timezone: str) -> date:
    """Give the day of an instant on the calendar of a zone."""
    return moment.astimezone(find_zone(timezone)).date()


def _bounds(timezone: str, day: date) -> tuple[datetime, datetime]:
    begin, end = (resolve_local(datetime.combine(each, datetime.min.time()), timezone) for each in (day, day + _DAY))
    return begin, end


def _day(timing: Timing, day: date) -> Day:
    begin, end = _bounds(timing.timezone, day)
    count = timing.count_between(begin - _MOMENT, end - _MOMENT, MOST_OF_DAY + 1)
    return Day(day=day, fires=min(count, MOST_OF_DAY), more=count > MOST_OF_DAY, clocks=end - begin != _DAY)


def _weeks(days: Sequence[Day]) -> list[list[Day | None]]:
    padded: list[Day | None] = [*([None] * days[0].day.weekday()), *days]
    padded += [None] * (-len(padded) % 7)
    return [padded[start : start + 7] for start in range(0, len(padded), 7)]


def chart_of(laid: Sequence[Hour]) -> Mapping[str, int]:
    """Give the size of the chart of a day's hours."""
    return {"width": WIDTH * len(laid), "height": HEIGHT}
