"""The fires of a day as columns, a minute each, with the line of what the server takes."""

from collections.abc import Sequence
from dataclasses import dataclass

HEIGHT = 100.0

LEAST_TOP = 4
"""So that a quiet day looks quiet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Herd:
    """The drawing: as wide as there are minutes, `HEIGHT` high; the first minute is at the left."""

    width: int
    within: str
    """Path of the columns up to what the server takes."""
    over: str
    """Path of what is above that."""
    line: float | None
    """Height of what the server takes; None where that is not known, or above everything."""
    now: int
    """Where the past ends."""
    top: int
    """What the upper edge stands for."""


def draw(counts: Sequence[int], rate: float | None, now: int) -> Herd:
    """Draw the columns. What is above `rate` is drawn apart, so that it can be told by its place and its pattern."""
    top = max(LEAST_TOP, *counts)
    limit = rate if rate is not None and rate < top else None
    within, over = [], []
    for minute, count in enumerate(counts):
        if not count:
            continue
        below = count if limit is None else min(count, limit)
        within.append(_column(minute, 0, below, top))
        if count > below:
            over.append(_column(minute, below, count, top))
    return Herd(
        width=len(counts),
        within="".join(within),
        over="".join(over),
        line=_y(limit, top) if limit is not None else None,
        now=now,
        top=top,
    )


def _column(minute: int, low: float, high: float, top: int) -> str:
    return f"M{minute} {_y(low, top):g}V{_y(high, top):g}h1V{_y(low, top):g}z"


def _y(value: float, top: int) -> float:
    return round(HEIGHT * (1 - value / top), 2)
