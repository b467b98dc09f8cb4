"""Instants that callers name: with an offset, or on the clock of a zone, and within reach of the calendar."""

from datetime import UTC, date, datetime, time, timedelta

from worker.domain.errors import Fault, InvalidInput
from worker.domain.zones import ZoneError, resolve_local

FIRST = datetime(1970, 1, 1, tzinfo=UTC)
LAST = datetime(2200, 1, 1, tzinfo=UTC)

_DATE = len("2026-12-01")
_EXAMPLES = "2026-12-01T08:00 or 2026-12-01"


def read_instant(text: str, zone: str, path: str, *, last: bool = False, clamped: bool = False) -> datetime:
    """Read one, in UTC; without an offset it is on the clock of the zone. With `last`, a date stands for its whole day.

    What is so far off that nobody can mean it is refused, or with `clamped` moved to where times begin, or end. Raises
    InvalidInput.
    """
    try:
        whole_day = last and len(text) == _DATE
        found = datetime.combine(date.fromisoformat(text), time()) if whole_day else datetime.fromisoformat(text)
    except ValueError as error:
        raise _wrong(path, f'"{text}" is not a time; write one such as {_EXAMPLES}') from error
    near = FIRST.year <= found.year < LAST.year
    if not near and not clamped:
        raise _wrong(path, f"has to be between {FIRST.year} and {LAST.year}")
    if not near:
        return FIRST if found.year < FIRST.year else LAST
    try:
        if whole_day:
            return resolve_local(found + timedelta(days=1), zone) - timedelta(microseconds=1)
        return found.astimezone(UTC) if found.tzinfo else resolve_local(found, zone)
    except ZoneError as error:
        raise _wrong(path, str(error)) from error


def _wrong(path: str, message: str) -> InvalidInput:
    return InvalidInput([Fault(path=path, message=message)])
