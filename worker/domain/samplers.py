"""Samplers: from the number of a trial to its parameters, without a look at any other trial.

Nothing is drawn in advance and nothing is kept, so that a trial can be computed again anywhere, at any time.
"""

from collections.abc import Mapping
from hashlib import sha256
from math import prod
from typing import Any

from worker.domain.distributions import Countable, Distribution

Space = Mapping[str, Distribution]
"""The search space: each parameter by its name, in the order in which they are written."""


def grid_size(space: Space) -> int:
    """Count the points of a grid. Raises TypeError for a distribution without countable values."""
    return prod(_countable(distribution).count for distribution in space.values())


def grid_point(space: Space, index: int) -> dict[str, Any]:
    """Give point number `index`, from 0, of a grid: the last parameter varies fastest.

    The index is read as a number whose digits are the positions in each parameter's values (mixed radix), so that a
    grid of any size costs no memory. Raises TypeError for a distribution without countable values.
    """
    values: dict[str, Any] = {}
    for name in reversed(list(space)):
        distribution = _countable(space[name])
        index, position = divmod(index, distribution.count)
        values[name] = distribution.point(position)
    return {name: values[name] for name in space}


def random_point(space: Space, seed: int, trial: int) -> dict[str, Any]:
    """Draw the parameters of a trial, each by itself; with few possible values, two trials may be alike."""
    return {name: distribution.quantile(share(seed, trial, name)) for name, distribution in space.items()}


def share(seed: int, trial: int, name: str) -> float:
    """Derive a uniform number in [0, 1) from the first 53 bits of SHA-256 of `seed`, `trial` and `name`.

    It depends on these three alone: neither another trial, nor another parameter, nor the algorithms of a Python
    version can change it.
    """
    digest = sha256(f"{seed}\n{trial}\n{name}".encode()).digest()
    return float(int.from_bytes(digest[:8], "big") >> 11) * 2.0**-53


def _countable(distribution: Distribution) -> Countable:
    if not isinstance(distribution, Countable):
        raise TypeError(f"{distribution.word} has no countable values, which a grid needs")
    return distribution
