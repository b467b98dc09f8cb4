"""Where expressions run: Jinja2's sandbox, with nothing in it that reads a clock, reaches the system, or grows.

Jinja2's own sandbox keeps an expression away from Python's insides, not from the machine's memory: `'a' * 10**9` and
`'{:>1000000000}'.format(1)` pass. So everything is listed by name here: functions, filters, tests, and the attributes
of each type; and whatever makes a text longer than what went in has a limit. There are no loops, so that the work is
bounded by the length of the source.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar
from urllib.parse import unquote_plus

import orjson
from jinja2 import StrictUndefined, Undefined
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS

from worker.domain.nearest import did_you_mean
from worker.domain.zones import find_zone

LONGEST_TEXT = 65_536
"""Characters of any text that an expression makes."""

LONGEST_RANGE = 1_000

MOST_BITS = 4_096
"""Bits of the result of a power."""

_LONG_WIDTH = re.compile(r"%[-#0 +]*(?:\*|\d*\.\*|\d{3,}|\d*\.\d{3,})")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_DATE = _words("year month day weekday isoweekday isocalendar isoformat strftime toordinal")
_TIME = _words("hour minute second microsecond isoformat strftime")

_ATTRIBUTES: Mapping[type, frozenset[str]] = {
    # No now(), today() or fromtimestamp(), and no astimezone(), which means the machine's zone without an argument.
    datetime: _DATE | _TIME | {"date", "time", "timestamp", "tzname", "utcoffset", "replace"},
    date: _DATE | {"replace"},
    time: _TIME,
    timedelta: _words("days seconds microseconds total_seconds"),
    type(date(2000, 1, 1).isocalendar()): _words("year week weekday"),
    # No format(), join(), replace(), ljust(), center(), zfill(), expandtabs(): they make long texts out of short ones.
    str: _words(
        "capitalize count endswith find isdigit lower lstrip removeprefix removesuffix rsplit rstrip split"
        " startswith strip title upper"
    ),
}


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment of all expressions."""

    intercepted_binops: ClassVar[frozenset[str]] = frozenset({"+", "-", "*", "**", "%"})  # type: ignore[misc]

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, keep_trailing_newline=True)
        self.globals = {"days": days, "hours": hours, "minutes": minutes, "range": short_range}
        self.filters = {name: FILTERS[name] for name in _FILTERS} | dict(_OWN_FILTERS)
        self.tests = {name: TESTS[name] for name in _TESTS}

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Give an attribute that is listed for the type, or a value of a mapping."""
        if isinstance(obj, Mapping):
            return self.getitem(obj, attribute)
        if isinstance(obj, Undefined):
            return getattr(obj, attribute)
        if attribute in _ATTRIBUTES.get(type(obj), ()):
            return getattr(obj, attribute)
        return self.undefined(f'a value of type {_kind(obj)} has no "{attribute}" here')

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Give a value of a mapping or a list, never an attribute."""
        try:
            return obj[argument]
        except (TypeError, LookupError):
            near = (
                did_you_mean(argument, map(str, obj)) if isinstance(obj, Mapping) and isinstance(argument, str) else ""
            )
            return self.undefined(f'there is no "{argument}" in a value of type {_kind(obj)}{near}')

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002 - Jinja2's
        """Compute `left operator right` within the limits."""
        return _BINARY[operator](left, right)


def days(count: float) -> timedelta:
    """Give `count` calendar days, to be added to a time or taken from it."""
    return timedelta(days=count)


def hours(count: float) -> timedelta:
    """Give `count` hours."""
    return timedelta(hours=count)


def minutes(count: float) -> timedelta:
    """Give `count` minutes."""
    return timedelta(minutes=count)


def short_range(*limits: int) -> list[int]:
    """Give the numbers of `range`, at most LONGEST_RANGE of them."""
    numbers = range(*limits)
    if len(numbers) > LONGEST_RANGE:
        raise SecurityError(f"a range has at most {LONGEST_RANGE} numbers")
    return list(numbers)


def date_filter(value: object, layout: str | None = None, timezone: str | None = None) -> str:
    """Write a time by `strftime`, or as ISO 8601 without a layout; in another time zone if one is named."""
    if not isinstance(value, (date, time)):
        raise TypeError(f"the filter date needs a time, not a value of type {_kind(value)}")
    if timezone is not None:
        if not isinstance(value, datetime):
            raise TypeError("only a time with a date can be moved to another time zone")
        value = value.astimezone(find_zone(timezone))
    return value.isoformat() if layout is None else value.strftime(_short(layout))


def _join(values: Iterable[object], glue: str = "") -> str:
    texts = [str(value) for value in values]
    return _within(sum(map(len, texts)) + len(glue) * max(len(texts) - 1, 0), lambda: str(glue).join(texts))


def _replace(text: object, old: str, new: str) -> str:
    value = str(text)
    growth = (value.count(old) or 1) * max(len(new) - len(old), 0)
    return _within(len(value) + growth, lambda: value.replace(old, new))


def _int(value: Any) -> int:
    # Jinja2's own gives 0 for what is no number.
    try:
        return int(value)
    except ValueError:
        return int(float(value))


def _float(value: Any) -> float:
    return float(value)


def _list(values: Iterable[object]) -> list[object]:
    return list(values)


def _sum(values: Iterable[float]) -> float:
    # Lists can be added up too, each step copying all before it.
    return sum(float(value) if isinstance(value, float) else int(value) for value in values)


def _round(value: float, digits: int = 0) -> float:
    return round(value, max(-300, min(digits, 300)))


def _to_json(value: object) -> str:
    return orjson.dumps(value).decode()


def _urldecode(text: object) -> str:
    # S3 writes the keys of objects so. What comes of it is never longer.
    return unquote_plus(str(text))


def _add(left: Any, right: Any) -> Any:
    if isinstance(left, datetime) and isinstance(right, timedelta):
        return _move(left, right)
    if isinstance(right, datetime) and isinstance(left, timedelta):
        return _move(right, left)
    if isinstance(left, str) and isinstance(right, str):
        return _within(len(left) + len(right), lambda: left + right)
    return left + right


def _subtract(left: Any, right: Any) -> Any:
    if isinstance(left, datetime) and isinstance(right, timedelta):
        return _move(left, -right)
    if isinstance(left, datetime) and isinstance(right, datetime) and left.tzinfo and right.tzinfo:
        # Python takes the wall-clock times of one zone from each other: 24 hours from noon to noon, whatever happens.
        return left.astimezone(UTC) - right.astimezone(UTC)
    return left - right


def _move(moment: datetime, by: timedelta) -> datetime:
    """Move by whole days on the calendar, and by the rest in elapsed time: "yesterday, same time" and "an hour ago"."""
    whole = timedelta(days=abs(by).days) * (1 if by > timedelta() else -1)
    if moment.tzinfo is None:
        return moment + by
    # By way of UTC, because a day before or after may lead into a gap, to a time that does not exist.
    return ((moment + whole).astimezone(UTC) + (by - whole)).astimezone(moment.tzinfo)


def _multiply(left: Any, right: Any) -> Any:
    text, count = (right, left) if isinstance(right, str) else (left, right)
    if isinstance(text, str) and isinstance(count, int):
        return _within(len(text) * count, lambda: text * count)
    _refuse_others("multiplied", left, right)
    return left * right


def _power(left: Any, right: Any) -> Any:
    _refuse_others("raised to a power", left, right)
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() * abs(right) > MOST_BITS:
        raise SecurityError("the power is too large")
    return left**right


def _modulo(left: Any, right: Any) -> Any:
    if not isinstance(left, str):
        return left % right
    if _LONG_WIDTH.search(left):
        raise SecurityError("a width has at most two digits")
    return _short(left % right)


def _refuse_others(what: str, *operands: object) -> None:
    for operand in operands:
        if not isinstance(operand, (int, float, timedelta)):
            raise TypeError(f"a value of type {_kind(operand)} cannot be {what}")


def _within(length: int, make: Callable[[], str]) -> str:
    if length > LONGEST_TEXT:
        raise SecurityError(f"the text is too long: {length} characters, at most {LONGEST_TEXT}")
    return make()


def _short(text: str) -> str:
    return _within(len(text), lambda: text)


def _kind(value: object) -> str:
    return "none" if value is None else type(value).__name__


_BINARY: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": _add,
    "-": _subtract,
    "*": _multiply,
    "**": _power,
    "%": _modulo,
}

_FILTERS = _words("abs capitalize count d default first last length lower max min sort string title trim upper")

_OWN_FILTERS: Mapping[str, Callable[..., Any]] = {
    "date": date_filter,
    "float": _float,
    "int": _int,
    "join": _join,
    "list": _list,
    "replace": _replace,
    "round": _round,
    "sum": _sum,
    "tojson": _to_json,
    "urldecode": _urldecode,
}

_TESTS = _words(
    "boolean defined divisibleby eq even false float ge gt in integer le lower lt mapping ne none number odd "
    "sequence string true undefined upper"
)

SANDBOX = Sandbox()
"""The one environment; it is never changed, so that threads can share it."""
