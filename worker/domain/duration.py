"""Lengths of time as people write them: 90s, 5m, 1h30m, 2d, 1w, 500ms."""

import re
from datetime import timedelta
from decimal import Decimal

_UNITS = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
_MICROSECOND = timedelta(microseconds=1)
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|[wdhms])", re.ASCII)
_WHOLE = re.compile(f"(?:{_PART.pattern})+", re.ASCII)
_BARE = re.compile(r"\d+(?:\.\d+)?", re.ASCII)


class DurationError(ValueError):
    """A length of time that cannot be read."""


def parse_duration(value: str | int | float) -> timedelta:
    """Read `90s`, `1h30m`, `1.5h` or a bare number of seconds; exact to the microsecond, never negative.

    Raises DurationError with a sentence for anything else.
    """
    text = str(value).strip()
    if isinstance(value, bool) or not (_BARE.fullmatch(text) or _WHOLE.fullmatch(text)):
        raise DurationError(
            f'"{value}" is not a length of time; write a number and a unit (ms, s, m, h, d, w), such as 90s or 1h30m'
        )
    parts = _PART.findall(text) or [(text, "s")]
    if len({unit for _, unit in parts}) < len(parts):
        raise DurationError(f'"{value}" names a unit twice; add the two up')
    try:
        return sum((_length(number, unit) for number, unit in parts), timedelta())
    except OverflowError as error:
        raise DurationError(f'"{value}" is too long: a length of time ends at {timedelta.max.days} days') from error


def format_duration(length: timedelta) -> str:
    """Write a length of time as `parse_duration` reads it, in days and smaller units: `1h30m`, `2d`, `0s`.

    A negative length, which cannot be read back, has a minus sign in front.
    """
    sign, rest = ("-", -length) if length < timedelta() else ("", length)
    parts = []
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, _UNITS[unit])
        parts += [f"{count}{unit}"] if count else []
    if rest:
        parts.append(f"{Decimal(rest.microseconds) / 1000:f}ms")
    return sign + ("".join(parts) or "0s")


def length_in_words(seconds: float) -> str:
    """Tell how long something takes: in whole seconds, from one second on."""
    return "< 1s" if 0 <= seconds < 1 else format_duration(timedelta(seconds=round(seconds)))


def _length(number: str, unit: str) -> timedelta:
    # Decimal, because 0.1 of a unit is not exact in binary. An int, because timedelta would round a float.
    return int(Decimal(number) * (_UNITS[unit] // _MICROSECOND)) * _MICROSECOND


def roughly(seconds: float) -> str:
    """Tell how long something takes, in its two largest units: `3 h 20 min`, `13 min`, `45 s`."""
    if seconds < 1:
        return "less than 1 s"
    minutes, hours, days = round(seconds / 60), round(seconds / 3600), round(seconds / 86400)
    if seconds < 90:
        return f"{round(seconds)} s"
    if minutes < 60:
        return f"{minutes} min"
    if hours < 48:
        return _two(minutes, 60, "h", "min")
    return _two(hours, 24, "days", "h") if days < 14 else f"{days} days"


def _two(amount: int, size: int, large: str, small: str) -> str:
    whole, rest = divmod(amount, size)
    return f"{whole} {large} {rest} {small}" if rest else f"{whole} {large}"
