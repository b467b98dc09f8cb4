from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.stopping import MOST_KEPT, kept, verdict
from worker.domain.sweepparts import EarlyStop, Goal, Metric

ACCURACY = Metric(name="accuracy", goal=Goal.MAXIMIZE)
LOSS = Metric(name="loss")
Seen = Mapping[int, Sequence[Sequence[float | None]]]

CURVES = st.lists(st.lists(st.integers(-20, 20).map(float), min_size=1, max_size=30), min_size=1, max_size=14)


def rule(kind: str, **words: Any) -> EarlyStop:
    return EarlyStop(kind=kind, **{"resource": "epoch", "min_trials": 5 if kind == "median" else 1, **words})  # type: ignore[arg-type]


def judge(
    kind: str, seen: Seen, number: int, *, metric: Metric = ACCURACY, since: float = 0, **words: Any
) -> str | None:
    return verdict(rule(kind, **words), metric, seen, number, since=since)


def at(resource: float, *values: float | None) -> dict[int, list[list[float | None]]]:
    return {number: [[resource, value]] for number, value in enumerate(values, 1)}


def test_the_reason_is_a_sentence() -> None:
    seen = at(9, *(0.7 + number / 100 for number in range(11)), 0.61)
    sentence = "at epoch 9 its accuracy 0.61 is not among the best third of 12 trials"
    assert judge("asha", seen, 12) == sentence
    sentence = "at epoch 9 its best accuracy 0.61 is worse than the median 0.75 of 11 other trials"
    assert judge("median", seen, 12) == sentence
    assert judge("asha", seen, 11) is None
    assert judge("median", seen, 11) is None


@pytest.mark.parametrize(("eta", "part"), [(2, "half"), (4, "quarter"), (7, "1/7"), (2.5, "1/2.5")])
def test_the_part_is_named(eta: float, part: str) -> None:
    sentence = judge("asha", at(1, 1, 2, 3, 4, 5, 6, 7), 1, eta=eta)
    assert sentence == f"at epoch 1 its accuracy 1 is not among the best {part} of 7 trials"


def test_while_few_have_reached_a_rung_nobody_is_stopped() -> None:
    assert judge("asha", at(1, 1, 2), 1) is None
    assert judge("asha", at(1, 1, 2, 3), 1) is not None
    assert judge("asha", at(1, 1, 2, 3), 1, min_trials=4) is None
    assert judge("median", at(1, 1, 2, 2, 2, 2), 1) is None
    assert judge("median", at(1, 1, 2, 2, 2, 2, 2), 1) is not None
    assert judge("median", at(1, 1, 2, 2, 2, 2, 2), 1, min_iter=2) is None


def test_a_trial_that_completed_earlier_counts_with_its_last_value() -> None:
    seen: Seen = {1: [[5, 0.2], [20, 0.9]], 2: [[20, 0.8]], 3: [[30, 0.1]], 4: [[9, 0.05]]}
    metric, median = ACCURACY, rule("median", min_trials=2)
    assert verdict(median, metric, seen, 3) is None, "nobody else has come so far"
    assert verdict(median, metric, seen, 3, completed={1}) is None, "one is too few"
    said = "at epoch 30 its best accuracy 0.1 is worse than the median 0.85 of 2 other trials"
    assert verdict(median, metric, seen, 3, completed={1, 2}) == said
    assert verdict(median, metric, {**seen, 2: []}, 3, completed={1, 2}) is None, "who told nothing counts for nothing"


@pytest.mark.parametrize("kind", ["asha", "median"])
@pytest.mark.parametrize("goal", list(Goal))
def test_nan_is_worst(kind: str, goal: Goal) -> None:
    for worst in (nan, None):
        seen = at(1, worst, 1, 2, 3, 4, 5)
        metric = Metric(name="x", goal=goal)
        assert "NaN" in (judge(kind, seen, 1, metric=metric) or "")
        assert judge(kind, seen, 2 if goal is Goal.MINIMIZE else 6, metric=metric) is None
        assert judge(kind, at(1, *[worst] * 6), 1, metric=metric)


@pytest.mark.parametrize("kind", ["asha", "median"])
def test_a_trial_that_has_reported_nothing_goes_on(kind: str) -> None:
    assert judge(kind, {}, 1) is None
    assert judge(kind, {**at(1, 1, 2, 3), 4: []}, 4) is None


def test_the_value_at_a_rung_is_that_of_the_first_report_beyond_it() -> None:
    seen: Seen = {1: [[2, 0.5], [5, 0.9]], 2: [[4, 0.8], [7, 0.1]], 3: [[3, 0.7]], 4: [[1, 0.99]]}
    assert judge("asha", seen, 1, min_iter=3) is None
    sentence = "at epoch 4 its accuracy 0.8 is not among the best third of 3 trials"
    assert judge("asha", seen, 2, min_iter=3) == sentence


def test_who_was_let_past_a_rung_stays_past_it() -> None:
    seen: Seen = {1: [[1, 0.5], [2, 0.6]], **{number: [[1, 0.9]] for number in range(2, 9)}}
    assert judge("asha", seen, 1) is not None
    assert judge("asha", seen, 1, since=1) is None
    assert judge("asha", {**seen, 1: [[1, 0.5], [3, 0.1]], 2: [[3, 0.2]], 3: [[3, 0.3]]}, 1, since=2)


@given(CURVES, st.sampled_from(list(Goal)), st.integers(2, 4), st.integers(1, 4), st.booleans())
def test_asha_decides_as_optuna_does(
    curves: list[list[float]], goal: Goal, eta: int, min_iter: int, thinned: bool
) -> None:
    """Where at least eta trials have reached a rung; before, we stop none, and Optuna all but the best."""
    study = optuna.create_study(direction=goal.value)
    pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=min_iter, reduction_factor=eta)
    seen: dict[int, list[list[float | None]]] = {}
    for number, curve in enumerate(curves):
        trial, ours, since = study.ask(), None, 0
        seen[number] = []
        for step, value in enumerate(curve, 1):
            trial.report(value, step)
            seen[number].append([step, value])
            stop = pruner.prune(study, study._storage.get_trial(trial._trial_id))
            metric = Metric(name="x", goal=goal)
            ours = judge("asha", seen, number, eta=eta, min_iter=min_iter, metric=metric, since=since)
            since = step
            there = sum(reports[-1][0] >= step for reports in seen.values())  # type: ignore[operator]
            if there >= eta:
                assert stop == (ours is not None)
            else:
                assert ours is None
            if stop:
                break
        if thinned:
            seen[number] = kept(rule("asha", eta=eta, min_iter=min_iter), seen[number])


@given(CURVES, st.sampled_from(list(Goal)), st.integers(1, 6), st.integers(1, 4))
def test_the_median_decides_as_optuna_does(
    curves: list[list[float]], goal: Goal, min_trials: int, min_iter: int
) -> None:
    study = optuna.create_study(direction=goal.value)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=0, n_warmup_steps=min_iter, n_min_trials=min_trials)
    seen: dict[int, list[list[float | None]]] = {}
    for number, curve in enumerate(curves):
        trial = study.ask()
        seen[number] = []
        for step, value in enumerate(curve, 1):
            trial.report(value, step)
            seen[number].append([step, value])
            stop = pruner.prune(study, study._storage.get_trial(trial._trial_id))
            ours = judge(
                "median", seen, number, metric=Metric(name="x", goal=goal), min_iter=min_iter, min_trials=min_trials
            )
            assert stop == (ours is not None)
        study.tell(trial, 0.0)


def test_what_is_kept_is_what_the_rungs_need() -> None:
    reports = [[float(step), step / 10] for step in range(1, 31)]
    left = kept(rule("asha", eta=3, min_iter=2), reports)
    assert [at for at, _ in left] == [2, 6, 18, 30]
    assert kept(rule("asha", eta=3, min_iter=2), []) == []
    assert kept(rule("median", eta=3, min_iter=1), reports) == reports
    long = [[float(step), 1.0] for step in range(1, MOST_KEPT + 2)]
    left = kept(rule("median", eta=3, min_iter=1), long)
    assert len(left) == MOST_KEPT // 2 + 1
    assert left[-1] == long[-1]


@pytest.mark.parametrize("words", [{"eta": 1}, {"min_iter": 0}])
def test_rungs_have_to_go_up(words: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^eta has to be more than 1, and min_iter more than 0$"):
        judge("asha", at(1, 1, 2), 1, **words)
