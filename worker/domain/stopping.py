"""Early stopping: which running trials of a sweep are not worth going on, by what all of them have reported so far.

A report is (resource, value): after 9 epochs the accuracy was 0.61. Reports may be sparse, because runs are polled: the
value of a trial at a resource is that of its first report at or beyond it. NaN is worse than any number.

asha: a trial goes on past the rungs min_iter, min_iter eta, min_iter eta² … if it is among the best 1/eta of the
trials that have reached the rung by then (Li et al., "A System for Massively Parallel Hyperparameter Tuning"). Other
than Optuna's SuccessiveHalvingPruner, it stops none while fewer than eta trials have reached the rung.

median: a trial goes on while its best value so far is no worse than the median of the others' values at its resource
(Golovin et al., "Google Vizier"). Other than Optuna's MedianPruner, it compares with all trials that were there, and
not with the completed ones alone; of a trial that completed before, its last value counts.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from math import isfinite, isnan
from statistics import median

from worker.domain.sweepparts import EarlyStop, Goal, Metric

Reports = Sequence[Sequence[float | None]]
"""What a trial has reported: [resource, value], the resource going up. None, as JSON has it, is NaN."""

Points = list[tuple[float, float]]
"""The same, so that less is better."""

MOST_KEPT = 256
"""Reports that `kept` leaves of one trial, where the rule is median."""

_WORST = float("inf")
_PARTS: Mapping[float, str] = {2: "half", 3: "third", 4: "quarter", 5: "fifth", 10: "tenth"}


def verdict(
    rule: EarlyStop,
    metric: Metric,
    seen: Mapping[int, Reports],
    number: int,
    *,
    since: float = 0,
    completed: Collection[int] = (),
) -> str | None:
    """Say why trial `number` is to be stopped; None if it goes on.

    With `asha` its rungs beyond `since` are judged, the resource up to which it was judged before: who was let past a
    rung stays past it. With `median` the `completed` trials are compared with wherever they ended. Raises ValueError
    for an `eta` of 1 or less, and a `min_iter` that is not above 0.
    """
    costs = {trial: _costs(reports, metric.goal) for trial, reports in seen.items()}
    own = costs.get(number)
    if not own:
        return None
    last, sign = own[-1][0], -1 if metric.goal is Goal.MAXIMIZE else 1
    if rule.kind == "median":
        words = _beyond_median(costs, number, completed, rule, sign) if last >= rule.min_iter else ""
        least = _number(min(cost for _, cost in own), sign)
        return f"at {rule.resource} {last:.6g} its best {metric.name} {least} {words}" if words else None
    for rung in _rungs(rule, last):
        at, cost = next(point for point in own if point[0] >= rung)
        words = _not_among_best(costs, cost, rung, rule) if rung > since else ""
        if words:
            return f"at {rule.resource} {at:.6g} its {metric.name} {_number(cost, sign)} {words}"
    return None


def kept(rule: EarlyStop, reports: Reports) -> list[list[float | None]]:
    """Leave out the reports that no later verdict needs, so that the state of a long trial stays small.

    asha: it needs the first at or beyond each rung, and the last. median: it needs all; of very many, every other.
    """
    if rule.kind == "median":
        return [list(report) for report in (reports[::-2][::-1] if len(reports) > MOST_KEPT else reports)]
    last = reports[-1][0] if reports else None
    firsts = [
        next(place for place, (at, _) in enumerate(reports) if at is not None and at >= rung)
        for rung in _rungs(rule, last or 0)
    ]
    return [list(reports[place]) for place in sorted({*firsts, len(reports) - 1})] if reports else []


def _not_among_best(costs: Mapping[int, Points], own: float, rung: float, rule: EarlyStop) -> str:
    there = _values_at(costs.values(), rung)
    places = int(len(there) / rule.eta)
    if places == 0 or len(there) < rule.min_trials:
        return ""
    if own <= sorted(there)[places - 1] and own != _WORST:
        return ""
    part = _PARTS.get(rule.eta, f"1/{rule.eta:g}")
    return f"is not among the best {part} of {len(there)} trials"


def _beyond_median(
    costs: Mapping[int, Points], number: int, completed: Collection[int], rule: EarlyStop, sign: int
) -> str:
    at = costs[number][-1][0]
    rivals = {trial: points for trial, points in costs.items() if trial != number and points}
    through = [rivals[trial][-1][1] for trial in completed if trial in rivals and rivals[trial][-1][0] < at]
    others = _values_at(rivals.values(), at) + through
    if len(others) < max(rule.min_trials, 1):
        return ""
    own, middle = min(cost for _, cost in costs[number]), median(others)
    if own <= middle and own != _WORST:
        return ""
    return f"is worse than the median {_number(middle, sign)} of {len(others)} other trials"


def _values_at(trials: Iterable[Points], resource: float) -> list[float]:
    """Give the value at a resource of each trial that has come so far."""
    firsts = (next((cost for at, cost in points if at >= resource), None) for points in trials)
    return [cost for cost in firsts if cost is not None]


def _costs(reports: Reports, goal: Goal) -> Points:
    """Turn values so that less is better."""
    sign = -1 if goal is Goal.MAXIMIZE else 1
    known = ((at, value) for at, value in reports if at is not None and isfinite(at))
    return [(at, _WORST if value is None or isnan(value) else sign * value) for at, value in known]


def _rungs(rule: EarlyStop, last: float) -> Iterator[float]:
    if rule.eta <= 1 or rule.min_iter <= 0:
        raise ValueError("eta has to be more than 1, and min_iter more than 0")
    rung = rule.min_iter
    while rung <= last and isfinite(rung):
        yield rung
        rung *= rule.eta


def _number(cost: float, sign: int) -> str:
    return "NaN" if cost == _WORST else f"{sign * cost + 0.0:.6g}"
