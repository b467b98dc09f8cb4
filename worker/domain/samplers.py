"""Samplers: from the number of a trial to its parameters. A drawn trial needs no look at any other.

Nothing is drawn in advance and nothing is kept but places to go on from, so that a trial can be computed again
anywhere, at any time.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from hashlib import sha256
from typing import Any

from worker.domain.axes import Axis
from worker.domain.jsonvalues import LARGEST_INTEGER
from worker.domain.latin import latin_share
from worker.domain.rules import Rules
from worker.domain.scan import Scan
from worker.domain.sobol import sobol_share

MOST_DRAWS = 10_000
"""For one trial of a random sweep, and in a row of a sobol sweep."""


class Trials(ABC):
    """The trials of a sweep, from 1."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Count them."""

    @abstractmethod
    def point(self, number: int) -> dict[str, Any] | None:
        """Give the parameters of trial `number` >= 1, or None if there are fewer."""


class DrawnTrials(Trials):
    """So many trials, each drawn by itself."""

    def __init__(
        self, axes: Sequence[Axis], order: Iterable[str], rules: Rules, seed: int, run_cap: int | None
    ) -> None:
        self._axes = axes
        self._order = tuple(order)
        self._rules = rules
        self._seed = seed
        self._size = LARGEST_INTEGER if run_cap is None else run_cap

    @property
    def size(self) -> int:
        """The number that was asked for."""
        return self._size

    def point(self, number: int) -> dict[str, Any] | None:
        """Give the parameters. Raises NothingSatisfies."""
        return self._draw(number) if number <= self._size else None

    @abstractmethod
    def _draw(self, number: int) -> dict[str, Any]: ...

    def _values(self, shares: Iterable[float]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for axis, share_of in zip(self._axes, shares, strict=True):
            values |= axis.draw(share_of)
        self._rules.drop(values)
        return {name: values[name] for name in self._order if name in values}


class RandomTrials(DrawnTrials):
    """Each value drawn by itself; with few possible values, two trials may be alike."""

    def _draw(self, number: int) -> dict[str, Any]:
        for attempt in range(MOST_DRAWS):
            values = self._values(share(self._seed, number, axis.name, attempt) for axis in self._axes)
            if self._rules.admit(values):
                return values
        raise self._rules.nothing(f"{MOST_DRAWS} draws for trial {number}")


class SobolTrials(DrawnTrials):
    """Points of a Sobol sequence, those left out that do not satisfy `where`."""

    def __init__(
        self, axes: Sequence[Axis], order: Iterable[str], rules: Rules, seed: int, run_cap: int | None
    ) -> None:
        super().__init__(axes, order, rules, seed, run_cap)
        free = [axis.name for axis in axes if not axis.fixed]
        # What never varies needs no dimension.
        self._dimensions = {name: dimension for dimension, name in enumerate(free)}
        self._scan = Scan(lambda index: rules.admit(self._raw(index)), end=None, patience=MOST_DRAWS)

    def _draw(self, number: int) -> dict[str, Any]:
        index = self._scan.find(number) if self._rules.where else number - 1
        if index is None:
            raise self._rules.nothing(f"{MOST_DRAWS} points of the sequence in a row")
        return self._raw(index)

    def _raw(self, index: int) -> dict[str, Any]:
        return self._values(
            0.0 if axis.fixed else sobol_share(index, self._dimensions[axis.name], self._seed, axis.name)
            for axis in self._axes
        )


class LatinTrials(DrawnTrials):
    """One value in each of as many strata as there are trials."""

    def _draw(self, number: int) -> dict[str, Any]:
        return self._values(latin_share(number - 1, self._size, self._seed, axis.name) for axis in self._axes)


class ListTrials(Trials):
    """Points that are written down, those left out that do not satisfy `where`."""

    def __init__(self, points: Sequence[Mapping[str, Any]], rules: Rules, run_cap: int | None) -> None:
        self._points = points
        self._run_cap = run_cap
        self._scan = (
            Scan(lambda index: rules.admit(points[index]), end=len(points), patience=len(points))
            if rules.where
            else None
        )

    @property
    def size(self) -> int:
        """Count the points that there are, at most `run_cap`."""
        if self._scan is not None:
            return self._scan.count(self._run_cap)
        return len(self._points) if self._run_cap is None else min(len(self._points), self._run_cap)

    def point(self, number: int) -> dict[str, Any] | None:
        """Give a point as it is written."""
        if self._run_cap is not None and number > self._run_cap:
            return None
        index = self._scan.find(number) if self._scan is not None else number - 1
        return None if index is None or index >= len(self._points) else deepcopy(dict(self._points[index]))


def share(seed: int, trial: int, name: str, attempt: int = 0) -> float:
    """Derive a uniform number in [0, 1) from the first 53 bits of SHA-256 of `seed`, `trial`, `attempt` and `name`.

    It depends on these alone: neither another trial, nor another parameter, nor the algorithms of a Python version can
    change it.
    """
    which = f"{trial}.{attempt}" if attempt else f"{trial}"
    digest = sha256(f"{seed}\n{which}\n{name}".encode()).digest()
    return float(int.from_bytes(digest[:8], "big") >> 11) * 2.0**-53
