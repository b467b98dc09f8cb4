"""The distributions of a search space that are normal or beta: no bounds are given, but a place and a shape.

Words, defaults and formulas are W&B's (github.com/wandb/sweeps: src/sweeps/params.py, src/sweeps/config/schema.json);
`quantile` is what scipy's `ppf` is there. Each value is the float nearest to the exact one, on every machine.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from math import isinf
from typing import Any

from worker.domain.distributions import Distribution, Number, as_multiple, as_written
from worker.domain.jsonvalues import LARGEST_INTEGER, SMALLEST_INTEGER
from worker.domain.quantiles import beta_quantile, normal_quantile

# 17 digits make a float; the others keep mu + sigma z and its exp from rounding twice.
_EXACT = Context(prec=50, rounding=ROUND_HALF_EVEN)
_LEAST_EXPONENT, _GREATEST_EXPONENT = -708, 709
"""Between exp of these, floats have all their digits."""
_NOTHING = Decimal("1e-400")
_GREATEST = 1 - 2.0**-53
LEAST_SHAPE, GREATEST_SHAPE = 0.01, 1000
"""Between these, the quantile of a beta takes a few milliseconds at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Normal(Distribution):
    """Floats with mean `mu` and standard deviation `sigma` > 0 (W&B: `stats.norm.ppf(x, loc=mu, scale=sigma)`).

    A share of 0 gives mu - 8.3 sigma, not the minus infinity of W&B.
    """

    word = "normal"
    mu: Number = 0
    sigma: Number = 1

    def quantile(self, u: float) -> Number:
        """Give mu + sigma z with z the quantile of the standard normal distribution."""
        return float(self._exact(u))

    def definition(self) -> dict[str, Any]:
        """Write it down."""
        return {"distribution": self.word, "mu": self.mu, "sigma": self.sigma}

    def fault(self) -> str:
        """Say why some value could not be kept; empty if all can."""
        low, high = Normal._exact(self, 0), Normal._exact(self, _GREATEST)
        if isinf(float(low)) or isinf(float(high)):
            return f"with mu {self.mu} and sigma {self.sigma}, values go beyond what a float can hold"
        return ""

    def _exact(self, u: float) -> Decimal:
        return _EXACT.fma(Decimal(self.sigma), normal_quantile(u), Decimal(self.mu))


@dataclass(frozen=True, slots=True, kw_only=True)
class LogNormal(Normal):
    """Floats whose logarithm is normal (W&B: `stats.lognorm.ppf(x, s=sigma, scale=exp(mu))`)."""

    word = "log_normal"

    def fault(self) -> str:
        """Say why some value could not be kept; empty if all can."""
        return _exponents_fault(self, _LEAST_EXPONENT)

    def _exact(self, u: float) -> Decimal:
        # super() without arguments does not know the class that slots=True makes.
        return _EXACT.exp(Normal._exact(self, u))


@dataclass(frozen=True, slots=True, kw_only=True)
class QNormal(Normal):
    """Normal, rounded to multiples of `q`, halves to the even multiple; whole numbers if `q` is written as one."""

    word = "q_normal"
    q: Number = 1

    def fault(self) -> str:
        """Say why some value could not be kept; empty if all can."""
        return Normal.fault(self) or self._whole_fault()

    def _whole_fault(self) -> str:
        ends = self.quantile(0), self.quantile(_GREATEST)
        if all(isinstance(end, float) or SMALLEST_INTEGER <= end <= LARGEST_INTEGER for end in ends):
            return ""
        return (
            f"with mu {self.mu} and sigma {self.sigma}, values do not fit into 64 bits; write q as {float(self.q)} to "
            "have floats"
        )

    def quantile(self, u: float) -> Number:
        """Give the multiple nearest to the value."""
        return _rounded(self._exact(u), self.q)

    def definition(self) -> dict[str, Any]:
        """Write it down."""
        return {"distribution": self.word, "mu": self.mu, "sigma": self.sigma, "q": self.q}


@dataclass(frozen=True, slots=True, kw_only=True)
class QLogNormal(QNormal):
    """Log-normal, rounded to multiples of `q`; as in W&B, what is less than half of `q` becomes 0."""

    word = "q_log_normal"

    def fault(self) -> str:
        """Say why some value could not be kept; empty if all can."""
        return _exponents_fault(self, None) or self._whole_fault()

    def _exact(self, u: float) -> Decimal:
        return _EXACT.exp(Normal._exact(self, u))


@dataclass(frozen=True, slots=True, kw_only=True)
class Beta(Distribution):
    """Floats between 0 and 1 with density in proportion to x^(a-1) (1-x)^(b-1) (W&B: `stats.beta.ppf(x, a=a, b=b)`).

    0 and 1 themselves come where the nearest float is one of them, which takes an `a` or `b` well below 1.
    """

    word = "beta"
    a: Number = 1
    b: Number = 1

    def quantile(self, u: float) -> Number:
        """Give the x of which the regularized incomplete beta function is `u`."""
        return float(beta_quantile(u, self.a, self.b))

    def definition(self) -> dict[str, Any]:
        """Write it down."""
        return {"distribution": self.word, "a": self.a, "b": self.b}


@dataclass(frozen=True, slots=True, kw_only=True)
class QBeta(Beta):
    """Beta, rounded to multiples of `q` <= 1. Other than in W&B, it stays below 1: steps of 0.6 give no 1.2."""

    word = "q_beta"
    q: Number = 1

    def quantile(self, u: float) -> Number:
        """Give the multiple nearest to the value, or the last below 1."""
        return _rounded(beta_quantile(u, self.a, self.b), self.q, most=int(1 / as_written(self.q)))

    def definition(self) -> dict[str, Any]:
        """Write it down."""
        return {"distribution": self.word, "a": self.a, "b": self.b, "q": self.q}


def _exponents_fault(distribution: Normal, least: int | None) -> str:
    low, high = (round(float(Normal._exact(distribution, u)), 1) for u in (0, _GREATEST))
    if high <= _GREATEST_EXPONENT and (least is None or low >= least):
        return ""
    return (
        f"with mu {distribution.mu} and sigma {distribution.sigma}, values go from exp({low}) to exp({high}), beyond "
        "what a float can hold; mu and sigma are those of the logarithm"
    )


def _rounded(exact: Decimal, q: Number, most: int | None = None) -> Number:
    step = as_written(q)
    # A fraction of exp(-10^6) has a million digits; less than any float is nothing, by whatever step.
    multiple = round(Fraction(exact) / step) if abs(exact) > _NOTHING else 0
    return as_multiple((multiple if most is None else min(multiple, most)) * step, q)
