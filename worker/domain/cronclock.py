"""The clock of a cron expression, in words: `02:00 and 14:00`, `every 15 minutes from 09:00 to 17:45`."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product

MOST_TIMES = 4
"""Times of a day that are told one by one."""

MOST_MINUTES = 6
"""Minutes of an hour that are told one by one."""

MOST_RUNS = 2
"""Stretches of hours that are told."""

HOURS, MINUTES = 24, 60


@dataclass(frozen=True, slots=True)
class Clock:
    """When on a day something is due."""

    words: str
    listed: bool = False
    """It is a list of times, such as follow an "at"."""
    bounded: bool = True
    """It is not all day long: the clock on the wall matters."""


def clock_in_words(minute: str, hour: str, second: str = "0") -> Clock | None:
    """Tell the fields, which are numbers as croniter gets them; None where that cannot be done well."""
    minutes, hours, seconds = numbers(minute, MINUTES), numbers(hour, HOURS), numbers(second, MINUTES)
    if seconds != [0]:
        return _seconds(seconds, minutes, hours)
    times = [f"{hour:02}:{minute:02}" for hour, minute in product(hours, minutes)]
    if len(times) <= MOST_TIMES:
        return Clock(listing(times), listed=True)
    whole_day = len(hours) == HOURS
    return _all_day(minutes) if whole_day else _some_hours(minutes, hours)


def numbers(field: str, size: int, low: int = 0) -> list[int]:
    """Give what a field of numbers, `*` and `*/n` holds, in order; `size` is how many there are."""
    found: set[int] = set()
    for item in field.split(","):
        star, _, step = item.partition("/")
        found |= set(range(low, low + size, int(step or 1))) if star == "*" else {int(star)}
    return sorted(found)


def listing(words: Sequence[str]) -> str:
    """Write a list: `a`, `a and b`, `a, b and c`."""
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]


def step_of(found: Sequence[int]) -> int:
    """Give the distance of evenly spaced numbers; 0 where they are not, or where there is but one."""
    steps = {later - sooner for sooner, later in pairwise(found)}
    return steps.pop() if len(steps) == 1 else 0


def _around(found: Sequence[int], size: int) -> int:
    """Give the distance of numbers that are evenly spaced all the way round the clock; 0 where they are not."""
    step = step_of(found)
    return step if step and size % step == 0 and len(found) == size // step else 0


def _seconds(seconds: list[int], minutes: list[int], hours: list[int]) -> Clock | None:
    if len(minutes) == MINUTES and len(hours) == HOURS:
        words = _rhythm(seconds, "second", "minute")
        return Clock(words, bounded=False) if words else None
    if len(seconds) * len(minutes) * len(hours) > MOST_TIMES:
        return None
    times = product(hours, minutes, seconds)
    return Clock(listing([f"{hour:02}:{minute:02}:{second:02}" for hour, minute, second in times]), listed=True)


def _all_day(minutes: list[int]) -> Clock | None:
    words = "every hour" if minutes == [0] else _rhythm(minutes, "minute", "hour")
    return Clock(words, bounded=False) if words else None


def _rhythm(found: list[int], unit: str, whole: str) -> str:
    """Tell minutes of every hour, or seconds of every minute; "" where that cannot be done well."""
    if len(found) == MINUTES:
        return f"every {unit}"
    if step := _around(found, MINUTES):
        return f"every {step} {unit}s" if found[0] == 0 else f"every {step} {unit}s, from {unit} {found[0]} on"
    if len(found) <= MOST_MINUTES:
        return f"every {whole} at {unit}{'s' if len(found) > 1 else ''} {listing(list(map(str, found)))}"
    step = step_of(found)
    if step == 1:
        return f"every {unit} from {unit} {found[0]} to {found[-1]} of each {whole}"
    return f"every {step} {unit}s from {unit} {found[0]} to {found[-1]} of each {whole}" if step else ""


def _some_hours(minutes: list[int], hours: list[int]) -> Clock | None:
    """Tell what is due in some hours, and too often to list the times."""
    step = step_of(hours)
    if len(minutes) == 1 and _around(hours, HOURS) > 1 and hours[0] == 0:
        return Clock(f"every {step} hours, from 00:{minutes[0]:02} on")
    if len(minutes) == 1 and step > 1:
        return Clock(f"every {step} hours from {hours[0]:02}:{minutes[0]:02} to {hours[-1]:02}:{minutes[0]:02}")
    often = _often(minutes)
    runs = _runs(hours)
    if not often or len(runs) > MOST_RUNS:
        return None
    first, last = minutes[0], minutes[-1]
    spans = [f"from {begin:02}:{first:02} to {end:02}:{last:02}" for begin, end in runs]
    return Clock(f"{often} {' and '.join(spans)}")


def _often(minutes: list[int]) -> str:
    """Tell how often something comes that goes on over the hours evenly."""
    if len(minutes) == MINUTES:
        return "every minute"
    if len(minutes) == 1:
        return "every hour"
    step = _around(minutes, MINUTES)
    return f"every {step} minutes" if step else ""


def _runs(hours: list[int]) -> list[tuple[int, int]]:
    """Give the stretches of hours that follow one another: first and last."""
    begins = [hour for hour in hours if hour - 1 not in hours]
    ends = [hour for hour in hours if hour + 1 not in hours]
    return list(zip(begins, ends, strict=True))
