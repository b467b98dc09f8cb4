"""Lists as ZenML gives them: filters of the form `operator:value`, pages, and what it ignores."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "equals": lambda have, want: have == want,
    "notequals": lambda have, want: have != want,
    "contains": lambda have, want: want in have,
    "startswith": lambda have, want: have.startswith(want),
    "endswith": lambda have, want: have.endswith(want),
    "oneof": lambda have, want: have in [str(one) for one in json.loads(want)],
    "notoneof": lambda have, want: have not in [str(one) for one in json.loads(want)],
    "gte": lambda have, want: have >= want,
    "lte": lambda have, want: have <= want,
}

PAGING = frozenset({"page", "size", "sort_by", "logical_operator", "hydrate", "project"})


class BadFilter(ValueError):
    """A filter that ZenML answers with 422."""


def matches(have: str, filter_text: str) -> bool:
    """Tell whether a value passes a filter. A value without an operator has to be equal."""
    operator, colon, want = filter_text.partition(":")
    if not colon or operator not in OPERATORS:
        return have == filter_text
    try:
        return OPERATORS[operator](have, want)
    except (json.JSONDecodeError, TypeError) as error:
        raise BadFilter("oneof wants a JSON list") from error


def page(
    items: Sequence[dict[str, Any]],
    query: Sequence[tuple[str, str]],
    value: Callable[[dict[str, Any], str], str | list[str] | None],
) -> dict[str, Any]:
    """Filter, sort and cut. `value` gives an item's value for a filter, None for a filter that is ignored."""
    options = dict(query)
    wanted = [(name, text) for name, text in query if name not in PAGING]
    kept = [item for item in items if all(_passes(value(item, name), text) for name, text in wanted)]
    if options.get("sort_by", "asc:created").startswith("desc"):
        kept.reverse()
    size, index = int(options.get("size", 20)), int(options.get("page", 1))
    if not 1 <= size <= 10_000:
        raise BadFilter("size is 1 to 10000")
    return {
        "index": index,
        "max_size": size,
        "total_pages": max(1, -(-len(kept) // size)),
        "total": len(kept),
        "items": kept[(index - 1) * size : index * size],
    }


def _passes(have: str | list[str] | None, filter_text: str) -> bool:
    if have is None:
        return True
    return any(matches(one, filter_text) for one in ([have] if isinstance(have, str) else have))
