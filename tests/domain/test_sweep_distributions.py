"""What each distribution makes of a number in [0, 1), against W&B's formulas in floats and in literals."""

import math
from statistics import fmean
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from worker.domain.distributions import (
    Categorical,
    Constant,
    Countable,
    Distribution,
    IntUniform,
    InvLogUniform,
    LogUniform,
    QLogUniform,
    QUniform,
    Uniform,
    WeightedCategorical,
)
from worker.domain.samplers import share

ALMOST_ONE = 1 - 2**-53
UNITS = st.one_of(st.just(0.0), st.just(ALMOST_ONE), st.floats(0, ALMOST_ONE))
NUMBERS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False))
POSITIVE = st.floats(5e-324, 1.7e308)
STEPS = st.sampled_from([1, 2, 8, 7, 0.1, 0.25, 0.3, 1e-3, 1e-5, 2.5, 100])


def many(distribution: Distribution, count: int = 4000) -> list[Any]:
    return [distribution.quantile(share(1, number, "x")) for number in range(count)]


def test_a_constant_is_itself_and_belongs_to_the_caller() -> None:
    constant = Constant(value={"a": [1]})
    constant.quantile(0.5)["a"].append(2)
    constant.point(0)["a"].append(2)
    constant.definition()["value"]["a"].append(2)
    assert constant.point(0) == constant.quantile(0.9) == {"a": [1]}
    assert constant.count == 1


def test_a_categorical_divides_evenly_and_belongs_to_the_caller() -> None:
    categorical = Categorical(values=("a", [1], None))
    categorical.point(1).append(2)
    categorical.definition()["values"][1].append(2)
    assert [categorical.quantile(u) for u in (0, 0.33, 0.34, 0.66, 0.67, ALMOST_ONE)] == [
        "a",
        "a",
        [1],
        [1],
        None,
        None,
    ]
    assert [categorical.point(index) for index in range(categorical.count)] == ["a", [1], None]


@pytest.mark.parametrize(("u", "value"), [(0, "b"), (0.249, "b"), (0.25, "c"), (0.99, "c"), (ALMOST_ONE, "c")], ids=str)
def test_weights_divide_by_probability_and_never_give_what_has_none(u: float, value: str) -> None:
    weighted = WeightedCategorical(values=("a", "b", "c", "d"), probabilities=(0, 0.25, 0.75, 0))
    assert weighted.quantile(u) == value


def test_weights_that_make_a_little_less_than_one_are_stretched() -> None:
    weighted = WeightedCategorical(values=(["a"], ["b"]), probabilities=(0.499999, 0.499999))
    weighted.quantile(0)[0] = "spoilt"
    weighted.definition()["values"][0][0] = "spoilt"
    assert [weighted.quantile(u) for u in (0, 0.4999999, 0.5, ALMOST_ONE)] == [["a"], ["a"], ["b"], ["b"]]


def test_int_uniform_includes_both_bounds() -> None:
    assert [IntUniform(low=-1, high=1).quantile(u) for u in (0, 0.33, 0.34, 0.66, 0.67, ALMOST_ONE)] == [
        -1, -1, 0, 0, 1, 1,
    ]  # fmt: skip
    assert {type(value) for value in many(IntUniform(low=1, high=3), 20)} == {int}


@given(NUMBERS, NUMBERS, UNITS)
def test_uniform_stays_within_its_bounds(low: float, high: float, u: float) -> None:
    assume(low < high)
    value = Uniform(low=low, high=high).quantile(u)
    assert isinstance(value, float)
    assert float(low) <= value <= float(high)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), UNITS)
def test_uniform_is_the_formula(low: float, width: float, u: float) -> None:
    high = low + width
    assert Uniform(low=low, high=high).quantile(u) == pytest.approx(low + (high - low) * u, rel=1e-12, abs=1e-9)


@given(POSITIVE, POSITIVE, UNITS)
def test_log_uniform_stays_within_its_bounds_and_is_the_formula(low: float, high: float, u: float) -> None:
    assume(low < high)
    value = LogUniform(low=low, high=high).quantile(u)
    assert low <= value <= high
    if low > 1e-300:
        formula = math.exp(math.log(low) + (math.log(high) - math.log(low)) * u)
        assert value == pytest.approx(min(formula, 1.7e308), rel=1e-9)
    assert InvLogUniform(low=low, high=high).quantile(u) == value


@given(st.integers(-1000, 1000), st.integers(1, 1000), STEPS, UNITS)
def test_q_uniform_gives_multiples_within_its_bounds(low: int, width: int, q: float, u: float) -> None:
    distribution = QUniform(low=low, high=low + width, q=q)
    assume(distribution.multiples())
    value = distribution.quantile(u)
    assert low <= value <= low + width
    assert value / q == pytest.approx(round(value / q), abs=1e-6)
    assert isinstance(value, int) == isinstance(q, int)


@given(st.integers(1, 1000), st.integers(1, 1000), STEPS, UNITS)
def test_q_log_uniform_gives_the_nearest_multiple_within_its_bounds(low: int, width: int, q: float, u: float) -> None:
    distribution = QLogUniform(low=low, high=low + width, q=q)
    assume(distribution.multiples())
    value = distribution.quantile(u)
    exact = LogUniform(low=low, high=low + width).quantile(u)
    assert low <= value <= low + width
    assert abs(value - exact) <= q / 2 + 1e-9 or value - low < q or low + width - value < q


@pytest.mark.parametrize(
    ("distribution", "values"),
    [
        (QUniform(low=0, high=1, q=0.1), [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
        (QUniform(low=1, high=9, q=2), [1, 3, 5, 7, 9]),
        (QUniform(low=1, high=10, q=4), [1, 5, 9]),
        (QUniform(low=0.5, high=2.5), [0.5, 1.5, 2.5]),
        (QUniform(low=0.0, high=2.0, q=1), [0, 1, 2]),
        (QUniform(low=0, high=2, q=1.0), [0.0, 1.0, 2.0]),
        (QUniform(low=-0.3, high=0.3, q=0.3), [-0.3, 0.0, 0.3]),
        (QUniform(low=1e-5, high=3e-5, q=1e-5), [1e-5, 2e-5, 3e-5]),
        (IntUniform(low=-1, high=2), [-1, 0, 1, 2]),
    ],
    ids=repr,
)
def test_the_points_of_a_grid(distribution: Countable, values: list[float]) -> None:
    points = [distribution.point(index) for index in range(distribution.count)]
    assert points == values
    assert list(map(type, points)) == list(map(type, values))


def test_quantized_values_round_halves_to_the_even_multiple() -> None:
    quarters = QUniform(low=0, high=4, q=1)
    assert [quarters.quantile(eighths / 8) for eighths in range(8)] == [0, 0, 1, 2, 2, 2, 3, 4]


def test_a_quantized_value_stays_inside_where_wandb_leaves_the_bounds() -> None:
    assert {QUniform(low=1, high=10, q=4).quantile(u) for u in (0, 0.05, 0.5, 0.9, ALMOST_ONE)} == {4, 8}
    assert QLogUniform(low=1, high=100, q=7).quantile(0) == 7
    assert QLogUniform(low=1, high=100, q=7).quantile(ALMOST_ONE) == 98


@pytest.mark.parametrize(
    ("distribution", "mean"),
    [
        (Uniform(low=-1, high=3), 1),
        (IntUniform(low=1, high=9), 5),
        (QUniform(low=0, high=10, q=2.5), 5),
        (WeightedCategorical(values=(0, 1), probabilities=(0.25, 0.75)), 0.75),
        (Categorical(values=(0, 4, 5)), 3),
        (LogUniform(low=1, high=math.e**2), (math.e**2 - 1) / 2),
        (InvLogUniform(low=1, high=math.e**2), (math.e**2 - 1) / 2),
        (QLogUniform(low=1, high=math.e**2, q=0.001), (math.e**2 - 1) / 2),
    ],
    ids=repr,
)
def test_means(distribution: Distribution, mean: float) -> None:
    assert fmean(many(distribution)) == pytest.approx(mean, abs=0.1)


def test_every_value_of_a_small_range_comes_about_equally_often() -> None:
    values = many(IntUniform(low=1, high=4))
    assert {value: pytest.approx(1000, abs=120) for value in (1, 2, 3, 4)} == {v: values.count(v) for v in set(values)}
