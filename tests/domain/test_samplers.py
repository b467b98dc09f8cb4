from itertools import product
from statistics import NormalDist, fmean, pvariance
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.axes import Space, axes_of, countable
from worker.domain.bells import Normal
from worker.domain.distributions import Categorical, Constant, IntUniform, Uniform
from worker.domain.grid import GridTrials
from worker.domain.rules import Rules
from worker.domain.samplers import LatinTrials, RandomTrials, SobolTrials, Trials, share
from worker.domain.sobol import sobol_share

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


def grid(space: Space) -> GridTrials:
    return GridTrials(axes_of(space, ()), space, Rules(), None, None)


def drawn(space: Space) -> RandomTrials:
    return RandomTrials(axes_of(space, ()), space, Rules(), 0, None)


def sobol_point(space: Space, seed: int, trial: int) -> dict[str, Any]:
    return point(SobolTrials(axes_of(space, ()), space, Rules(), seed, None), trial)


def latin_point(space: Space, seed: int, trial: int, count: int) -> dict[str, Any]:
    return point(LatinTrials(axes_of(space, ()), space, Rules(), seed, count), trial)


def point(trials: Trials, number: int) -> dict[str, Any]:
    found = trials.point(number)
    assert found is not None
    return found


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_a_grid_has_every_combination_once_with_the_last_parameter_fastest(counts: list[int]) -> None:
    trials = grid({f"p{index}": IntUniform(low=1, high=count) for index, count in enumerate(counts)})
    points = [tuple(point(trials, number).values()) for number in range(1, trials.size + 1)]
    assert points == list(product(*(range(1, count + 1) for count in counts)))
    assert trials.point(trials.size + 1) is None


def test_a_point_has_the_parameters_in_the_order_written() -> None:
    space = {"z": Constant(value=1), "a": Categorical(values=("x", "y"))}
    assert list(point(grid(space), 2).items()) == [("z", 1), ("a", "y")]
    assert list(point(drawn(space), 1)) == ["z", "a"]


def test_another_parameter_changes_nothing_for_the_first() -> None:
    alone = [point(drawn({"x": UNIFORM}), trial)["x"] for trial in range(1, 20)]
    among = [point(drawn({"a": UNIFORM, "x": UNIFORM, "b": UNIFORM}), trial)["x"] for trial in range(1, 20)]
    assert alone == among


def test_a_grid_refuses_what_cannot_be_counted() -> None:
    for compute in (lambda: grid({"x": UNIFORM}).size, lambda: countable(UNIFORM)):
        with pytest.raises(TypeError, match=r"^uniform has no countable values, which a grid needs$"):
            compute()


def test_a_sobol_point_gives_each_parameter_that_varies_a_dimension() -> None:
    space = {"z": Constant(value=1), "x": UNIFORM, "c": Constant(value=[2]), "y": IntUniform(low=1, high=4)}
    points = [sobol_point(space, 7, trial) for trial in range(1, 17)]
    assert list(points[0]) == ["z", "x", "c", "y"]
    assert [point["x"] for point in points] == [sobol_share(index, 0, 7, "x") for index in range(16)]
    assert [point["y"] for point in points] == [1 + int(4 * sobol_share(index, 1, 7, "y")) for index in range(16)]
    # Two dimensions together: each quarter of x with each of the four values, once.
    assert len({(int(4 * point["x"]), point["y"]) for point in points}) == 16
    assert all((point["z"], point["c"]) == (1, [2]) for point in points)


def test_a_sobol_point_of_too_many_parameters() -> None:
    constants = {f"c{number}": Constant(value=number) for number in range(50)}
    space = {f"p{number}": UNIFORM for number in range(100)}
    assert len(sobol_point({**constants, **space}, 0, 1)) == 150
    with pytest.raises(ValueError, match=r"^a sobol sequence has 100 dimensions, "):
        sobol_point({**space, "one more": UNIFORM}, 0, 1)


def test_latin_points_have_each_part_of_each_parameter_once() -> None:
    space = {"n": IntUniform(low=1, high=12), "z": Constant(value=1), "x": UNIFORM, "bell": Normal()}
    points = [latin_point(space, 7, trial, 12) for trial in range(1, 13)]
    assert list(points[0]) == ["n", "z", "x", "bell"]
    assert sorted(point["n"] for point in points) == list(range(1, 13))
    assert sorted(int(12 * point["x"]) for point in points) == list(range(12))
    assert sorted(int(12 * NormalDist().cdf(point["bell"])) for point in points) == list(range(12))
    assert LatinTrials(axes_of(space, ()), space, Rules(), 7, 12).point(13) is None
