"""The best trials of a sweep: one by one metric, those that no other beats by several."""

from collections.abc import Iterable, Sequence
from heapq import nsmallest
from math import isnan
from operator import le

from worker.domain.sweepparts import Goal, Metric
from worker.domain.trial import TrialResult

Costs = tuple[float, ...]
"""What a trial has of each metric, so that less is better."""


def best(results: Sequence[TrialResult], metrics: Sequence[Metric]) -> list[TrialResult]:
    """Give the best of the completed trials that have every metric, none of them NaN.

    For one metric it is at most one trial, of equal ones that with the lowest number. For several they are all that no
    other dominates (is as good in every metric and better in one), in the order of their numbers.
    """
    rivals = [(_costs(result, metrics), result) for result in results if metrics and _counts(result, metrics)]
    rivals.sort(key=lambda rival: (rival[0], rival[1].number))
    if len(metrics) <= 1:
        return [result for _, result in rivals[:1]]
    front = _front_of_two(rivals) if len(metrics) == 2 else _front(rivals)
    return sorted(front, key=lambda result: result.number)


def ranked(results: Iterable[TrialResult], metric: Metric, count: int) -> list[TrialResult]:
    """Give the best of the completed trials that have a metric, not NaN: at most `count`, of equal ones the first."""
    rivals = ((_costs(result, [metric]), result.number, result) for result in results if _counts(result, [metric]))
    return [result for *_, result in nsmallest(count, rivals)]


def _counts(result: TrialResult, metrics: Sequence[Metric]) -> bool:
    return result.good and not any(isnan(result.metrics.get(metric.name, float("nan"))) for metric in metrics)


def _costs(result: TrialResult, metrics: Sequence[Metric]) -> Costs:
    values = ((float(result.metrics[metric.name]), metric.goal) for metric in metrics)
    return tuple(-value if goal is Goal.MAXIMIZE else value for value, goal in values)


def _front_of_two(rivals: Sequence[tuple[Costs, TrialResult]]) -> list[TrialResult]:
    """Go through them from the least first cost on: whoever does not lower the second one is dominated, or equal."""
    front: list[TrialResult] = []
    lowest: Costs = ()
    for costs, result in rivals:
        if not lowest or costs[1] < lowest[1]:
            lowest = costs
        if costs == lowest:
            front.append(result)
    return front


def _front(rivals: Sequence[tuple[Costs, TrialResult]]) -> list[TrialResult]:
    """Compare each with the front so far: who comes later in the order dominates nobody who comes before."""
    front: dict[Costs, list[TrialResult]] = {}
    for costs, result in rivals:
        if costs in front:
            front[costs].append(result)
        elif not any(all(map(le, other, costs)) for other in front):
            front[costs] = [result]
    return [result for equals in front.values() for result in equals]
