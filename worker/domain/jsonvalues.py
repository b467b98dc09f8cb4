"""What JSON can carry, checked before it is kept: a value that cannot be stored must not get into a definition."""

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any

Path = tuple[str | int, ...]

SMALLEST_INTEGER = -(2**63)
LARGEST_INTEGER = 2**63 - 1
"""Integers have 64 bits in orjson, in databases and in most readers of JSON."""

DEEPEST = 20
"""Mappings and lists inside one another."""


def pointer_of(path: Path) -> str:
    """Write a path as a JSON pointer (RFC 6901)."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)


def canonical(value: Any) -> str:
    """Write a JSON value in the one way that equal values share; 1, 1.0 and true stay different."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def sameness(value: Any) -> str:
    """Give a text that is equal for what a grid takes for the same value, as W&B's does: 3 and 3.0, not 1 and true."""
    return canonical(int(value) if isinstance(value, float) and value.is_integer() else value)


def json_faults(value: Any, path: Path = (), depth: int = 0) -> list[tuple[Path, str]]:
    """Find everything in a value that JSON cannot carry: (path, sentence)."""
    if depth > DEEPEST:
        return [(path, f"is nested more than {DEEPEST} levels deep")]
    if isinstance(value, dict):
        keys = [(path, _key_fault(key)) for key in value if _key_fault(key)]
        return keys + [fault for key, inner in value.items() for fault in json_faults(inner, (*path, key), depth + 1)]
    if isinstance(value, list):
        return [fault for i, inner in enumerate(value) for fault in json_faults(inner, (*path, i), depth + 1)]
    fault = scalar_fault(value)
    return [(path, fault)] if fault else []


def scalar_fault(value: Any) -> str:
    """Say why a value that is no mapping and no list cannot be kept; empty if it can."""
    if isinstance(value, str):
        return "" if _is_unicode(value) else "is not valid Unicode"
    if isinstance(value, int):
        return "" if SMALLEST_INTEGER <= value <= LARGEST_INTEGER else "does not fit into 64 bits"
    if isinstance(value, float):
        return "" if isfinite(value) else "has to be a finite number"
    return "" if value is None else f"has to be a JSON value, not a {type(value).__name__}"


def describe(value: Any) -> str:
    """Name what kind of value a person wrote."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    kinds = ((str, "a text"), (int | float, "a number"), (list, "a list"), (Mapping, "a mapping"))
    return next((words for kind, words in kinds if isinstance(value, kind)), f"a {type(value).__name__}")


def _key_fault(key: Any) -> str:
    if not isinstance(key, str):
        return f"the key {key!r} is not a text; put it in quotes"
    return "" if _is_unicode(key) else f"the key {key!r} is not valid Unicode"


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
