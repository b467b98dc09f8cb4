"""Instants in tables: in their own zone, and in UTC."""

from datetime import datetime

COLUMNS = ("local", "utc", "note")
"""Of `worker.domain.moments.fire_rows`."""


def wall_time(moment: datetime) -> str:
    """Write an instant in its own zone: `Sun 2026-03-29 03:00 CEST`, with seconds where there are some."""
    clock = f"{moment:%H:%M:%S}" if moment.second else f"{moment:%H:%M}"
    return f"{moment:%a} {moment:%Y-%m-%d} {clock} {moment.tzname() or ''}".rstrip()


def utc_time(moment: datetime) -> str:
    """Write an instant in UTC, shortly: `2026-03-29 01:00Z`."""
    return f"{moment:%Y-%m-%d %H:%M:%SZ}" if moment.second else f"{moment:%Y-%m-%d %H:%MZ}"


WORDS = {"local": wall_time, "utc": utc_time}
"""How tables tell the columns of `fire_rows`."""
