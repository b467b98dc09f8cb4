import json
import sys
from collections.abc import Iterator
from math import inf, nan
from random import Random
from statistics import fmean
from typing import Any

import pytest

from worker.domain.axes import Space
from worker.domain.bells import Normal
from worker.domain.distributions import (
    Categorical,
    Constant,
    IntUniform,
    LogUniform,
    QUniform,
    Uniform,
    WeightedCategorical,
)
from worker.domain.errors import InvalidInput, MissingExtra
from worker.domain.pareto import best
from worker.domain.rules import NothingSatisfies
from worker.domain.sweep import parse_sweep
from worker.domain.sweepparts import Goal, Metric
from worker.domain.trial import TrialResult
from worker.study import Asked, Study

LOSS = Metric(name="loss")
ACCURACY = Metric(name="accuracy", goal=Goal.MAXIMIZE)
SQUARE: Space = {"x": Uniform(low=-5, high=5), "y": Uniform(low=-5, high=5)}
EVERYTHING: Space = {
    "rate": LogUniform(low=1e-5, high=1),
    "layers": IntUniform(low=1, high=8),
    "many": IntUniform(low=0, high=10**9),
    "drop": QUniform(low=0, high=1, q=0.25),
    "optimizer": Categorical(values=("adam", "sgd", None, {"name": "lion"})),
    "weight": WeightedCategorical(values=(1, 2), probabilities=(0.9, 0.1)),
    "noise": Normal(mu=0, sigma=1),
    "fixed": Constant(value=[1]),
    "single": Categorical(values=(3,)),
}


def distance(params: dict[str, Any]) -> float:
    return float((params["x"] - 1) ** 2 + (params["y"] + 2) ** 2)


def run(study: Study, numbers: range) -> Iterator[tuple[int, Asked, float]]:
    for number in numbers:
        asked = study.ask(number)
        value = distance(asked.params)
        study.tell(number, asked.coordinates, [value])
        yield number, asked, value


def test_it_finds_the_bottom_of_a_bowl_better_than_chance() -> None:
    found = [min(value for *_, value in run(Study(SQUARE, [LOSS], seed), range(1, 41))) for seed in range(3)]
    rng = Random(0)
    chance = [min(distance({"x": rng.uniform(-5, 5), "y": rng.uniform(-5, 5)}) for _ in range(40)) for _ in range(200)]
    assert max(found) < fmean(chance)


def test_it_climbs_where_more_is_better() -> None:
    study = Study({"x": Uniform(low=0, high=1), "y": Uniform(low=0, high=1)}, [ACCURACY], 0)
    found = []
    for number in range(1, 41):
        asked = study.ask(number)
        study.tell(number, asked.coordinates, [asked.params["x"]])
        found.append(asked.params["x"])
    assert fmean(found[20:]) > 0.7


def test_every_distribution_can_be_asked_and_is_kept_as_json() -> None:
    study = Study(EVERYTHING, [LOSS], 0)
    seen = []
    for number in range(1, 31):
        asked = study.ask(number)
        assert list(asked.params) == list(EVERYTHING)
        assert asked.params["fixed"] == [1]
        assert asked.params["single"] == 3
        assert 1e-5 <= asked.params["rate"] <= 1
        assert asked.params["layers"] in range(1, 9)
        assert asked.params["drop"] in {0, 0.25, 0.5, 0.75, 1}
        assert asked.params["weight"] in {1, 2}
        assert 0 <= asked.params["many"] <= 10**9
        assert set(asked.coordinates) == set(EVERYTHING) - {"fixed", "single"}
        assert json.loads(json.dumps(asked.coordinates)) == asked.coordinates
        seen.append(asked.params)
        study.tell(number, asked.coordinates, [asked.params["layers"]])
    assert len({params["many"] for params in seen}) > 10


def test_of_many_names_any_may_be_asked() -> None:
    study = Study({"name": Categorical(values=tuple(f"name {i}" for i in range(5_000)))}, [LOSS], 0)
    for number in range(1, 16):
        asked = study.ask(number)
        assert asked.params["name"] == f"name {asked.coordinates['name']}"
        study.tell(number, asked.coordinates, [asked.coordinates["name"]])
    assert max(study.ask(number).coordinates["name"] for number in range(16, 22)) < 5_000


@pytest.mark.parametrize("method", ["when", "plain"])
def test_a_study_built_again_goes_on_as_the_lost_one_would_have(method: str) -> None:
    parameters: dict[str, Any] = {name: kind.definition() for name, kind in EVERYTHING.items()}
    if method == "when":
        parameters["noise"]["when"] = "layers > 4"
    sweep = parse_sweep(
        {"method": "bayes", "run_cap": 99, "parameters": parameters, "metric": {"name": "loss"}, "seed": 7}
    )
    lost, kept = Study.of(sweep), []
    for number in range(1, 31):
        asked = lost.ask(number)
        values = None if number % 7 == 0 else [asked.params["rate"] + asked.params["layers"]]
        if number < 29:
            lost.tell(number, asked.coordinates, values)
        kept.append((number, json.dumps(asked.coordinates), values))
    again = Study.of(sweep)
    Random(0).shuffle(kept)
    for number, coordinates, values in kept:
        if number < 29:
            again.tell(number, json.loads(coordinates), values)
        else:
            again.pending(number, json.loads(coordinates))
    assert again.ask(31) == lost.ask(31)
    assert again.ask(32) == lost.ask(32)


def test_a_study_knows_the_past() -> None:
    study = Study(SQUARE, [LOSS], 0)
    rng = Random(1)
    for number in range(1, 101):
        coordinates = {"x": rng.random(), "y": rng.random()}
        study.tell(number, coordinates, [abs(coordinates["x"] - 0.2) + abs(coordinates["y"] - 0.7)])
    asked = [study.ask(number).coordinates for number in range(101, 111)]
    assert fmean(abs(point["x"] - 0.2) + abs(point["y"] - 0.7) for point in asked) < 0.25
    assert all(0 <= place < 1 for point in asked for place in point.values())


@pytest.mark.parametrize("seed", range(3))
def test_what_is_going_on_is_not_asked_again(seed: int) -> None:
    study = Study(SQUARE, [LOSS], seed)
    for _ in run(study, range(1, 21)):
        pass
    here = study.ask(21).coordinates

    def how_far() -> float:
        far = []
        for number in range(22, 32):
            there = study.ask(number).coordinates
            study.tell(number, there, None)
            far.append(abs(there["x"] - here["x"]) + abs(there["y"] - here["y"]))
        return fmean(far)

    study.pending(100, here)
    study.pending(101, here)
    going_on = how_far()
    for number in (21, 100, 101):
        study.tell(number, here, None)
    assert how_far() < going_on


def test_equal_trials_are_not_asked_side_by_side() -> None:
    study = Study(SQUARE, [LOSS], 3)
    for _ in run(study, range(1, 21)):
        pass
    asked = [tuple(study.ask(number).coordinates.values()) for number in range(21, 29)]
    assert len(set(asked)) == 8


def conditional(**words: Any) -> Study:
    raw = {
        "method": "bayes",
        "run_cap": 50,
        "metric": {"name": "loss"},
        "parameters": {
            "momentum": {"min": 0.0, "max": 1.0, "when": 'optimizer == "sgd"'},
            "nesterov": {"values": [True, False], "when": "momentum > 0.5"},
            "optimizer": {"values": ["sgd", "adam"]},
            "size": {"min": 1, "max": 100},
        },
    }
    return Study.of(parse_sweep({**raw, **words}))


def test_a_trial_has_only_the_parameters_whose_condition_holds() -> None:
    study, shapes = conditional(), set()
    for number in range(1, 41):
        asked = study.ask(number)
        shapes.add(tuple(asked.params))
        assert set(asked.params) == set(asked.coordinates)
        assert ("momentum" in asked.params) == (asked.params["optimizer"] == "sgd")
        assert ("nesterov" in asked.params) == (asked.params.get("momentum", 0) > 0.5)
        study.tell(number, asked.coordinates, [asked.params.get("momentum", 1)])
    assert shapes == {
        ("optimizer", "size"),
        ("momentum", "optimizer", "size"),
        ("momentum", "nesterov", "optimizer", "size"),
    }


def test_where_holds_for_all_that_is_asked() -> None:
    study = conditional(where="size % 7 == 0")
    for number in range(1, 31):
        asked = study.ask(number)
        assert asked.params["size"] % 7 == 0
        study.tell(number, asked.coordinates, [float(asked.params["size"])])


def test_a_rare_point_is_drawn_where_the_model_gives_none() -> None:
    space = {"a": {"min": 1, "max": 60}, "b": {"min": 1, "max": 60}}
    raw = {"method": "bayes", "run_cap": 9, "metric": {"name": "loss"}, "parameters": space, "where": "a + b == 119"}
    study = Study.of(parse_sweep(raw))
    assert sorted(study.ask(1).params.values()) == [59, 60]


def test_where_nothing_holds_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.study.study.MOST_DRAWS", 20)
    study = conditional(where="size >= 1")
    monkeypatch.setattr(type(study._rules), "admit", lambda *_: False)
    with pytest.raises(NothingSatisfies, match=r"^nothing satisfies size >= 1 among 70 draws for trial 4$"):
        study.ask(4)


def test_a_zip_group_goes_forward_together() -> None:
    raw = {
        "method": "bayes",
        "run_cap": 9,
        "metric": {"name": "loss"},
        "parameters": {"a": {"values": [1, 2, 3]}, "c": {"min": 0.0, "max": 1.0}, "b": {"values": ["x", "y", "z"]}},
        "zip": [["a", "b"]],
    }
    study = Study.of(parse_sweep(raw))
    for number in range(1, 21):
        asked = study.ask(number)
        assert list(asked.params) == ["a", "c", "b"]
        assert set(asked.coordinates) == {"a", "c"}
        assert asked.params["b"] == {1: "x", 2: "y", 3: "z"}[asked.params["a"]]
        study.tell(number, asked.coordinates, [asked.params["a"]])


def test_several_metrics_are_weighed_against_each_other() -> None:
    study = Study(SQUARE, [LOSS, ACCURACY], 0)
    results = []
    for number in range(1, 51):
        asked = study.ask(number)
        loss, accuracy = distance(asked.params), asked.params["x"]
        study.tell(number, asked.coordinates, (loss, inf if number == 3 else accuracy))
        metrics = {"loss": loss, "accuracy": accuracy}
        results.append(TrialResult(number=number, fate="completed", metrics=metrics))
    front = best(results, [LOSS, ACCURACY])
    assert len(front) >= 4
    # On the front y is -2: what is asked later is nearer.
    asked_y = [study.ask(number).params["y"] for number in range(51, 61)]
    assert fmean(abs(y + 2) for y in asked_y) < 2.5


def test_a_trial_without_a_result_teaches_nothing() -> None:
    one, other = Study(SQUARE, [LOSS], 0), Study(SQUARE, [LOSS], 0)
    for _ in run(one, range(1, 21)):
        pass
    for _ in run(other, range(1, 21)):
        pass
    asked = one.ask(21)
    one.tell(21, asked.coordinates, [nan])
    other.tell(21, asked.coordinates, None)
    assert one.ask(22) == other.ask(22)


def test_an_infinite_loss_is_a_bad_one() -> None:
    study = Study(SQUARE, [LOSS], 0)
    for number in range(1, 31):
        asked = study.ask(number)
        study.tell(number, asked.coordinates, [inf if asked.params["x"] > 0 else 1.0])
    assert fmean(study.ask(number).params["x"] for number in range(31, 39)) < 0


def test_what_is_not_of_the_study_is_refused() -> None:
    study = Study(SQUARE, [LOSS], 0)
    with pytest.raises(ValueError, match=r"^trial 3 has a coordinate z, which the sweep does not have$"):
        study.tell(3, {"x": 0.5, "z": 1}, [0.5])
    with pytest.raises(ValueError, match=r"^trial 3 has 2 values for 1 metrics$"):
        study.tell(3, {"x": 0.5, "y": 0.5}, [0.5, 1])


def test_nothing_is_logged(capfd: pytest.CaptureFixture[str]) -> None:
    for _ in run(Study(SQUARE, [LOSS], 0), range(1, 15)):
        pass
    assert capfd.readouterr() == ("", "")


def test_without_optuna_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtra) as caught:
        Study(SQUARE, [LOSS], 0)
    assert str(caught.value) == "method: bayes needs Optuna; install it: pip install 'zenbeat[bayes]'"
    assert isinstance(caught.value, InvalidInput), "a usage fault: exit code 2"
