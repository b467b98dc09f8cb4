"""Latin hypercubes: each part once, in an order that the seed decides, as even as scipy's."""

from collections import Counter
from fractions import Fraction
from itertools import permutations
from math import floor
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import qmc

from worker.domain.latin import MOST, latin_share, stratum


def cube(count: int, dimensions: int, seed: int) -> list[list[float]]:
    return [[latin_share(index, count, seed, f"p{place}") for place in range(dimensions)] for index in range(count)]


@pytest.mark.parametrize(
    ("index", "count", "seed", "name", "share"),
    [
        (0, 1, 0, "lr", 0.6539918707593831),
        (0, 10, 0, "lr", 0.5414237642117142),
        (1, 10, 0, "lr", 0.8961766941647459),
        (9, 10, 7, "größe\n", 0.32730248622057234),
        (2**52, 2**53, -(2**63), "lr", 0.811452298285255),
    ],
)
def test_shares_are_these_for_ever(index: int, count: int, seed: int, name: str, share: float) -> None:
    assert latin_share(index, count, seed, name) == share


@pytest.mark.parametrize("begin", range(1, 301, 50))
def test_every_part_comes_once(begin: int) -> None:
    for count in range(begin, begin + 50):
        shares = [latin_share(index, count, count % 3, "lr") for index in range(count)]
        assert sorted(floor(Fraction(share) * count) for share in shares) == list(range(count))


def test_every_part_of_many_comes_once() -> None:
    assert len({stratum(index, 100_000, 1, "lr") for index in range(100_000)}) == 100_000


@given(st.integers(1, MOST), st.data())
def test_a_share_lies_in_its_part(count: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, count - 1))
    share = latin_share(index, count, 0, "x")
    assert 0 <= share < 1
    assert (share * 2**53).is_integer()
    assert floor(Fraction(share) * count) == stratum(index, count, 0, "x")


def test_seed_name_and_count_change_the_order() -> None:
    orders = {
        tuple(stratum(index, count, seed, name) for index in range(20))
        for count in (20, 21)
        for seed in range(50)
        for name in ("x", "y")
    }
    assert len(orders) == 200


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_every_order_is_about_as_likely(count: int) -> None:
    orders = Counter(tuple(stratum(index, count, seed, "x") for index in range(count)) for seed in range(2400))
    assert set(orders) == set(permutations(range(count)))
    assert stats.chisquare(list(orders.values())).pvalue > 0.001


def test_places_within_the_parts_are_spread_evenly() -> None:
    places = [latin_share(index, 2000, 0, "x") * 2000 % 1 for index in range(2000)]
    assert stats.kstest(places, "uniform").pvalue > 0.01


@pytest.mark.parametrize("dimensions", [1, 2, 5])
def test_it_is_as_even_as_scipys(dimensions: int) -> None:
    ours = [qmc.discrepancy(cube(64, dimensions, seed)) for seed in range(100)]
    theirs = [qmc.discrepancy(qmc.LatinHypercube(dimensions, rng=seed).random(64)) for seed in range(100)]
    assert stats.mannwhitneyu(ours, theirs).pvalue > 0.01
    assert fmean(ours) == pytest.approx(fmean(theirs), rel=0.15)


def test_two_parameters_have_nothing_to_do_with_each_other() -> None:
    for seed in range(5):
        points = cube(500, 2, seed)
        assert abs(stats.spearmanr([x for x, _ in points], [y for _, y in points]).statistic) < 0.15


@pytest.mark.parametrize(("index", "count"), [(-1, 5), (5, 5), (0, 0)])
def test_points_that_do_not_exist(index: int, count: int) -> None:
    sentence = f"of {count} points of a latin hypercube, there is no point {index}"
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        latin_share(index, count, 0, "x")


def test_there_is_an_end_to_the_parts() -> None:
    with pytest.raises(ValueError, match=r"^a latin hypercube has at most 2\^53 points, not 9007199254740993$"):
        latin_share(0, MOST + 1, 0, "x")
