from itertools import product
from statistics import fmean, pvariance
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.distributions import Categorical, Constant, IntUniform, Uniform
from worker.domain.samplers import grid_point, grid_size, random_point, share

UNIFORM = Uniform(low=0, high=1)


@pytest.mark.parametrize(
    ("seed", "trial", "name", "value"),
    [
        (0, 1, "lr", 0.3227370278342788),
        (0, 2, "lr", 0.279372988499729),
        (1, 1, "lr", 0.4712266773788296),
        (0, 1, "batch", 0.6824060668804044),
        (-(2**63), 2**63 - 1, "größe\n", 0.6664054742628952),
    ],
)
def test_shares_are_these_for_ever(seed: int, trial: int, name: str, value: float) -> None:
    assert share(seed, trial, name) == value


@given(st.integers(), st.integers(1), st.text(st.characters(exclude_categories=["Cs"])))
def test_a_share_is_a_multiple_of_two_to_the_minus_53_below_one(seed: int, trial: int, name: str) -> None:
    value = share(seed, trial, name)
    assert 0 <= value < 1
    assert (value * 2**53).is_integer()


def test_shares_are_spread_evenly() -> None:
    shares = [share(0, trial, "x") for trial in range(1, 5001)]
    assert fmean(shares) == pytest.approx(1 / 2, abs=0.015)
    assert pvariance(shares) == pytest.approx(1 / 12, abs=0.004)
    assert len(set(shares)) == 5000


def test_shares_of_two_parameters_are_not_alike() -> None:
    products = [share(0, trial, "x") * share(0, trial, "y") for trial in range(1, 5001)]
    assert fmean(products) == pytest.approx(1 / 4, abs=0.015)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_a_grid_has_every_combination_once_with_the_last_parameter_fastest(counts: list[int]) -> None:
    space = {f"p{index}": IntUniform(low=1, high=count) for index, count in enumerate(counts)}
    points = [tuple(grid_point(space, index).values()) for index in range(grid_size(space))]
    assert points == list(product(*(range(1, count + 1) for count in counts)))


def test_a_point_has_the_parameters_in_the_order_written() -> None:
    space = {"z": Constant(value=1), "a": Categorical(values=("x", "y"))}
    assert list(grid_point(space, 1).items()) == [("z", 1), ("a", "y")]
    assert list(random_point(space, 0, 1)) == ["z", "a"]


def test_another_parameter_changes_nothing_for_the_first() -> None:
    alone = [random_point({"x": UNIFORM}, 0, trial)["x"] for trial in range(1, 20)]
    among = [random_point({"a": UNIFORM, "x": UNIFORM, "b": UNIFORM}, 0, trial)["x"] for trial in range(1, 20)]
    assert alone == among


def test_a_grid_refuses_what_cannot_be_counted() -> None:
    space: dict[str, Any] = {"x": UNIFORM}
    for compute in (lambda: grid_size(space), lambda: grid_point(space, 0)):
        with pytest.raises(TypeError, match=r"^uniform has no countable values, which a grid needs$"):
            compute()
