"""What an unquoted YAML text means: the core schema of YAML 1.2, where `on` is a text and `12:30:00` is no number."""

import re

_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OTHER_BASE = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_INFINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_NUMBER_BEGINS = frozenset("0123456789+-.")

_LONGEST_NUMBER = 400
"""Characters; Python refuses to read an integer of more than 4,300 digits, and a float ends at 309."""


class ScalarError(ValueError):
    """An unquoted text that looks like a number and is none that can be used."""


def read_scalar(text: str) -> str | int | float | bool | None:
    """Give the value of a plain scalar. Raises ScalarError for a number without end."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in _NUMBER_BEGINS:
        return text
    is_integer, is_float = _INTEGER.fullmatch(text), _FLOAT.fullmatch(text)
    if (is_integer or is_float) and len(text) > _LONGEST_NUMBER:
        raise ScalarError("the number is too long; put it in quotes if it is a text")
    if is_integer:
        return int(text)
    if is_float:
        return float(text)
    if _OTHER_BASE.fullmatch(text):
        return int(text, 0)
    return float(text.replace(".", "")) if _INFINITE.fullmatch(text) else text
