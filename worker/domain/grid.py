"""The grid: every combination of values once, found by its number and not by counting up to it.

The index of a point is read as a number whose digits are the positions on each axis (mixed radix), so that a grid of
any size costs no memory. Of the points that differ only in parameters that they have not, the first one counts.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from math import prod
from typing import Any, Optional

from worker.domain.axes import Axis, reader
from worker.domain.rules import Rules
from worker.domain.samplers import Trials
from worker.domain.scan import Scan

COUNTED = 1_000_000
"""A grid of so many points is searched to its end. In a larger one, so many in a row without a trial are the end."""


class GridTrials(Trials):
    """The points of a grid; after those of `before`, where it extends another."""

    def __init__(
        self,
        axes: Sequence[Axis],
        order: Iterable[str],
        rules: Rules,
        run_cap: int | None,
        before: Optional["GridTrials"],
    ) -> None:
        self._axes = axes
        self._order = tuple(order)
        self._rules = rules
        self._run_cap = run_cap
        self._before = before
        self._strides = [prod(axis.count for axis in axes[place + 1 :]) for place in range(len(axes))]
        self._scan: Scan | None = None
        if rules.when or rules.where or before is not None:
            self._readers = self._needed()
            self._partial = [
                (axis, stride)
                for axis, stride in zip(axes, self._strides, strict=True)
                if any(name in rules.when for name in axis.members)
            ]
            self._scan = Scan(self._admits, end=self.raw, patience=COUNTED)

    @cached_property
    def raw(self) -> int:
        """Count the combinations, those left out included."""
        return prod(axis.count for axis in self._axes)

    @property
    def size(self) -> int:
        """Count the trials, at most `run_cap`."""
        if self._scan is None:
            return self.raw if self._run_cap is None else min(self.raw, self._run_cap)
        first = self._first
        return first + self._scan.count(None if self._run_cap is None else max(self._run_cap - first, 0))

    @property
    def _first(self) -> int:
        return 0 if self._before is None else self._before.size

    def point(self, number: int) -> dict[str, Any] | None:
        """Give a point, the last axis varying fastest."""
        if self._run_cap is not None and number > self._run_cap:
            return None
        first = self._first
        if self._before is not None and number <= first:
            return self._before.point(number)
        index = number - 1 if self._scan is None else self._scan.find(number - first)
        return None if index is None or index >= self.raw else self._point(index)

    def has(self, values: Mapping[str, Any]) -> bool:
        """Tell whether one of the trials has these values."""
        if self._before is not None and self._before.has(values):
            return True
        index = self.locate(values)
        return index is not None and index <= self._last

    def locate(self, values: Mapping[str, Any]) -> int | None:
        """Give the index of the point with these values that counts."""
        wanted = {name for name in self._order if name not in self._rules.when}
        if not wanted <= values.keys() <= set(self._order):
            return None
        index = 0
        for axis, stride in zip(self._axes, self._strides, strict=True):
            position = axis.locate({name: values[name] for name in axis.members if name in values})
            if position is None:
                return None
            index += position * stride
        return index

    @cached_property
    def _last(self) -> int:
        own = self.size - self._first
        if own <= 0 or self._scan is None:
            return own - 1
        found = self._scan.find(own)
        return -1 if found is None else found

    def _point(self, index: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for axis, stride in zip(self._axes, self._strides, strict=True):
            values |= axis.values(index // stride % axis.count)
        self._rules.drop(values)
        return {name: values[name] for name in self._order if name in values}

    def _needed(self) -> list[tuple[str, Callable[[int], Any], int, int]]:
        rules = self._rules
        names = {name for condition in (*rules.where, *rules.when.values()) for name in condition.uses}
        names |= set(rules.when)
        return [
            (name, reader(axis.members[name]), stride, axis.count)
            for axis, stride in zip(self._axes, self._strides, strict=True)
            for name in axis.members
            if name in names
        ]

    def _admits(self, index: int) -> bool:
        """Tell whether a raw index is a trial. Only what the conditions read is computed."""
        values = {name: read(index // stride % count) for name, read, stride, count in self._readers}
        rules = self._rules
        rules.drop(values)
        for axis, stride in self._partial:
            active = [name for name in axis.members if name not in rules.when or name in values]
            if not axis.is_first(index // stride % axis.count, active):
                return False
        if not rules.admit(values):
            return False
        return self._before is None or not self._before.has(self._point(index))
