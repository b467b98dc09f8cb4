"""Vixie cron, minute by minute, written from its rules and from nothing else: no croniter, no segments, no search.

A clock is walked through a stretch of time; what it shows at each minute is written down. Then a job is a question to
that list: which wall-clock minutes match, and when were they on the clock?
"""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
DAY_NAMES = {name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}


class Clock:
    """A clock on the wall in `zone`, watched from `start` to `end` (UTC, both included)."""

    def __init__(self, zone: str, start: datetime, end: datetime) -> None:
        self.instants = [start + number * MINUTE for number in range((end - start) // MINUTE + 1)]
        self.shown: dict[datetime, list[datetime]] = defaultdict(list)
        for instant in self.instants:
            self.shown[instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)].append(instant)

    def fires(self, expression: str, gap: str = "shift", fold: str = "first") -> list[datetime]:
        """Return the UTC instants in the watched stretch at which Vixie cron runs the job."""
        job = Job(expression)
        if not job.fixed_time:
            return sorted(instant for wall, shown in self.shown.items() if job.matches(wall) for instant in shown)
        found: set[datetime] = set()
        wall, last = min(self.shown), max(self.shown)
        jumped_over = False
        while wall <= last:
            shown = self.shown.get(wall)
            if shown is None:
                jumped_over |= gap == "shift" and job.matches(wall)
            else:
                found.update(shown[:1] if jumped_over else [])
                jumped_over = False
                if job.matches(wall):
                    found.update({"first": shown[:1], "last": shown[-1:], "both": shown}[fold])
            wall += MINUTE
        return sorted(found)


class Job:
    """The five fields as sets of numbers."""

    def __init__(self, expression: str) -> None:
        minute, hour, day, month, weekday = expression.split()
        self.minutes, self.hours = numbers(minute, 0, 59), numbers(hour, 0, 23)
        self.days, self.months = numbers(day, 1, 31), numbers(month, 1, 12)
        self.weekdays = {number % 7 for number in numbers(weekday, 0, 7)}
        self.fixed_time = minute[0] != "*" and hour[0] != "*"
        self.either_day = day[0] != "*" and weekday[0] != "*"

    def matches(self, wall: datetime) -> bool:
        """Tell whether the job runs when the clock shows this minute."""
        if wall.minute not in self.minutes or wall.hour not in self.hours or wall.month not in self.months:
            return False
        days = (wall.day in self.days, wall.isoweekday() % 7 in self.weekdays)
        return any(days) if self.either_day else all(days)


def numbers(field: str, low: int, high: int) -> set[int]:
    """Return the numbers a field stands for."""
    found: set[int] = set()
    for item in field.lower().split(","):
        span, _, step = item.partition("/")
        first, _, last = (f"{low}-{high}" if span == "*" else span).partition("-")
        start = int(DAY_NAMES.get(first, first))
        end = int(DAY_NAMES.get(last, last)) if last else (high if step else start)
        found.update(range(start, end + 1, int(step or 1)))
    return found


def changes(zone: str, first_year: int, last_year: int) -> list[datetime]:
    """Return the UTC instants at which the clocks of a zone are set, found by looking every minute of such days."""
    clock = ZoneInfo(zone)
    found = []
    day, end = datetime(first_year, 1, 1, tzinfo=UTC), datetime(last_year + 1, 1, 1, tzinfo=UTC)
    while day < end:
        following = day + timedelta(days=1)
        if day.astimezone(clock).utcoffset() != following.astimezone(clock).utcoffset():
            instant = day
            while instant.astimezone(clock).utcoffset() == day.astimezone(clock).utcoffset():
                instant += MINUTE
            found.append(instant)
        day = following
    return found
