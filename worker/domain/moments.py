"""Instants as people give them, and as they are told to people: with what the clocks do around them."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from worker.domain.errors import InvalidInput
from worker.domain.zones import BEGINNING, END, Segment, ZoneError, find_zone, resolve_local, segments_from

NEAR = timedelta(hours=24)
"""A change of the clocks this close to a fire time is worth a note."""

_STEPS = ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "min"))


def read_moment(text: str, timezone: str) -> datetime:
    """Read an instant in ISO 8601; without an offset it is a time in `timezone`. Raises InvalidInput."""
    try:
        found = datetime.fromisoformat(text)
        return found if found.tzinfo else resolve_local(found, timezone)
    except ZoneError as error:
        raise InvalidInput(str(error)) from error
    except ValueError as error:
        raise InvalidInput(f'"{text}" is not a time; write one such as 2026-12-01T08:00 or 2026-12-01') from error


def read_end(text: str, timezone: str) -> datetime:
    """Read the last instant of a range, which is part of it: a date stands for its whole day. Raises InvalidInput."""
    try:
        following = date.fromisoformat(text) + timedelta(days=1)
    except (ValueError, OverflowError):
        return read_moment(text, timezone)
    return read_moment(following.isoformat(), timezone) - timedelta(microseconds=1)


def fire_rows(fires: Iterable[datetime], timezone: str) -> list[dict[str, Any]]:
    """Give a row for each fire time: in its zone, in UTC, and what the clocks do around it."""
    zone = find_zone(timezone)
    return [
        {
            "local": fire.astimezone(zone),
            "utc": fire,
            "note": clock_change(fire, timezone),
        }
        for fire in fires
    ]


def clock_change(moment: datetime, timezone: str, near: timedelta = NEAR) -> str:
    """Tell how the clocks of a zone change within `near` of an instant; "" if they do not."""
    told = []
    start, end = max(moment, BEGINNING + near) - near, min(moment, END - near) + near
    for before, after in pairwise(_segments(start, end, timezone)):
        if before.offset != after.offset:
            turned, shown = before.wall(before.end), after.wall(after.start)
            way = "forward" if shown > turned else "back"
            told.append(f"clocks go {way} {turned:%H:%M} → {shown:%H:%M} on {turned:%a} {turned:%Y-%m-%d}")
    return "; ".join(told)


def _segments(start: datetime, end: datetime, timezone: str) -> Iterator[Segment]:
    for segment in segments_from(find_zone(timezone), start):
        if segment.start > end:
            return
        yield segment


def distance(length: timedelta) -> str:
    """Tell how far off something is, in its largest unit: `in 3 min`, `2 h ago`, `now`."""
    size = abs(length)
    if size < timedelta(seconds=1):
        return "now"
    number, unit = next(((size // step, unit) for step, unit in _STEPS if size >= step), (size.seconds, "s"))
    return f"in {number} {unit}" if length > timedelta() else f"{number} {unit} ago"
