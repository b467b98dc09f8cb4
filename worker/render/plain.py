"""From what an expression gives to what JSON has."""

from collections.abc import Mapping
from datetime import date, datetime, time
from math import isfinite
from typing import Any

from jinja2 import Undefined

from worker.render.grammar import ExpressionError

_MOST_INTEGER = 2**63


def to_json(value: Any) -> Any:
    """Turn a value into one that JSON has; times become ISO 8601. Raises ExpressionError if there is none."""
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, Mapping):
        return {_key(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, Undefined):
        str(value)  # raises, and says what is missing
    why = _trouble(value)
    if why:
        raise ExpressionError(why)
    return value


def json_length(value: Any) -> int:
    """Give about how many characters a value takes."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(len(key) + json_length(item) for key, item in value.items())
    return sum(map(json_length, value)) if isinstance(value, list) else 8


def _trouble(value: Any) -> str:
    """Say why JSON does not have a value; nothing if it has."""
    match value:
        case None | bool():
            return ""
        case str():
            return "" if _has_utf8(value) else "the text has half a character, which UTF-8 has not"
        case int():
            return "" if -_MOST_INTEGER <= value < _MOST_INTEGER else "the number is too large"
        case float():
            return "" if isfinite(value) else "JSON has no infinite number, and no NaN"
    return f"a value of type {type(value).__name__} cannot be sent; make a text or a number of it"


def _has_utf8(text: str) -> bool:
    # An escape such as "\\ud83d" makes one half of a pair.
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise ExpressionError("a key has to be a text")
    return key
