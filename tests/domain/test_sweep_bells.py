"""Normal and beta parameters against W&B's formulas, which are scipy's."""

import math
from statistics import fmean, pstdev
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from worker.domain.bells import Beta, LogNormal, Normal, QBeta, QLogNormal, QNormal
from worker.domain.distributions import Distribution
from worker.domain.samplers import share
from worker.domain.sweep import parse_sweep

ALMOST_ONE = 1 - 2.0**-53
UNITS = st.floats(1e-15, ALMOST_ONE)
STEPS = st.sampled_from([1, 2, 7, 0.1, 0.25, 0.3, 1e-3, 2.5])


def many(distribution: Distribution, count: int = 2000) -> list[Any]:
    return [distribution.quantile(share(1, number, "x")) for number in range(count)]


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), UNITS)
def test_normal_is_wandbs(mu: float, sigma: float, u: float) -> None:
    expected = float(stats.norm.ppf(u, loc=mu, scale=sigma))
    # mu and sigma z may cancel each other, which scipy rounds in between.
    assert Normal(mu=mu, sigma=sigma).quantile(u) == pytest.approx(expected, rel=1e-12, abs=1e-13 * (abs(mu) + sigma))


@given(st.floats(-10, 10), st.floats(0.01, 5), UNITS)
def test_log_normal_is_wandbs(mu: float, sigma: float, u: float) -> None:
    expected = float(stats.lognorm.ppf(u, s=sigma, scale=math.exp(mu)))
    assert LogNormal(mu=mu, sigma=sigma).quantile(u) == pytest.approx(expected, rel=1e-12)


@given(st.integers(-100, 100), st.floats(0.5, 50), STEPS, UNITS)
def test_q_normal_gives_the_nearest_multiple(mu: int, sigma: float, q: float, u: float) -> None:
    value = QNormal(mu=mu, sigma=sigma, q=q).quantile(u)
    assert abs(value - Normal(mu=mu, sigma=sigma).quantile(u)) <= q / 2 + 1e-9
    assert value / q == pytest.approx(round(value / q), abs=1e-6)
    assert isinstance(value, int) == isinstance(q, int)


@given(st.floats(-3, 3), st.floats(0.5, 2), STEPS, UNITS)
def test_q_log_normal_gives_the_nearest_multiple(mu: float, sigma: float, q: float, u: float) -> None:
    value = QLogNormal(mu=mu, sigma=sigma, q=q).quantile(u)
    assert value >= 0
    assert abs(value - LogNormal(mu=mu, sigma=sigma).quantile(u)) <= q / 2 + 1e-9 * max(value, 1)
    assert isinstance(value, int) == isinstance(q, int)


@given(st.floats(0.5, 20), st.floats(0.5, 20), st.sampled_from([1, 1.0, 0.1, 0.25, 0.3, 1e-3]), UNITS)
def test_q_beta_gives_the_nearest_multiple_up_to_1(a: float, b: float, q: float, u: float) -> None:
    value = QBeta(a=a, b=b, q=q).quantile(u)
    assert 0 <= value <= 1
    assert abs(value - Beta(a=a, b=b).quantile(u)) <= q / 2 + 1e-9
    assert isinstance(value, int) == isinstance(q, int)


@pytest.mark.parametrize(
    ("distribution", "u", "value"),
    [
        (Normal(), 0.5, 0.0),
        (Normal(mu=3, sigma=2), 0.975, 6.919927969080108),
        (Normal(mu=0.1, sigma=1e-3), 0.25, 0.09932551024980392),
        (Normal(), 0.0, -8.292361075813595),
        (LogNormal(), 0.5, 1.0),
        (LogNormal(mu=-7, sigma=1.5), 0.9, 0.006234401769022621),
        (QNormal(mu=64, sigma=16, q=8), 0.9, 88),
        (QNormal(mu=0.5, sigma=0.1, q=0.1), 0.001, 0.2),
        (QNormal(mu=2.5, sigma=1), 0.5, 2),
        (QLogNormal(mu=4, sigma=1, q=16), 0.99, 560),
        (QLogNormal(), 0.1, 0),
        (Beta(), 0.7, 0.7),
        (Beta(a=2, b=5), 0.5, 0.26444998329565994),
        (QBeta(a=2, b=5, q=0.05), 0.5, 0.25),
        (QBeta(), 0.7, 1),
        (QBeta(q=0.6), 0.99, 0.6),
    ],
    ids=repr,
)
def test_values_are_these_for_ever(distribution: Distribution, u: float, value: float) -> None:
    found = distribution.quantile(u)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("distribution", "mean", "deviation"),
    [
        (Normal(mu=3, sigma=0.5), 3, 0.5),
        (QNormal(mu=3, sigma=2, q=1), 3, math.sqrt(4 + 1 / 12)),
        (LogNormal(mu=0.5, sigma=0.25), math.exp(0.5 + 1 / 32), math.exp(0.53125) * math.sqrt(math.expm1(1 / 16))),
        (Beta(a=2, b=5), 2 / 7, math.sqrt(10 / 49 / 8)),
    ],
    ids=repr,
)
def test_means_and_deviations(distribution: Distribution, mean: float, deviation: float) -> None:
    values = many(distribution)
    assert fmean(values) == pytest.approx(mean, abs=deviation / 10)
    assert pstdev(values) == pytest.approx(deviation, rel=0.05)


@pytest.mark.parametrize(
    ("distribution", "definition"),
    [
        (Normal(), {"distribution": "normal", "mu": 0, "sigma": 1}),
        (LogNormal(mu=-7), {"distribution": "log_normal", "mu": -7, "sigma": 1}),
        (QNormal(sigma=2), {"distribution": "q_normal", "mu": 0, "sigma": 2, "q": 1}),
        (QLogNormal(q=0.5), {"distribution": "q_log_normal", "mu": 0, "sigma": 1, "q": 0.5}),
        (Beta(a=0.5), {"distribution": "beta", "a": 0.5, "b": 1}),
        (QBeta(b=3, q=0.1), {"distribution": "q_beta", "a": 1, "b": 3, "q": 0.1}),
    ],
    ids=repr,
)
def test_definitions(distribution: Distribution, definition: dict[str, Any]) -> None:
    assert distribution.definition() == definition


@pytest.mark.parametrize(
    ("spec", "distribution"),
    [
        ({"distribution": "normal"}, Normal()),
        ({"distribution": "log_normal", "mu": -7, "sigma": 1.5}, LogNormal(mu=-7, sigma=1.5)),
        ({"distribution": "log_normal", "sigma": 85}, LogNormal(sigma=85)),
        ({"distribution": "q_normal", "mu": 64, "sigma": 16, "q": 8}, QNormal(mu=64, sigma=16, q=8)),
        ({"distribution": "q_log_normal", "q": 1.0}, QLogNormal(q=1.0)),
        ({"distribution": "q_log_normal", "mu": -1e308}, QLogNormal(mu=-1e308)),
        ({"distribution": "q_log_normal", "sigma": 6, "q": 1.0}, QLogNormal(sigma=6, q=1.0)),
        ({"distribution": "beta", "a": 0.01, "b": 1000}, Beta(a=0.01, b=1000)),
        ({"distribution": "q_beta", "b": 3, "q": 0.1}, QBeta(b=3, q=0.1)),
    ],
    ids=str,
)
def test_they_are_read_with_their_defaults_and_written_down_in_full(
    spec: dict[str, Any], distribution: Distribution
) -> None:
    raw = {"method": "random", "run_cap": 5, "parameters": {"x": spec}}
    sweep = parse_sweep(raw)
    assert sweep.parameters == {"x": distribution}
    assert parse_sweep(sweep.definition()) == sweep
    assert sweep.head(5) == [{"x": distribution.quantile(share(0, number, "x"))} for number in range(1, 6)]
    assert all(map(math.isfinite, (distribution.quantile(0), distribution.quantile(ALMOST_ONE))))
