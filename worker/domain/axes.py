"""The axes of a search space: each parameter by itself, or a group of them that go forward together."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from math import floor
from typing import Any

from worker.domain.distributions import Categorical, Constant, Countable, Distribution, IntUniform, QUniform, as_written
from worker.domain.jsonvalues import sameness

Space = Mapping[str, Distribution]
"""The search space: each parameter by its name, in the order in which they are written."""


class Axis:
    """One parameter, or several that have as many values and go forward together."""

    def __init__(self, members: Space) -> None:
        self.members = members
        self.name = next(iter(members))
        """What it is drawn by: the first of its members."""
        self.fixed = all(isinstance(kind, Constant) for kind in members.values())
        self._tables: dict[tuple[str, ...], dict[tuple[str, ...], int]] = {}

    @cached_property
    def count(self) -> int:
        """How many values a grid has here. Raises TypeError for a distribution without countable values."""
        return countable(self.members[self.name]).count

    def values(self, position: int) -> dict[str, Any]:
        """Give the values at a position, from 0."""
        return {name: countable(kind).point(position) for name, kind in self.members.items()}

    def draw(self, share: float) -> dict[str, Any]:
        """Give the values at a number in [0, 1)."""
        if len(self.members) == 1:
            return {self.name: self.members[self.name].quantile(share)}
        return self.values(floor(Fraction(share) * self.count))

    def is_first(self, position: int, active: Sequence[str]) -> bool:
        """Tell whether no position before has the same values of the active members."""
        if len(active) == len(self.members):
            return True
        return self.locate({name: countable(self.members[name]).point(position) for name in active}) == position

    def locate(self, values: Mapping[str, Any]) -> int | None:
        """Give the first position with these values of some of the members."""
        if not values:
            return 0
        for name, value in values.items():
            kind = self.members[name]
            if isinstance(kind, IntUniform | QUniform):
                # Its values differ from one another, so that no other position has this one.
                position = _step(kind, value)
                return position if position is not None and self._fits(position, values) else None
        names = tuple(values)
        return self._table(names).get(tuple(sameness(value) for value in values.values()))

    def _fits(self, position: int, values: Mapping[str, Any]) -> bool:
        return all(
            sameness(countable(self.members[name]).point(position)) == sameness(value) for name, value in values.items()
        )

    def _table(self, names: tuple[str, ...]) -> dict[tuple[str, ...], int]:
        if names not in self._tables:
            kinds = [countable(self.members[name]) for name in names]
            table: dict[tuple[str, ...], int] = {}
            for position in range(self.count):
                table.setdefault(tuple(sameness(kind.point(position)) for kind in kinds), position)
            self._tables[names] = table
        return self._tables[names]


def reader(kind: Distribution) -> Callable[[int], Any]:
    """Give what reads a value at a position without copying it, for one who does not change it."""
    if isinstance(kind, Categorical):
        return kind.values.__getitem__
    return (lambda _: kind.value) if isinstance(kind, Constant) else countable(kind).point


def axes_of(space: Space, groups: Sequence[Sequence[str]]) -> list[Axis]:
    """Give the axes in the order of the space; a group stands where the first of its members does."""
    grouped = {name: group for group in groups for name in group}
    axes = []
    for name in space:
        members = [other for other in space if other in grouped.get(name, (name,))]
        if name == members[0]:
            axes.append(Axis({member: space[member] for member in members}))
    return axes


def repeated(axis: Axis) -> tuple[int, int] | None:
    """Find two positions of a group with the same values."""
    if not all(isinstance(kind, Categorical | Constant) for kind in axis.members.values()):
        return None
    seen: dict[tuple[str, ...], int] = {}
    for position in range(axis.count):
        first = seen.setdefault(tuple(sameness(value) for value in axis.values(position).values()), position)
        if first != position:
            return first, position
    return None


def countable(distribution: Distribution) -> Countable:
    """Give it back. Raises TypeError for a distribution without countable values."""
    if not isinstance(distribution, Countable):
        raise TypeError(f"{distribution.word} has no countable values, which a grid needs")
    return distribution


def _step(kind: IntUniform | QUniform, value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    q = as_written(kind.q) if isinstance(kind, QUniform) else 1
    position = round((as_written(value) - as_written(kind.low)) / q)
    return position if 0 <= position < kind.count and kind.point(position) == value else None
