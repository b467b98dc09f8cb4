"""Quantiles of the standard normal and of the beta distribution, the same to the last digit on every machine.

All is done in `decimal`, whose operations, `sqrt`, `ln` and `exp` are correctly rounded (its power is not always), so
that the digits depend on nothing but the formulas here. Some 30 digits of a result are right, more than any float has.

Numbers in brackets are formulas of Abramowitz & Stegun, Handbook of Mathematical Functions (1964).
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from functools import lru_cache

LEAST = 2.0**-54
"""The least share with a quantile of its own. One of 53 bits that is 0 stands for all below 2^-53: here is their
middle. At 0 itself a normal distribution has no value."""

# A tail of 2^-54 costs 17 digits when it is subtracted from a half; 30 remain, and some to spare.
_EXACT = Context(prec=50, rounding=ROUND_HALF_EVEN)
_NEGLIGIBLE = Decimal("1e-45")
# Halley's steps triple the digits: a step as small as this leaves an error of 1e-27 or less.
_CLOSE = Decimal("1e-11")
_ROOT_OF_TWO_PI = Decimal("2.5066282746310005024157652848110452530069867406099383166299235763")
_LOST = Decimal("1e-30")
_HALF = Decimal("0.5")
_LN_HALF = Decimal("-0.69314718055994530941723212145817656807550013436025525412068000950")


def normal_quantile(u: float) -> Decimal:
    """Give z with Phi(z) = u, 0 <= u < 1; below `LEAST`, the z of that."""
    if u == 0.5:
        return Decimal(0)
    with localcontext(_EXACT):
        # 1 - u is exact for u >= 1/2, even in floats.
        return _lower_quantile(Decimal(max(u, LEAST))) if u < 0.5 else -_lower_quantile(Decimal(1 - u))


def _lower_quantile(p: Decimal) -> Decimal:
    """Solve Phi(z) = p, 0 < p < 1/2, by Halley's steps."""
    z = -_rough_upper(p)
    while True:
        density = (-z * z / 2).exp() / _ROOT_OF_TWO_PI
        step = (_HALF + density * _odd_series(z) - p) / density
        z -= step / (1 + z * step / 2)
        if abs(step) <= _CLOSE * abs(z):
            return z


def _rough_upper(p: Decimal) -> Decimal:
    """Give the z that is exceeded with probability p <= 1/2, to 0.00045 [26.2.23]."""
    t = (-2 * p.ln()).sqrt()
    above = Decimal("2.515517") + t * (Decimal("0.802853") + t * Decimal("0.010328"))
    below = 1 + t * (Decimal("1.432788") + t * (Decimal("0.189269") + t * Decimal("0.001308")))
    return t - above / below


def _odd_series(z: Decimal) -> Decimal:
    """Sum z^(2k+1) / (1 3 5 .. (2k+1)), all of one sign: (Phi(z) - 1/2) / phi(z) [26.2.11]."""
    square, term, total, odd = z * z, z, z, 1
    least = _NEGLIGIBLE
    while abs(term) > least:
        odd += 2
        term = term * square / odd
        total += term
        least = abs(total) * _NEGLIGIBLE
    return total


def beta_quantile(u: float, a: float, b: float) -> Decimal:
    """Give x with I_x(a, b) = u, 0 <= u < 1, and a and b between 0.01 and 1000; below `LEAST`, the x of that."""
    with localcontext(_EXACT):
        first, second = Decimal(a), Decimal(b)
        below, above = _halves(first, second)
        p = Decimal(max(u, LEAST))
        # Each series converges on its own half; the upper half is the lower one of the mirror image.
        if p * (below + above) <= below:
            return _in_lower_half(p, first, second, below + above)
        return 1 - _in_lower_half(1 - p, second, first, below + above)


@lru_cache(maxsize=256)
def _halves(a: Decimal, b: Decimal) -> tuple[Decimal, Decimal]:
    """Give the integrals of t^(a-1) (1-t)^(b-1) from 0 to 1/2 and from 1/2 to 1."""
    with localcontext(_EXACT):
        edge = ((a + b) * _LN_HALF).exp()
        return edge / a * _rising_series(a, b, _HALF), edge / b * _rising_series(b, a, _HALF)


def _rising_series(a: Decimal, b: Decimal, x: Decimal) -> Decimal:
    """Sum (a+b)_n / (a+1)_n x^n, all positive: a B_x(a, b) / (x^a (1-x)^b) [26.5.4]."""
    term = total = Decimal(1)
    above, below = a + b, a + 1
    while term > total * _NEGLIGIBLE:
        term = term * above * x / below
        total += term
        above += 1
        below += 1
    return total


def _in_lower_half(p: Decimal, a: Decimal, b: Decimal, whole: Decimal) -> Decimal:
    """Solve I_x(a, b) = p for an x <= 1/2, by Halley's steps for ln x; where one fails, by halving."""
    # (1-t)^(b-1) is at most 2, so that the root is no less than where x^a / a is half of what is wanted.
    low, high = (p * whole * a / 2).ln() / a, _LN_HALF
    t = min(max(_rough_logarithm(p, a, b, whole), low), high)
    while True:
        x = t.exp()
        mass = (a * t + (b - 1) * (1 - x).ln()).exp()
        part = mass * (1 - x) / a * _rising_series(a, b, x)
        low, high = (t, high) if part < p * whole else (low, t)
        # Between logarithms: below the median ln I_x is close to a line in ln x, and above it I_x is too flat.
        goal, now, slope = (p * whole, part, mass) if p <= _HALF else ((1 - p) * whole, whole - part, -mass)
        if now <= _LOST * whole and p > _HALF:
            t = (low + high) / 2  # so far to the right that no digits remain of the difference
            continue
        slope /= now
        step = (now / goal).ln() / slope
        step /= max(1 - step * (a - (b - 1) * x / (1 - x) - slope) / 2, _HALF)
        if abs(step) <= _CLOSE:
            return (t - step).exp()
        t = t - step if low <= t - step <= high else (low + high) / 2


def _rough_logarithm(p: Decimal, a: Decimal, b: Decimal, whole: Decimal) -> Decimal:
    """Guess ln x with I_x(a, b) = p: from the normal distribution [26.5.22], or for small a or b from x^a / a."""
    if min(a, b) <= 1:
        return (p * whole * a).ln() / a
    y = _rough_upper(p) if p < _HALF else -_rough_upper(1 - p)
    of_a, of_b = 1 / (2 * a - 1), 1 / (2 * b - 1)
    h = 2 / (of_a + of_b)
    curve = (y * y - 3) / 6
    w = y * max(h + curve, Decimal(0)).sqrt() / h - (of_b - of_a) * (curve + Decimal(5) / 6 - 2 / (3 * h))
    return (a / (a + b * (2 * w).exp())).ln()
