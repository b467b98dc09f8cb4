"""A page of a list: filtered, sorted, cut to its size, in ZenML's shape."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from starlette.datastructures import QueryParams

from worker.demo.zenml.filters import CHOICES, FALSE, OPERATORS, TRUE, Column, Item, select
from worker.demo.zenml.refusals import Malformed, Refusal, fault, invalid
from worker.demo.zenml.versions import ONE_OF, Version

LARGEST = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[Item]):
    """A list that can be asked for."""

    model: str
    """ZenML's name for its filter, which stands in errors."""
    items: Sequence[Item]
    columns: Mapping[str, Column[Item]]
    show: Callable[[Item, bool], dict[str, Any]]
    """Give an item as JSON, hydrated or not."""

    def page(self, query: QueryParams, version: Version) -> dict[str, Any]:
        """Answer a request as a server of that version. Raises Refusal and Malformed."""
        number, size = _whole(query, "page", 1, None), _whole(query, "size", 20, LARGEST)
        any_of = _one_of(query, "logical_operator", "and", ("or", "and")) == "or"
        hydrate = truth(query, "hydrate", default=False)
        operators = OPERATORS if version >= ONE_OF else OPERATORS - CHOICES
        found = select(
            self.items, self.columns, query.multi_items(), model=self.model, any_of=any_of, operators=operators
        )
        pages = max(-(-len(found) // size), 1)
        if number > pages:
            raise Refusal(
                400,
                "ValueError",
                f"Invalid page {number}. The requested page size is {size} and there are a total of {len(found)} items"
                f" for this query. The maximum page value therefore is {pages}.",
            )
        begin = (number - 1) * size
        shown = self._sorted(found, query.get("sort_by", "created"))[begin : begin + size]
        return {
            "index": number,
            "max_size": size,
            "total_pages": pages,
            "total": len(found),
            "items": [self.show(item, hydrate) for item in shown],
        }

    def _sorted(self, items: list[Item], wanted: str) -> list[Item]:
        # An unknown direction is taken for `asc`.
        direction, colon, name = wanted.partition(":")
        column = self.columns.get(name if colon else wanted)
        if column is None or not column.sortable:
            message = "Value error, You can only sort by valid fields of this resource"
            raise invalid(self.model, "sort_by", message, "value_error", wanted)
        keys = [column.read(item) for item in items]

        def order(place: int) -> tuple[bool, Any, int]:
            # Nothing is less than anything, as in SQLite; what is equal stays in the order in which it was made.
            return (keys[place] is not None, keys[place], place)

        places = sorted(range(len(items)), key=order, reverse=direction == "desc" and bool(colon))
        return [items[place] for place in places]


def truth(query: QueryParams, name: str, *, default: bool) -> bool:
    """Read a parameter that is true or false. Raises Malformed."""
    text = query.get(name)
    if text is None:
        return default
    if text.lower() not in TRUE | FALSE:
        message = "Input should be a valid boolean, unable to interpret input"
        raise Malformed(fault("bool_parsing", ("query", name), message, text))
    return text.lower() in TRUE


def _one_of(query: QueryParams, name: str, default: str, choices: tuple[str, ...]) -> str:
    text = query.get(name, default)
    if text not in choices:
        expected = " or ".join(f"'{choice}'" for choice in choices)
        raise Malformed(fault("enum", ("query", name), f"Input should be {expected}", text, expected=expected))
    return text


def _whole(query: QueryParams, name: str, default: int, most: int | None) -> int:
    text = query.get(name, str(default))
    where = ("query", name)
    try:
        number = int(text)
    except ValueError:
        message = "Input should be a valid integer, unable to parse string as an integer"
        raise Malformed(fault("int_parsing", where, message, text)) from None
    if number < 1:
        raise Malformed(fault("greater_than_equal", where, "Input should be greater than or equal to 1", text, ge=1))
    if most is not None and number > most:
        raise Malformed(fault("less_than_equal", where, f"Input should be less than or equal to {most}", text, le=most))
    return number
