"""The small picture of numbers: its size, its line, and what lies far out."""

from itertools import accumulate
from random import Random

import pytest

from worker.cli.picture import MARK, Point, picture


def drawn(points: list[Point], steps: list[Point], width: int = 60, height: int = 8) -> list[str]:
    lines = [line.plain for line in picture(points, steps, width, height)]
    assert len(lines) == height + 2
    assert max(map(len, lines)) <= width
    return lines


def test_the_line_goes_down_where_a_better_one_comes() -> None:
    values = [4.0, 3.0, 3.2, 1.0, 2.0]
    points = [(float(number), value) for number, value in enumerate(values, 1)]
    best = list(zip((x for x, _ in points), accumulate(values, min), strict=True))
    assert drawn(points, best, 31, 4) == [
        "        4 ┤─────╮",
        "          │     ╰────────╮",
        "          │              │    •",
        "        1 ┤              ╰─────",
        "          └────────────────────",
        "           1                  5",
    ]


def test_it_goes_up_where_more_is_better() -> None:
    points = [(1.0, 1.0), (2.0, 2.0)]
    lines = drawn(points, points, 31, 3)
    assert "╯" in "".join(lines)
    assert "╭" not in "".join(lines[1:])


@pytest.mark.parametrize("count", [1, 2, 30, 5_000])
@pytest.mark.parametrize("width", [20, 60, 100])
def test_any_number_of_points_fits(count: int, width: int) -> None:
    rng = Random(count)
    points = [(float(number), rng.gauss(0, 1)) for number in range(1, count + 1)]
    lines = drawn(points, points[:1], width)
    assert any(MARK in line or any("⠀" < letter <= "⣿" for letter in line) or "─" in line for line in lines[:-2])


def test_what_lies_far_out_does_not_flatten_the_rest() -> None:
    points = [(float(number), number / 100) for number in range(1, 101)]
    points[50] = (51.0, 1e9)
    lines = drawn(points, [(1.0, 0.01)])
    assert float(lines[0].split()[0]) < 3
    assert lines[0].split("┤")[1].strip()


def test_equal_values_have_one_label() -> None:
    points = [(1.0, 0.5), (2.0, 0.5)]
    lines = drawn(points, points, 30, 3)
    assert [line.strip()[:1] for line in lines] == ["│", "0", "│", "└", "1"]
