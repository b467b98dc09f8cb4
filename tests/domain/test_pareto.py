from math import inf, isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.pareto import best, ranked
from worker.domain.sweepparts import Goal, Metric
from worker.domain.trial import TrialResult

LOSS = Metric(name="loss")
ACCURACY = Metric(name="accuracy", goal=Goal.MAXIMIZE)
SIZE = Metric(name="size")

VALUES = st.integers(-3, 3).map(float) | st.sampled_from([nan, inf, -inf])
RESULTS = st.lists(
    st.tuples(
        st.sampled_from(["completed"] * 4 + ["stopped", "failed"]),
        st.dictionaries(st.sampled_from(["loss", "accuracy", "size"]), VALUES),
    ),
    max_size=30,
).flatmap(
    lambda rows: st.permutations(
        [TrialResult(number=i, fate=fate, metrics=metrics) for i, (fate, metrics) in enumerate(rows, 1)]
    )
)


def finished(number: int, **metrics: float) -> TrialResult:
    return TrialResult(number=number, fate="completed", metrics=metrics)


def dominates(one: TrialResult, other: TrialResult, metrics: list[Metric]) -> bool:
    gains = [
        (one.metrics[m.name] - other.metrics[m.name]) * (1 if m.goal is Goal.MAXIMIZE else -1)
        if one.metrics[m.name] != other.metrics[m.name]
        else 0.0
        for m in metrics
    ]
    return all(gain >= 0 for gain in gains) and any(gain > 0 for gain in gains)


@given(RESULTS, st.permutations([LOSS, ACCURACY, SIZE]), st.integers(1, 3))
def test_the_best_are_those_that_no_other_dominates(
    results: list[TrialResult], order: list[Metric], count: int
) -> None:
    metrics = order[:count]
    rivals = [
        result
        for result in results
        if result.fate == "completed" and all(not isnan(result.metrics.get(m.name, nan)) for m in metrics)
    ]
    front = [one.number for one in rivals if not any(dominates(other, one, metrics) for other in rivals)]
    expected = sorted(front)[:1] if count == 1 else sorted(front)
    assert [result.number for result in best(results, metrics)] == expected


@pytest.mark.parametrize("metrics", [[LOSS], [LOSS, ACCURACY], []])
def test_without_results_or_metrics_there_is_no_best(metrics: list[Metric]) -> None:
    assert best([], metrics) == []
    assert best([TrialResult(number=1, fate="completed")], metrics) == []


def test_whole_numbers_are_compared_as_numbers() -> None:
    results = [finished(1, loss=2, accuracy=1, size=3), finished(2, loss=2.0, accuracy=1.5, size=3)]
    assert [result.number for result in best(results, [LOSS, ACCURACY, SIZE])] == [2]


def test_a_front_of_ten_thousand_is_found() -> None:
    results = [finished(i, loss=i, accuracy=i) for i in range(1, 10_001)]
    assert len(best(results, [LOSS, ACCURACY])) == 10_000


def test_the_best_by_one_metric_come_first_and_of_equal_ones_the_lowest_number() -> None:
    values = {1: 0.3, 2: 0.9, 3: float("nan"), 4: 0.9, 5: 0.5}
    results = [TrialResult(number=number, fate="completed", metrics={"m": value}) for number, value in values.items()]
    results += [TrialResult(number=6, fate="failed", metrics={"m": 1.0}), TrialResult(number=7, fate="completed")]
    up, down = Metric(name="m", goal=Goal.MAXIMIZE), Metric(name="m")
    assert [each.number for each in ranked(results, up, 3)] == [2, 4, 5]
    assert [each.number for each in ranked(results, down, 9)] == [1, 5, 2, 4]
