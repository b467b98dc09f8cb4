"""The search space as a study sees it: each axis an index into its values, or a number in [0, 1).

In these coordinates every distribution is uniform, logarithms and bells too, and a zip group is one axis.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from worker.domain.axes import Axis, Space, axes_of
from worker.domain.distributions import Categorical, Countable, WeightedCategorical
from worker.domain.rules import Rules

Coordinates = dict[str, int | float]
"""Where a trial lies on each axis that it has, by the axis' name. JSON keeps it as it is."""

MOST_INDEXED = 10_000
"""Values of one axis; with more, it is taken for continuous."""

MOST_CHOICES = 100
"""Values of one axis that are taken one by one. Of more, neighbours are taken to be alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """An axis along which trials differ."""

    name: str
    count: int | None = None
    """Coordinates are indices below it; None: they are numbers in [0, 1)."""
    ordered: bool = True
    """Whether neighbours are alike."""

    def at(self, share: float) -> int | float:
        """Give the coordinate at a uniform number in [0, 1)."""
        return share if self.count is None else int(share * self.count)


class Cube:
    """From coordinates to parameters, and which coordinates a trial has."""

    def __init__(self, space: Space, groups: Sequence[Sequence[str]], rules: Rules) -> None:
        axes = axes_of(space, groups)
        self.dimensions = {axis.name: dimension for axis in axes if (dimension := _dimension(axis))}
        self._axes = {name: axis for axis in axes for name in axis.members}
        self._order = tuple(space)
        self._rules = rules

    def place(self, coordinate: Callable[[Dimension], int | float]) -> tuple[dict[str, Any], Coordinates]:
        """Ask for a coordinate on each axis that the trial turns out to have; give its parameters and these."""
        values: dict[str, Any] = {}
        found: dict[str, Mapping[str, Any]] = {}
        coordinates: Coordinates = {}
        for name in (*(name for name in self._order if name not in self._rules.when), *self._rules.when):
            condition, axis = self._rules.when.get(name), self._axes[name]
            if condition is not None and not condition.holds(values):
                continue
            if axis.name not in found:
                dimension = self.dimensions.get(axis.name)
                if dimension is not None:
                    coordinates[axis.name] = coordinate(dimension)
                found[axis.name] = _values(axis, dimension, coordinates.get(axis.name, 0))
            values[name] = found[axis.name][name]
        return {name: values[name] for name in self._order if name in values}, coordinates


def _dimension(axis: Axis) -> Dimension | None:
    kind = axis.members[axis.name]
    several = len(axis.members) > 1
    if isinstance(kind, WeightedCategorical):
        count: int | None = len(kind.values)
    else:
        count = axis.count if isinstance(kind, Countable) else None
    if count == 1:
        return None
    if count is None or (count > MOST_INDEXED and not several):
        return Dimension(name=axis.name)
    unordered = several or isinstance(kind, Categorical | WeightedCategorical)
    return Dimension(name=axis.name, count=count, ordered=not unordered or count > MOST_CHOICES)


def _values(axis: Axis, dimension: Dimension | None, coordinate: int | float) -> Mapping[str, Any]:
    kind = axis.members[axis.name]
    if dimension is not None and dimension.count is None:
        return axis.draw(coordinate)
    if isinstance(kind, WeightedCategorical):
        return {axis.name: deepcopy(kind.values[int(coordinate)])}
    return axis.values(int(coordinate))
