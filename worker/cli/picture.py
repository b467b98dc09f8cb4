"""A small picture of numbers, made of characters: dots for each, and a line of steps."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rich.text import Text

Point = tuple[float, float]

HEIGHT = 8
LABEL = 9
"""Characters of the numbers at the left."""

ACROSS, DOWN = 2, 4
"""Dots of a braille character."""

BRAILLE = 0x2800
DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""The bits of a braille character, by column and row."""

SPREAD = 1.0
"""What lies further out than so many times the middle nine tenths is drawn at the edge: the rest is to be seen."""

FEW = 20
"""Points of which none is called far out."""

SPARSE = 2
"""Up to so many points a column, each is drawn as large as a character."""

MOST = 6
"""Of more points a column, only every second, third, … is drawn: all of them would fill the picture."""

MARK = "•"


@dataclass(frozen=True, slots=True)
class Frame:
    """What part of the plane is shown, and in how many characters."""

    left: float
    right: float
    low: float
    high: float
    width: int
    height: int

    def across(self, x: float, cells: int) -> int:
        """Give the place of `x` among so many."""
        span = self.right - self.left
        share = (x - self.left) / span if span else 0.5
        return min(cells - 1, max(0, round(share * (cells - 1))))

    def down(self, y: float, cells: int) -> int:
        """Give the place of `y` among so many, from the top."""
        span = self.high - self.low
        share = (self.high - y) / span if span else 0.5
        return min(cells - 1, max(0, round(share * (cells - 1))))


def picture(points: Sequence[Point], steps: Sequence[Point], width: int, height: int = HEIGHT) -> list[Text]:
    """Draw points, and a line through `steps`, which holds its height until the next one; from left to right.

    Gives `height` lines and two more for the axis; none is longer than `width`.
    """
    low, high = _span([y for _, y in points], [y for _, y in steps])
    xs = [x for x, _ in points]
    frame = Frame(min(xs), max(xs), low, high, max(5, width - LABEL - 2), height)
    some = points[:: -(-len(points) // (MOST * frame.width))]
    dots = _marks(some, frame) if len(some) <= SPARSE * frame.width else _dots(some, frame)
    line = _line(sorted(steps), frame)
    rows = []
    for row in range(height):
        label = {height - 1: low, 0: high}.get(row) if high > low else {height // 2: low}.get(row)
        text = Text(f"{_short(label) if label is not None else '':>{LABEL}} ")
        text.append("┤" if label is not None else "│", style="dim")
        for column in range(frame.width):
            if (column, row) in line:
                text.append(line[column, row], style="bold green")
            else:
                text.append(dots.get((column, row), " "), style="cyan")
        text.rstrip()
        rows.append(text)
    return [*rows, *_axis(frame)]


def _span(values: Sequence[float], kept: Sequence[float]) -> Point:
    """Give the lowest and the highest value that are shown."""
    ordered = sorted(values)
    low, high = ordered[0], ordered[-1]
    if len(ordered) >= FEW:
        near, far = ordered[len(ordered) // 20], ordered[-1 - len(ordered) // 20]
        low = max(low, near - SPREAD * (far - near))
        high = min(high, far + SPREAD * (far - near))
    # The line is there to be seen.
    return min([low, *kept[-1:]]), max([high, *kept[-1:]])


def _marks(points: Sequence[Point], frame: Frame) -> dict[Point, str]:
    return {(frame.across(x, frame.width), frame.down(y, frame.height)): MARK for x, y in points}


def _dots(points: Sequence[Point], frame: Frame) -> dict[Point, str]:
    """Draw eight points in the place of a character."""
    found: dict[Point, int] = {}
    for x, y in points:
        column, inner = divmod(frame.across(x, frame.width * ACROSS), ACROSS)
        row, height = divmod(frame.down(y, frame.height * DOWN), DOWN)
        found[column, row] = found.get((column, row), 0) | DOTS[inner][height]
    return {place: chr(BRAILLE | bits) for place, bits in found.items()}


def _line(steps: Sequence[Point], frame: Frame) -> dict[Point, str]:
    if not steps:
        return {}
    places = [frame.across(x, frame.width) for x, _ in steps]
    rows: list[int | None] = []
    for column in range(frame.width):
        reached = bisect_right(places, column)
        rows.append(frame.down(steps[reached - 1][1], frame.height) if reached else None)
    drawn: dict[Point, str] = {(column, row): "─" for column, row in enumerate(rows) if row is not None}
    for column, (before, after) in enumerate(pairwise(rows), start=1):
        if before is None or after is None or before == after:
            continue
        down = after > before
        drawn |= {(column, row): "│" for row in range(min(before, after) + 1, max(before, after))}
        drawn |= {(column, before): "╮" if down else "╯", (column, after): "╰" if down else "╭"}
    return drawn


def _axis(frame: Frame) -> list[Text]:
    left, right = _short(frame.left), _short(frame.right)
    gap = max(1, frame.width - len(left) - len(right))
    return [
        Text(f"{'':>{LABEL}} └{'─' * frame.width}", style="dim"),
        Text(f"{'':>{LABEL}}  {left}{' ' * gap}{right}", style="dim"),
    ]


def _short(value: float) -> str:
    text = f"{value:.0f}" if value == round(value) else f"{value:.5g}"
    return text if len(text) <= LABEL else f"{value:.2e}"
