"""A page of those that are meant, out of many that may have to be looked through for few."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Place = TypeVar("Place")
Row = TypeVar("Row")

Fetch = Callable[[Place | None, int], Awaitable[Sequence[tuple[Place, Row | None]]]]
"""Reads so many that come after a place, each with its own; None is gone by now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Generic[Row, Place]):
    """A page; `last` is the place after which the next one begins, None on the last."""

    rows: Sequence[Row]
    last: Place | None


async def look_through(
    fetch: Fetch[Place, Row],
    fits: Callable[[Row], bool],
    after: Place | None,
    limit: int,
    *,
    at_once: int | None,
    most: int,
) -> Listed[Row, Place]:
    """Read a page. It may be shorter than `limit`, where `most` were looked through.

    So many are read `at_once`; None is where all are meant: only as many as are still wanted.
    """
    rows: list[Row] = []
    looked, place = 0, after
    while looked < most:
        count = at_once or limit - len(rows) + 1
        found = await fetch(place, count)
        for here, row in found:
            if len(rows) == limit:
                return Listed(rows=rows, last=place)
            place = here
            if row is not None and fits(row):
                rows.append(row)
        looked += len(found)
        if len(found) < count:
            return Listed(rows=rows, last=None)
    return Listed(rows=rows, last=place)
