"""Sobol's sequence against scipy's, and what the shift has to leave as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import qmc

from worker.domain.sobol import DIMENSIONS, sobol, sobol_share

NAMES = [f"p{dimension}" for dimension in range(DIMENSIONS)]


def test_without_a_shift_it_is_scipys_in_every_dimension() -> None:
    expected = qmc.Sobol(DIMENSIONS, scramble=False).random(1024)
    found = [[sobol(index, dimension) * 2.0**-53 for dimension in range(DIMENSIONS)] for index in range(1024)]
    assert DIMENSIONS == 100
    assert (expected == found).all()


def test_far_points_are_scipys() -> None:
    sequence = qmc.Sobol(DIMENSIONS, scramble=False)
    sequence.fast_forward(2**20 - 5)
    for index, point in enumerate(sequence.random(8), start=2**20 - 5):
        assert [sobol(index, dimension) * 2.0**-53 for dimension in range(DIMENSIONS)] == point.tolist()


@pytest.mark.parametrize(
    ("index", "dimension", "seed", "name", "share"),
    [
        (0, 0, 0, "lr", 0.061891968182123946),
        (1, 0, 0, "lr", 0.561891968182124),
        (2, 1, 0, "lr", 0.31189196818212395),
        (12345, 99, 7, "größe\n", 0.8673926669987728),
        (2**53 - 1, 99, -(2**63), "lr", 0.8449853119789249),
    ],
)
def test_shares_are_these_for_ever(index: int, dimension: int, seed: int, name: str, share: float) -> None:
    assert sobol_share(index, dimension, seed, name) == share


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("bits", range(10))
def test_every_block_falls_once_into_each_part_of_every_dimension(bits: int, seed: int) -> None:
    for dimension, name in enumerate(NAMES):
        for begin in (0, 2**bits):
            parts = [int(sobol_share(begin + index, dimension, seed, name) * 2**bits) for index in range(2**bits)]
            assert sorted(parts) == list(range(2**bits))


@pytest.mark.parametrize("bits", range(9))
def test_the_first_two_dimensions_together_fall_once_into_each_box(bits: int) -> None:
    # They are a (0, 2)-sequence: in every way to cut the square into 2^bits equal boxes.
    points = [(sobol_share(index, 0, 3, "x"), sobol_share(index, 1, 3, "y")) for index in range(2**bits)]
    for wide in range(bits + 1):
        assert len({(int(x * 2**wide), int(y * 2 ** (bits - wide))) for x, y in points}) == 2**bits


@pytest.mark.parametrize("seed", range(3))
def test_it_is_more_even_than_chance(seed: int) -> None:
    points = [[sobol_share(index, place, seed, f"p{place}") for place in range(6)] for index in range(256)]
    by_chance = [qmc.discrepancy(qmc.LatinHypercube(6, rng=other).random(256)) for other in range(5)]
    assert qmc.discrepancy(points) < min(by_chance) / 2


@given(st.integers(0, 2**53 - 1), st.integers(0, DIMENSIONS - 1), st.integers(), st.text(max_size=5))
def test_a_share_is_a_multiple_of_two_to_the_minus_53_below_one(
    index: int, dimension: int, seed: int, name: str
) -> None:
    share = sobol_share(index, dimension, seed, name.encode(errors="replace").decode())
    assert 0 <= share < 1
    assert (share * 2**53).is_integer()


def test_seed_and_name_shift() -> None:
    assert len({sobol_share(5, 3, seed, name) for seed in range(20) for name in NAMES}) == 20 * DIMENSIONS


@pytest.mark.parametrize("dimension", [-1, DIMENSIONS])
def test_there_is_an_end_to_the_dimensions(dimension: int) -> None:
    sentence = (
        "a sobol sequence has 100 dimensions, one for each parameter that varies; "
        "give some parameters one value, or use random"
    )
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        sobol_share(0, dimension, 0, "x")


@pytest.mark.parametrize("index", [-1, 2**53])
def test_there_is_an_end_to_the_points(index: int) -> None:
    with pytest.raises(ValueError, match=rf"^a sobol sequence has 2\^53 points; there is no point {index}$"):
        sobol_share(index, 0, 0, "x")
