"""The distributions of a search space: which values there are, and how a number in [0, 1) becomes one of them.

The words and their meaning are W&B's (github.com/wandb/sweeps: src/sweeps/params.py and src/sweeps/config/schema.json).
`quantile` is what W&B calls `ppf`. What differs is said where it does.

Each value is the same on every machine and in every Python: the arithmetic is IEEE's basic operations, exact fractions,
or `decimal`, whose `ln` and `exp` are correctly rounded. `math.log` and `math.exp` are not: they differ by libm.
"""

from abc import ABC, abstractmethod
from bisect import bisect_right
from copy import deepcopy
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate
from math import ceil, floor
from typing import Any, ClassVar

Number = int | float

# 17 digits make a float; the others keep exp(ln(x)) from rounding twice.
_EXACT = Context(prec=40, rounding=ROUND_HALF_EVEN)


class Distribution(ABC):
    """What one parameter may be."""

    __slots__ = ()
    word: ClassVar[str]
    """Its name in `distribution:`."""

    @abstractmethod
    def quantile(self, u: float) -> Any:
        """Give the value at `u`, 0 <= u < 1. A caller may change what it gets."""

    @abstractmethod
    def definition(self) -> dict[str, Any]:
        """Write it down with all its words, as `read_parameter` reads it."""


class Countable(Distribution):
    """A distribution whose values can be counted, so that a grid can go through them."""

    __slots__ = ()

    @property
    @abstractmethod
    def count(self) -> int:
        """How many values a grid has here."""

    @abstractmethod
    def point(self, index: int) -> Any:
        """Give value number `index`, 0 <= index < count, as a grid goes through them."""

    def quantile(self, u: float) -> Any:
        """Give each of the values with the same probability."""
        return self.point(floor(Fraction(u) * self.count))


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant(Countable):
    """`value`: always the same (W&B: param_single_value)."""

    word = "constant"
    value: Any

    @property
    def count(self) -> int:
        """One."""
        return 1

    def point(self, index: int) -> Any:  # noqa: ARG002 - there is only one
        """Give the value."""
        return deepcopy(self.value)

    def definition(self) -> dict[str, Any]:
        """Write it down."""
        return {"distribution": self.word, "value": deepcopy(self.value)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Categorical(Countable):
    """`values`: each with the same probability (W&B: param_categorical)."""

    word = "categorical"
    values: tuple[Any, ...]

    @property
    def count(self) -> int:
        """The length of the list."""
        return len(self.values)

    def point(self, index: int) -> Any:
        """Give the values in the order of the list."""
        return deepcopy(self.values[index])

    def definition(self) -> dict[str, Any]:
        """Write it down."""
        return {"distribution": self.word, "values": deepcopy(list(self.values))}


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedCategorical(Distribution):
    """`values` with `probabilities` (W&B: param_categorical_w_probabilities, which has no place in a grid)."""

    word = "categorical_w_probabilities"
    values: tuple[Any, ...]
    probabilities: tuple[Number, ...]
    """As many as values; together 1, or close to it."""

    def quantile(self, u: float) -> Any:
        """Give the first value whose probabilities up to and with it exceed `u`."""
        bounds = list(accumulate(map(float, self.probabilities)))
        # The rest that rounding leaves is shared out; W&B gives it to the first value.
        return deepcopy(self.values[bisect_right(bounds, u * bounds[-1])])

    def definition(self) -> dict[str, Any]:
        """Write it down."""
        values = deepcopy(list(self.values))
        return {"distribution": self.word, "values": values, "probabilities": list(self.probabilities)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """A distribution between `min` and `max`."""

    word: ClassVar[str]
    low: Number
    high: Number

    def definition(self) -> dict[str, Any]:
        """Write it down."""
        return {"distribution": self.word, "min": self.low, "max": self.high}


@dataclass(frozen=True, slots=True, kw_only=True)
class IntUniform(_Span, Countable):
    """Whole numbers from `min` to `max`, both included (W&B: `stats.randint.ppf(x, min, max + 1)`)."""

    word = "int_uniform"
    low: int
    high: int

    @property
    def count(self) -> int:
        """How many whole numbers there are."""
        return self.high - self.low + 1

    def point(self, index: int) -> int:
        """Count upwards from `min`."""
        return self.low + index


@dataclass(frozen=True, slots=True, kw_only=True)
class Uniform(_Span, Distribution):
    """Floats between `min` and `max` (W&B: `stats.uniform.ppf(x, min, max - min)`)."""

    word = "uniform"

    def quantile(self, u: float) -> float:
        """Give low + (high - low) u, in a form that neither overflows nor leaves the bounds."""
        low, high = float(self.low), float(self.high)
        return min(max(low * (1 - u) + high * u, low), high)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogUniform(_Span, Distribution):
    """Floats whose logarithm is uniform between those of `min` and `max`, min > 0 (W&B: param_loguniform_v2)."""

    word = "log_uniform_values"

    def quantile(self, u: float) -> float:
        """Give exp(ln low + (ln high - ln low) u)."""
        value = float(_log_uniform(self.low, self.high, u))
        return min(max(value, float(self.low)), float(self.high))


@dataclass(frozen=True, slots=True, kw_only=True)
class InvLogUniform(LogUniform):
    """Floats X with ln(1/X) uniform (W&B: param_inv_loguniform_v2).

    -ln X is uniform exactly when ln X is, and W&B takes it at 1 - x: its values are those of log_uniform_values.
    """

    word = "inv_log_uniform_values"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quantized(_Span):
    """A distribution rounded to multiples of `q`: round(X / q) * q, halves to the even multiple, as numpy rounds.

    A value is a whole number if `q` is written as one, as in W&B; else a float, the nearest to the exact multiple: 0.3,
    not 0.30000000000000004. Other than in W&B, a value never leaves the bounds: 1 to 10 in steps of 4 gives no 0.
    """

    q: Number = 1

    def definition(self) -> dict[str, Any]:
        """Write it down."""
        return {"distribution": self.word, "min": self.low, "max": self.high, "q": self.q}

    def multiples(self) -> range:
        """Give the k with min <= k q <= max; it may be empty."""
        q = as_written(self.q)
        return range(ceil(as_written(self.low) / q), floor(as_written(self.high) / q) + 1)

    def _rounded(self, exact: Fraction) -> Number:
        q, allowed = as_written(self.q), self.multiples()
        return as_multiple(min(max(round(exact / q), allowed[0]), allowed[-1]) * q, self.q)


@dataclass(frozen=True, slots=True, kw_only=True)
class QUniform(_Quantized, Countable):
    """Uniform between `min` and `max`, rounded to multiples of `q` (W&B: param_quniform).

    A grid takes min, min + q, min + 2 q … up to and with `max`. W&B's `np.arange(min, max, q)` leaves `max` out.
    """

    word = "q_uniform"

    @property
    def count(self) -> int:
        """How many steps a grid takes."""
        return floor((as_written(self.high) - as_written(self.low)) / as_written(self.q)) + 1

    def point(self, index: int) -> Number:
        """Go upwards from `min` in steps of `q`."""
        return as_multiple(as_written(self.low) + index * as_written(self.q), self.q)

    def quantile(self, u: float) -> Number:
        """Give the multiple nearest to the uniform value; the first and the last are half as likely."""
        low = as_written(self.low)
        return self._rounded(low + (as_written(self.high) - low) * Fraction(u))


@dataclass(frozen=True, slots=True, kw_only=True)
class QLogUniform(_Quantized, Distribution):
    """Log-uniform between `min` and `max`, min > 0, rounded to multiples of `q` (W&B: param_qloguniform_v2)."""

    word = "q_log_uniform_values"

    def quantile(self, u: float) -> Number:
        """Give the multiple nearest to the log-uniform value."""
        return self._rounded(Fraction(_log_uniform(self.low, self.high, u)))


def as_written(number: Number) -> Fraction:
    """Give the decimal number that a person wrote: 1/10 for 0.1, not the binary number nearest to it."""
    return Fraction(repr(number))


def as_multiple(exact: Fraction, q: Number) -> Number:
    """Give a whole number if it is one and `q` is written as one, else the nearest float."""
    return int(exact) if isinstance(q, int) and exact.denominator == 1 else float(exact)


def _log_uniform(low: Number, high: Number, u: float) -> Decimal:
    begin, end = _ln(low), _ln(high)
    return _EXACT.exp(_EXACT.fma(Decimal(u), _EXACT.subtract(end, begin), begin))


@lru_cache(maxsize=256)
def _ln(number: Number) -> Decimal:
    return _EXACT.ln(Decimal(number))
