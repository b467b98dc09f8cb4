"""The picture of a metric: where each trial stands, and what the picture says."""

import pytest

from tests.faces.started import completed, failed
from worker.domain.sweepparts import Goal, Metric
from worker.web.charts.trialchart import (
    LOST_AT,
    MOST_DOTS,
    Scale,
    best_so_far,
    bounds_of,
    chart_of,
    over_each_other,
    over_trials,
    round_values,
)

ACCURACY = Metric(name="accuracy", goal=Goal.MAXIMIZE)
LOSS = Metric(name="loss")


def test_without_a_value_there_is_no_picture() -> None:
    assert chart_of([], [completed(1, loss=1)], []) is None
    assert chart_of([LOSS], [failed(1), completed(2), completed(3, loss=float("nan"))], []) is None
    assert chart_of([LOSS, ACCURACY], [completed(1, loss=1)], []) is None


def test_better_is_higher_up_or_lower_down_and_records_are_marked() -> None:
    chart = over_trials(ACCURACY, [completed(1, accuracy=0.5), completed(2, accuracy=0.4), completed(3, accuracy=0.9)])
    assert chart is not None
    assert [dot.shape for dot in chart.dots] == ["best", "dot", "best"]
    first, second, third = chart.dots
    assert first.x < second.x < third.x
    assert third.y < first.y < second.y
    assert chart.line == f"M{first.x} {first.y}H{third.x}V{third.y}H{chart.right}"
    assert chart.about == "accuracy over 3 trials: the best is 0.9, of trial 3 (to maximize)."
    assert third.title == "trial 3: accuracy 0.9"


def test_the_best_so_far_follows_the_goal() -> None:
    known = [(1, 3.0), (2, 4.0), (3, 1.0), (4, 1.0)]
    assert best_so_far(LOSS, known) == [(1, 3.0), (3, 1.0)]
    assert best_so_far(ACCURACY, known) == [(1, 3.0), (2, 4.0)]


def test_trials_that_failed_stand_below_all_others() -> None:
    chart = over_trials(LOSS, [completed(1, loss=1), failed(2), completed(3, loss=2)])
    assert chart is not None
    (lost,) = [dot for dot in chart.dots if dot.shape == "lost"]
    assert (lost.y, lost.title) == (LOST_AT, "trial 2: failed")
    assert all(dot.y < LOST_AT for dot in chart.dots if dot is not lost)
    assert "1 failed" in chart.about


def test_a_target_is_drawn_unless_it_is_far_out() -> None:
    results = [completed(1, loss=1.0), completed(2, loss=2.0)]
    near = over_trials(Metric(name="loss", target=0.5), results)
    far = over_trials(Metric(name="loss", target=-1000), results)
    assert near is not None
    assert far is not None
    assert near.target is not None
    assert near.target > max(dot.y for dot in near.dots)
    assert far.target is None
    assert "the target is -1000" in far.about


def test_what_is_far_out_is_drawn_at_the_edge() -> None:
    results = [completed(number, loss=number / 10) for number in range(1, 41)]
    chart = over_trials(LOSS, [*results, completed(41, loss=1e9)])
    assert chart is not None
    (edge,) = [dot for dot in chart.dots if dot.shape == "edge"]
    assert (edge.y, edge.title) == (chart.top, "trial 41: loss 1e+09")
    assert len({dot.y for dot in chart.dots}) > 30


def test_of_very_many_trials_some_are_drawn_and_all_that_were_the_best() -> None:
    results = [completed(number, loss=1000.0 if number != 1234 else 1.0) for number in range(1, 5001)]
    chart = over_trials(LOSS, results)
    assert chart is not None
    assert len(chart.dots) <= MOST_DOTS + 2
    assert "trial 1234: loss 1" in {dot.title for dot in chart.dots}
    assert "one in 5 is drawn" in chart.about


def test_two_metrics_lie_over_each_other_with_the_front() -> None:
    results = [
        completed(1, loss=1, accuracy=0.1),
        completed(2, loss=2, accuracy=0.9),
        completed(3, loss=3, accuracy=0.2),
    ]
    chart = over_each_other(LOSS, ACCURACY, results, results[:2])
    assert chart is not None
    assert [dot.shape for dot in chart.dots] == ["best", "best", "dot"]
    assert chart.line.startswith(f"M{chart.dots[0].x} {chart.dots[0].y}H")
    assert (chart.across, chart.down) == ("loss (minimize)", "accuracy (maximize)")


@pytest.mark.parametrize("values", [[1.0], [0.0, 0.0], [5.0, 5.0]])
def test_equal_values_have_room_around_them(values: list[float]) -> None:
    low, high = bounds_of(values)
    assert low < values[0] < high


@pytest.mark.parametrize(
    ("low", "high", "count", "whole", "expected"),
    [
        (0.0, 1.0, 5, False, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.5, 3.5, 8, True, [1.0, 2.0, 3.0]),
        (-120, 310, 4, False, [-100.0, 0.0, 100.0, 200.0, 300.0]),
        (2.0, 2.0, 4, False, [2.0]),
    ],
)
def test_axes_have_round_values(low: float, high: float, count: int, *, whole: bool, expected: list[float]) -> None:
    assert round_values(Scale(low, high, 0, 100), count, whole=whole) == pytest.approx(expected)
