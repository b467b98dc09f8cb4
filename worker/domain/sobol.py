"""Sobol's sequence: points that fill a space evenly however many are taken, each computed by itself.

I. M. Sobol', USSR Comput. Math. Math. Phys. 7(4), 1967; in the order of the Gray code, as I. A. Antonov and
V. M. Saleev, ibid. 19(1), 1979. Any 2^k points that begin at a multiple of 2^k fall once into each of 2^k equal parts
of every dimension. A digital shift, which keeps that, makes another sequence of each seed.
"""

from functools import lru_cache
from hashlib import sha256

from worker.domain.joekuo import POLYNOMIALS

BITS = 53
"""As many as a float in [0, 1) has."""

DIMENSIONS = len(POLYNOMIALS) + 1


def sobol_share(index: int, dimension: int, seed: int, name: str) -> float:
    """Give coordinate `dimension` of point `index`, both from 0, shifted by `seed` and `name`: 0 <= share < 1.

    Raises ValueError beyond the last dimension and beyond 2^53 points.
    """
    digest = sha256(f"sobol\n{seed}\n{name}".encode()).digest()
    shift = int.from_bytes(digest[:8], "big") >> (64 - BITS)
    return (sobol(index, dimension) ^ shift) * 2.0**-BITS


def sobol(index: int, dimension: int) -> int:
    """Give the coordinate without a shift, as a whole number of 2^-53. Raises ValueError as `sobol_share` does."""
    if not 0 <= dimension < DIMENSIONS:
        raise ValueError(
            f"a sobol sequence has {DIMENSIONS} dimensions, one for each parameter that varies; "
            "give some parameters one value, or use random"
        )
    if not 0 <= index < 2**BITS:
        raise ValueError(f"a sobol sequence has 2^{BITS} points; there is no point {index}")
    numbers = _directions(dimension)
    gray, coordinate = index ^ (index >> 1), 0
    while gray:
        lowest = gray & -gray
        coordinate ^= numbers[lowest.bit_length() - 1]
        gray ^= lowest
    return coordinate


@lru_cache(maxsize=DIMENSIONS)
def _directions(dimension: int) -> tuple[int, ...]:
    """Give the direction numbers of a dimension, the first with the highest bit (Joe and Kuo 2008, equation 2)."""
    polynomial, initial = POLYNOMIALS[dimension - 1] if dimension else (1, ())
    degree = len(initial)
    numbers = list(initial) if dimension else [1] * BITS
    while len(numbers) < BITS:
        number = numbers[-degree]
        for back in range(1, degree + 1):
            if polynomial >> (degree - back) & 1:
                number ^= numbers[-back] << back
        numbers.append(number)
    return tuple(number << (BITS - place) for place, number in enumerate(numbers, start=1))
