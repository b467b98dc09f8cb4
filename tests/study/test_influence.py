import sys
from collections.abc import Callable
from itertools import product
from math import inf, log10, nan
from random import Random
from typing import Any

import pytest

from worker.domain.distributions import Categorical, Constant, IntUniform, LogUniform, Uniform
from worker.domain.errors import InvalidInput, MissingExtra
from worker.domain.sweepparts import Goal
from worker.study import importance

SPACE = {
    "drop": Uniform(low=0, high=1),
    "rate": LogUniform(low=1e-5, high=1),
    "optimizer": Categorical(values=("adam", "sgd", {"name": "lion"})),
    "fixed": Constant(value=3),
}


def drawn(count: int, value: Callable[[dict[str, Any]], float]) -> list[tuple[dict[str, Any], float]]:
    rng = Random(count)
    rows = [{name: kind.quantile(rng.random()) for name, kind in SPACE.items()} for _ in range(count)]
    return [(row, value(row)) for row in rows]


@pytest.fixture(params=["fanova", "pedanova"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "pedanova":
        monkeypatch.setattr("worker.study.influence.imported", {}.get)
    return str(request.param)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("goal", list(Goal))
def test_what_matters_comes_first(goal: Goal) -> None:
    shares = importance(SPACE, drawn(60, lambda row: (log10(row["rate"]) + 5) + row["drop"] / 10), goal)
    assert next(iter(shares)) == "rate"
    assert shares["rate"] > 0.6
    assert shares["fixed"] == 0
    assert set(shares) == set(SPACE)
    assert sum(shares.values()) == pytest.approx(1)


@pytest.mark.usefixtures("way")
def test_a_name_may_matter_most() -> None:
    shares = importance(SPACE, drawn(60, lambda row: 5 * (row["optimizer"] == "sgd") + row["drop"]), Goal.MAXIMIZE)
    assert next(iter(shares)) == "optimizer"


@pytest.mark.usefixtures("way")
def test_it_works_for_a_grid() -> None:
    space = {"a": IntUniform(low=1, high=4), "b": Categorical(values=(True, False))}
    samples = [({"a": a, "b": b}, 1e300 * (10 * a + b)) for a, b in product(range(1, 5), (True, False))]
    assert next(iter(importance(space, samples, Goal.MAXIMIZE))) == "a"


@pytest.mark.usefixtures("way")
def test_a_parameter_that_some_trials_have_not_counts_by_those_that_have() -> None:
    samples = drawn(60, lambda row: 3 * row["drop"] if row["optimizer"] == "sgd" else row["drop"] / 100)
    for row, _ in samples:
        if row["optimizer"] != "sgd":
            del row["drop"]
        elif row["rate"] < 1e-3:
            del row["fixed"]
    shares = importance(SPACE, samples, Goal.MAXIMIZE)
    assert shares["optimizer"] + shares["drop"] > 0.6


def test_the_same_trials_give_the_same_shares() -> None:
    samples = drawn(30, lambda row: row["drop"])
    assert importance(SPACE, samples, Goal.MINIMIZE) == importance(SPACE, samples, Goal.MINIMIZE)


def test_of_many_trials_pedanova_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("worker.study.influence.imported", asked.append)
    assert next(iter(importance(SPACE, drawn(300, lambda row: row["drop"]), Goal.MINIMIZE))) == "drop"
    assert asked == []


@pytest.mark.parametrize(
    ("samples", "sentence"),
    [
        ([], "importance needs 4 completed trials with the metric; there are 0"),
        (
            [({"drop": i / 9}, value) for i, value in enumerate([1.0, 2.0, 3.0, nan, inf])],
            "importance needs 4 completed trials with the metric; there are 3",
        ),
        (
            [({"fixed": 3}, float(i)) for i in range(9)],
            "importance needs parameters that vary; all trials have the same",
        ),
        ([({"drop": i / 9}, 0.5) for i in range(9)], "importance needs a metric that varies; it is 0.5 in all trials"),
    ],
)
def test_where_nothing_can_be_said_there_is_a_sentence(samples: Any, sentence: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        importance(SPACE, samples, Goal.MINIMIZE)
    assert str(caught.value) == sentence


def test_without_optuna_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtra, match=r"^the importance of parameters needs Optuna; install it: pip install "):
        importance(SPACE, drawn(9, lambda row: row["drop"]), Goal.MINIMIZE)
