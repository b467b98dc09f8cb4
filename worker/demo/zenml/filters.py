"""Filters of lists: `op:value`, compared as ZenML and SQLite do."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any, Generic, TypeVar

from worker.demo.zenml.refusals import Malformed, Refusal, fault, invalid

Item = TypeVar("Item")

LIKENESSES = frozenset({"equals", "notequals", "contains", "notcontains", "startswith", "endswith"})
COMPARISONS = frozenset({"gt", "gte", "lt", "lte"})
CHOICES = frozenset({"oneof", "notoneof"})
NULLS = frozenset({"isnull", "isnotnull"})
OPERATORS = LIKENESSES | COMPARISONS | CHOICES | NULLS | {"in"}
MOMENT = "%Y-%m-%d %H:%M:%S"
TRUE = frozenset({"true", "1", "yes", "on", "t", "y"})
FALSE = frozenset({"false", "0", "no", "off", "f", "n"})


class Kind(Enum):
    """What a column holds."""

    TEXT = auto()
    """Also ids, which are compared as texts."""
    MOMENT = auto()
    TRUTH = auto()
    NUMBER = auto()
    NAME_OR_ID = auto()
    """Two texts, of which one has to fit."""
    TAGS = auto()
    """Any number of texts, of which one has to fit."""
    METADATA = auto()
    """A mapping; the filter is `key:op:value`."""


@dataclass(frozen=True, slots=True)
class Column(Generic[Item]):
    """Something that a list can be filtered by, and for most kinds sorted."""

    kind: Kind
    read: Callable[[Item], Any]

    @property
    def sortable(self) -> bool:
        """Whether a list can be sorted by it."""
        return self.kind in {Kind.TEXT, Kind.MOMENT, Kind.TRUTH, Kind.NUMBER}


Test = Callable[[Any], bool]


def select(
    items: Sequence[Item],
    columns: Mapping[str, Column[Item]],
    query: Iterable[tuple[str, str]],
    *,
    model: str,
    any_of: bool = False,
    operators: Set[str] = OPERATORS,
) -> list[Item]:
    """Give the items that pass all filters of the query, or any of them.

    A parameter that is no column is ignored and then matches everything, as on ZenML; an operator that is none is part
    of the text. Raises Refusal and Malformed.
    """
    tests = [
        (columns[name].read, _test(columns[name].kind, name, text, model, operators))
        for name, text in query
        if name in columns
    ]
    if not tests:
        return list(items)
    together = any if any_of else all
    return [item for item in items if together(test(read(item)) for read, test in tests)]


def _test(kind: Kind, name: str, text: str, model: str, operators: Set[str]) -> Test:
    if kind is Kind.METADATA:
        key, _, rest = text.partition(":")
        inner = _test(Kind.TEXT, name, rest, model, operators)
        return lambda value: inner(value.get(key))
    operator, value = _split(text, operators)
    if kind in {Kind.NAME_OR_ID, Kind.TAGS}:
        inner = _text_test(operator, value, name, model)
        return lambda values: any(inner(one) for one in values)
    if kind is Kind.MOMENT:
        return _moment_test(operator, value, model)
    if kind is Kind.TRUTH:
        return _truth_test(value, name)
    return _text_test(operator, value, name, model)


def _split(text: str, operators: Set[str]) -> tuple[str, str]:
    operator, colon, value = text.partition(":")
    return (operator, value) if colon and operator in operators else ("equals", text)


def _text_test(operator: str, wanted: str, name: str, model: str) -> Test:
    if operator in COMPARISONS:
        return _number_test(operator, wanted, name)
    if operator in CHOICES:
        chosen = frozenset(_list(wanted, model))
        return lambda value: (_text(value) in chosen) is (operator == "oneof")
    if operator in NULLS:
        return lambda value: (value is None) is (operator == "isnull")
    return _likeness(operator, wanted)


def _likeness(operator: str, wanted: str) -> Test:
    # SQLite's LIKE does not tell upper from lower case; its = does.
    loose = wanted.casefold()
    tests: dict[str, Callable[[str], bool]] = {
        "notequals": lambda value: value != wanted,
        "contains": lambda value: loose in value.casefold(),
        "notcontains": lambda value: loose not in value.casefold(),
        "startswith": lambda value: value.casefold().startswith(loose),
        "endswith": lambda value: value.casefold().endswith(loose),
    }
    compare = tests.get(operator, wanted.__eq__)
    return lambda value: value is not None and compare(_text(value))


def _number_test(operator: str, wanted: str, name: str) -> Test:
    try:
        limit = float(wanted)
    except ValueError as error:
        reason = f"Failed to compare the column '{name}' to the value '{wanted}' (must be numeric): {error}"
        raise Refusal(400, "ValueError", reason) from error

    def test(value: Any) -> bool:
        try:
            return _compare(operator, float(value), limit)
        except (TypeError, ValueError):
            return False

    return test


def _moment_test(operator: str, wanted: str, model: str) -> Test:
    if operator in NULLS:
        return lambda value: (value is None) is (operator == "isnull")
    moments = [_moment(part, model) for part in (wanted.split(",", 1) if operator == "in" else [wanted])]
    if operator == "in":
        return lambda value: value is not None and moments[0] <= value <= moments[-1]
    return lambda value: value is not None and _compare(operator, value, moments[0])


def _truth_test(wanted: str, name: str) -> Test:
    if wanted.lower() not in TRUE | FALSE:
        message = "Input should be a valid boolean, unable to interpret input"
        raise Malformed(fault("bool_parsing", ("query", name), message, wanted))
    return lambda value: bool(value) is (wanted.lower() in TRUE)


def _compare(operator: str, value: Any, limit: Any) -> bool:
    match operator:
        case "gt":
            return bool(value > limit)
        case "gte":
            return bool(value >= limit)
        case "lt":
            return bool(value < limit)
        case "lte":
            return bool(value <= limit)
        case "notequals":
            return bool(value != limit)
    return bool(value == limit)


def _moment(text: str, model: str) -> datetime:
    try:
        return datetime.strptime(text.strip(), MOMENT).replace(tzinfo=UTC)
    except ValueError:
        message = f"Value error, The datetime filter only works with values in the following format: {MOMENT}"
        raise invalid(model, "", message, "value_error", {"value": text}) from None


def _list(text: str, model: str) -> list[str]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, list):
        message = (
            "Value error, When you are using the 'oneof:'/'notoneof:' filtering make sure that the provided value"
            " is a json formatted list."
        )
        raise invalid(model, "", message, "value_error", {"value": text})
    return [_text(one) for one in value]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)
