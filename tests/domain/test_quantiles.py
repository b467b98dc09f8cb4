"""Quantiles against scipy's, and to the last bit."""

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from worker.domain.quantiles import LEAST, beta_quantile, normal_quantile

ALMOST_ONE = 1 - 2.0**-53
SHAPES = (0.01, 0.2, 0.5, 1, 1.001, 2, 7.5, 40, 300, 1000)


@pytest.mark.parametrize(
    ("u", "bits"),
    [
        (0.0, "-0x1.095b059d67c4cp+3"),
        (2.0**-53, "-0x1.06b48528cea52p+3"),
        (1e-09, "-0x1.7fdc11f44b5a7p+2"),
        (0.001, "-0x1.8b8cbb7204471p+1"),
        (0.3, "-0x1.0c7e39582c5fbp-1"),
        (0.5 - 2.0**-54, "-0x1.40d931ff62706p-53"),
        (0.5, "0x0.0p+0"),
        (0.5 + 2.0**-53, "0x1.40d931ff62706p-52"),
        (0.75, "0x1.5956b87528a49p-1"),
        (0.975, "0x1.f5c0331eeff83p+0"),
        (ALMOST_ONE, "0x1.06b48528cea52p+3"),
    ],
)
def test_normal_quantiles_are_these_for_ever(u: float, bits: str) -> None:
    assert float(normal_quantile(u)).hex() == bits


@pytest.mark.parametrize(
    ("a", "b", "u", "bits"),
    [
        (1, 1, 0.3, "0x1.3333333333333p-2"),
        (2, 5, 0.1, "0x1.7b452a8cbea14p-4"),
        (5, 2, 0.9, "0x1.d0975aae682bep-1"),
        (0.5, 0.5, 0.25, "0x1.2bec333018867p-3"),
        (0.5, 2, 1e-10, "0x1.4fd00eebae575p-68"),
        (0.01, 0.01, 0.5, "0x1.0000000000000p-1"),
        (0.01, 3, 0.4, "0x1.924b98c90c188p-135"),
        (0.01, 3, 0.0, "0x0.0p+0"),
        (3, 0.01, 0.999, "0x1.0000000000000p+0"),
        (1000, 1000, 0.7, "0x1.03008aa7f2445p-1"),
        (1000, 1.5, 0.0, "0x1.ec39673879ad6p-1"),
        (1.5, 1000, ALMOST_ONE, "0x1.36e23dab7384cp-5"),
        (30, 200, 0.999, "0x1.a9261cbc06f82p-3"),
    ],
)
def test_beta_quantiles_are_these_for_ever(a: float, b: float, u: float, bits: str) -> None:
    assert float(beta_quantile(u, a, b)).hex() == bits


def test_normal_quantiles_are_scipys() -> None:
    shares = [number / 3001 for number in range(1, 3001)] + [2.0**-power for power in range(2, 54)]
    for u, expected in zip(shares, stats.norm.ppf(shares), strict=True):
        assert float(normal_quantile(u)) == pytest.approx(float(expected), rel=1e-12), u


@given(st.floats(LEAST, ALMOST_ONE))
def test_any_normal_quantile_is_scipys(u: float) -> None:
    assert float(normal_quantile(u)) == pytest.approx(float(special.ndtri(u)), rel=1e-12)


@given(st.floats(LEAST, 0.5))
def test_the_normal_distribution_is_symmetric(u: float) -> None:
    # Only where both shares are floats: 1 - u rounds a small u.
    if Fraction(1) - Fraction(u) == Fraction(1 - u):
        assert normal_quantile(u) == normal_quantile(1 - u).copy_negate()


@pytest.mark.parametrize("a", SHAPES)
@pytest.mark.parametrize("b", SHAPES)
def test_beta_quantiles_are_scipys(a: float, b: float) -> None:
    shares = [number / 14 for number in range(1, 14)] + [0.001, 0.999]
    for u, expected in zip(shares, stats.beta.ppf(shares, a, b), strict=True):
        # scipy gives the least normal float where the value is less than any.
        assert float(beta_quantile(u, a, b)) == pytest.approx(float(expected), rel=1e-12, abs=1e-307), u


@given(st.floats(0, ALMOST_ONE), st.floats(0.01, 1000), st.floats(0.01, 1000))
def test_a_beta_quantile_has_the_share_below_it(u: float, a: float, b: float) -> None:
    x = float(beta_quantile(u, a, b))
    assert 0 <= x <= 1
    below = float(stats.beta.cdf(math.nextafter(x, -1), a, b))
    above = float(stats.beta.cdf(math.nextafter(x, 2), a, b))
    assert below * (1 - 1e-9) <= max(u, LEAST) <= above * (1 + 1e-9)


@pytest.mark.parametrize(("u", "least"), [(0.0, LEAST), (5e-324, LEAST), (LEAST / 2, LEAST)])
def test_below_the_least_share_there_is_nothing_further(u: float, least: float) -> None:
    assert normal_quantile(u) == normal_quantile(least)
    assert beta_quantile(u, 2, 3) == beta_quantile(least, 2, 3)


def test_quantiles_grow_with_the_share() -> None:
    shares = [number / 997 for number in range(997)]
    for values in (
        [normal_quantile(u) for u in shares],
        [beta_quantile(u, 0.5, 3) for u in shares],
        [beta_quantile(u, 80, 2.5) for u in shares],
    ):
        assert all(isinstance(value, Decimal) for value in values)
        assert values == sorted(set(values))
