"""A Latin hypercube, each point computed by itself: of n points, one is in each of n equal parts of every parameter.

M. D. McKay, R. J. Beckman, W. J. Conover, Technometrics 21(2), 1979. The order of the parts is a permutation that is
never written out: a Feistel network with modular addition on a square that is little larger than n, walked until it
comes back into the range (J. Black and P. Rogaway, Ciphers with Arbitrary Finite Domains, CT-RSA 2002).
"""

from hashlib import sha256
from math import isqrt

MOST = 2**53
"""Shares are multiples of 2^-53; of more parts, some would have none."""

# Four rounds mix a large range well; with a handful of parts, fewer than these leave some orders rarer than others.
_ROUNDS = 12


def latin_share(index: int, count: int, seed: int, name: str) -> float:
    """Give a share in part `stratum(index)` of `count`, at a place that depends on the same: 0 <= share < 1.

    Raises ValueError if `index` is not from 0 to `count` - 1, or `count` is more than 2^53.
    """
    part = stratum(index, count, seed, name)
    # Whole numbers, so that the share is in its part exactly, not only nearly.
    first, end = -(-part * MOST // count), -(-(part + 1) * MOST // count)
    place = _number(f"latin place\n{seed}\n{count}\n{index}\n{name}") * (end - first) >> 64
    return (first + place) * 2.0**-53


def stratum(index: int, count: int, seed: int, name: str) -> int:
    """Give the part, 0 <= part < count, in which point `index` is: another one for each index. Errors as above."""
    if not 0 <= index < count:
        raise ValueError(f"of {count} points of a latin hypercube, there is no point {index}")
    if count > MOST:
        raise ValueError(f"a latin hypercube has at most 2^53 points, not {count}")
    side, key = isqrt(count - 1) + 1, f"{seed}\n{count}\n{name}"
    while True:
        index = _permuted(index, side, key)
        if index < count:
            return _either_parity(index, count, key)


def _permuted(index: int, side: int, key: str) -> int:
    """Give another number below side^2 for each number below side^2."""
    left, right = divmod(index, side)
    for turn in range(_ROUNDS):
        left, right = right, (left + _number(f"latin order\n{turn}\n{right}\n{key}")) % side
    return left * side + right


def _either_parity(index: int, count: int, key: str) -> int:
    """Exchange 0 and 1 for half of the keys: where the side is odd, the rounds make even permutations alone."""
    return index ^ (_number(f"latin parity\n{key}") & 1) if index < 2 <= count else index


def _number(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big")
