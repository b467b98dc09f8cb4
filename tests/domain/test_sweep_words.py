"""The words of a sweep beside its search space, nested parameters, and written points."""

import json
from typing import Any

import pytest

from worker.domain import parameterwords
from worker.domain.condition import parse_condition
from worker.domain.sweep import (
    Budget,
    EarlyStop,
    Goal,
    Method,
    Metric,
    StopWhen,
    Sweep,
    SweepFaults,
    fingerprint,
    parse_sweep,
)

X = {"x": {"min": 0.0, "max": 1}}
LOSS = {"name": "loss"}


def sweep(**words: Any) -> Sweep:
    return parse_sweep({"method": "random", "run_cap": 3, "parameters": X, **words})


def faults(**words: Any) -> list[tuple[Any, str]]:
    with pytest.raises(SweepFaults) as caught:
        sweep(**words)
    return list(caught.value.faults)


FULL = {
    "metric": {"name": "val.loss", "goal": "maximize", "target": 0.5},
    "budget": {"runs": 10, "hours": 1.5},
    "stop_when": {"failures": 3, "reached": "val.loss > 1 or loss > 2"},
    "early_terminate": {"type": "asha", "resource": "epoch", "min_iter": 2, "eta": 4, "min_trials": 6},
}


def test_all_words() -> None:
    made = sweep(**FULL)
    assert made.metrics == (Metric(name="val.loss", goal=Goal.MAXIMIZE, target=0.5),)
    assert made.budget == Budget(runs=10, hours=1.5)
    assert made.stop_when is not None
    assert made.stop_when.reached is not None
    assert made.stop_when.reached.holds({"val.loss": 3})
    assert made.early_terminate == EarlyStop(kind="asha", resource="epoch", min_iter=2, eta=4, min_trials=6)
    assert parse_sweep(json.loads(json.dumps(made.definition()))) == made
    marks = {fingerprint(sweep(**{**FULL, word: None})) for word in ("budget", "stop_when", "early_terminate")}
    assert len(marks | {fingerprint(made)}) == 4


def test_defaults() -> None:
    made = sweep()
    assert (made.metrics, made.metric, made.budget, made.stop_when, made.early_terminate) == (
        (),
        None,
        None,
        None,
        None,
    )
    assert sweep(stop_when={"failures": 1}).stop_when == StopWhen(failures=1)
    assert sweep(metric=LOSS, early_terminate={"type": "asha"}).early_terminate == EarlyStop(kind="asha")
    median = sweep(metric=LOSS, early_terminate={"type": "median"})
    assert median.early_terminate == EarlyStop(kind="median", min_trials=5)
    assert parse_sweep(median.definition()) == median
    hyperband = {"type": "hyperband", "min_iter": 3, "eta": 2}
    assert sweep(metric=LOSS, early_terminate=hyperband).early_terminate == EarlyStop(kind="asha", min_iter=3, eta=2)


def test_several_metrics() -> None:
    several = [LOSS, {"name": "size", "goal": "minimize"}]
    made = sweep(metrics=several, stop_when={"reached": "loss < 1 and size < 2"})
    assert [metric.name for metric in made.metrics] == ["loss", "size"]
    assert made.metric == made.metrics[0]
    assert "metric" not in made.definition()
    assert parse_sweep(made.definition()) == made
    assert sweep(metrics=[LOSS]) == sweep(metric=LOSS)


def test_bayes_is_a_definition_alone() -> None:
    made = parse_sweep({"method": "bayes", "run_cap": 7, "parameters": X, "metric": LOSS})
    assert (made.method, made.computed, made.size, made.max_parallel) == (Method.BAYES, False, 7, 4)
    with pytest.raises(TypeError, match=r"^the trials of a bayes sweep are asked of its study$"):
        made.trial(1)
    assert parse_sweep(made.definition()) == made
    rules = {"parameters": {**X, "y": {"values": [1], "when": "x < 1"}}, "where": "x > 0", "max_parallel": 1}
    assert parse_sweep({"method": "bayes", "run_cap": 7, "metric": LOSS, **rules}).max_parallel == 1
    assert sweep().computed


def test_nested_parameters_are_dotted_ones() -> None:
    nested = {"optimizer": {"parameters": {"lr": {"values": [1, 2], "when": "k == 1"}, "deep": {"parameters": X}}}}
    flat = {"optimizer.lr": {"values": [1, 2], "when": "k == 1"}, "optimizer.deep.x": X["x"]}
    k = {"k": {"value": 1}}
    assert sweep(parameters=nested | k) == sweep(parameters=flat | k)
    assert sweep(parameters=nested | k).names == ("optimizer.lr", "optimizer.deep.x", "k")


@pytest.mark.parametrize(
    ("parameters", "path", "sentence"),
    [
        (
            {"a": {"parameters": {"b": {"min": 1}}}},
            ("a", "parameters", "b"),
            "max is missing; int_uniform needs min and max",
        ),
        ({"a": {"parameters": {}}}, ("a", "parameters"), "has to be a mapping of names to what they may be"),
        ({"a": {"parameters": [1]}}, ("a", "parameters"), "has to be a mapping of names to what they may be"),
        (
            {"a": {"parameters": X, "value": 1}},
            ("a", "value"),
            "value does not go with parameters; it belongs to each of them",
        ),
        ({"a": {"parameters": X, "paramters": 1}}, ("a", "paramters"), 'unknown key; did you mean "parameters"?'),
        ({"a": {"parameters": X}, "a.x": X["x"]}, ("a.x",), "a.x is there already; keep one of them"),
        ({"a": {"parameters": {1: X["x"]}}}, ("a", "parameters", 1), "the name 1 is not a text; put it in quotes"),
        (
            {"a.b": X["x"], "a": {"parameters": {"b.c": X["x"]}}},
            ("a", "parameters", "b.c"),
            "leads through a.b, which is a parameter itself; keep one of them",
        ),
    ],
    ids=str,
)
def test_nested_parameters_that_are_refused(parameters: Any, path: Any, sentence: str) -> None:
    assert faults(parameters=parameters) == [(("parameters", *path), sentence)]


def test_points() -> None:
    points = [{"a": 1, "steps.t.lr": 0.1}, {"a": [2], "b": None}, {"a": 1, "steps.t.lr": 0.1}]
    made = parse_sweep({"method": "list", "points": points})
    assert (made.size, made.head(9), made.names) == (3, points, ("a", "steps.t.lr", "b"))
    made.trial(2)["a"].append("spoilt")
    assert made.head(9) == points
    assert parse_sweep(json.loads(json.dumps(made.definition()))) == made
    assert parse_sweep({"method": "list", "points": points, "run_cap": 2}).size == 2
    kept = parse_sweep({"method": "list", "points": points, "where": "lr == 0.1"})
    assert (kept.size, kept.head(9)) == (2, [points[0], points[2]])
    with pytest.raises(IndexError, match=r"^there is no trial 3; the sweep has trials 1 to 2$"):
        kept.trial(3)


@pytest.mark.parametrize(
    ("words", "path", "sentence"),
    [
        ({"points": []}, ("points",), "has to be a list of mappings of names to values, not an empty one"),
        ({"points": "a.csv"}, ("points",), "has to be a list of mappings of names to values, not a text"),
        ({"points": [1]}, ("points", 0), "has to be a mapping of names to values, not a number"),
        ({"points": [{"a": 1}, {}]}, ("points", 1), "has to be a mapping of names to values, not an empty one"),
        ({"points": [{"a": float("nan")}]}, ("points", 0, "a"), "has to be a finite number"),
        ({"points": [{1: 1}]}, ("points", 0, 1), "the name 1 is not a text; put it in quotes"),
        (
            {"points": [{"a.b": 1, "a.b.c": 2}]},
            ("points", 0, "a.b.c"),
            "leads through a.b, which is a parameter itself; keep one of them",
        ),
        ({"points": None}, ("points",), "points is missing; method: list runs the points that are written there"),
        ({"parameters": X}, ("parameters",), "parameters does not go with method: list; write the values in points"),
        ({"zip": [["a", "b"]]}, ("zip",), "zip does not go with method: list; write the values in points"),
        ({"where": "b == 1"}, ("where",), 'there is no "b"; known are a'),
        ({"where": "a == 2"}, ("where",), "holds for no trial at all"),
    ],
    ids=str,
)
def test_points_that_are_refused(words: Any, path: Any, sentence: str) -> None:
    with pytest.raises(SweepFaults) as caught:
        parse_sweep({"method": "list", "points": [{"a": 1}], **words})
    assert caught.value.faults == ((path, sentence),)


EARLY = {"metric": LOSS}
BRACKETS = "belongs to W&B's brackets, which zenbeat's asha does not have; give min_iter and eta"


@pytest.mark.parametrize(
    ("words", "path", "sentence"),
    [
        ({"metrics": LOSS}, ("metrics",), "has to be a list of mappings with name and goal, not a mapping"),
        ({"metrics": []}, ("metrics",), "has to be a list of mappings with name and goal, not an empty one"),
        ({"metrics": [LOSS, LOSS]}, ("metrics", 1, "name"), "loss is there already"),
        ({"metrics": [LOSS], "metric": LOSS}, ("metrics",), "metric is there already; keep one of them"),
        (
            {"metrics": [LOSS, {"name": "b", "target": 1}]},
            ("metrics", 1, "target"),
            "a target goes with one metric; write stop_when: {reached: …}",
        ),
        ({"metric": {"name": "a", "target": True}}, ("metric", "target"), "has to be a number, not true"),
        ({"metric": {"name": "a", "target": float("inf")}}, ("metric", "target"), "has to be a finite number"),
        ({"budget": 3}, ("budget",), "has to be a mapping with runs and hours, not a number"),
        ({"budget": {}}, ("budget",), "says nothing; give runs or hours"),
        ({"budget": {"runs": 0}}, ("budget", "runs"), "has to be at least 1"),
        ({"budget": {"hours": 0}}, ("budget", "hours"), "has to be more than 0"),
        ({"budget": {"hour": 1}}, ("budget", "hour"), 'unknown key; did you mean "hours"?'),
        ({"stop_when": {}}, ("stop_when",), "says nothing; give failures or reached"),
        (
            {"stop_when": {"reached": "loss < 1"}},
            ("stop_when", "reached"),
            "needs a metric; it is an expression over the names of the metrics",
        ),
        (
            {"stop_when": {"reached": "los < 1"}, **EARLY},
            ("stop_when", "reached"),
            'there is no "los"; did you mean "loss"?',
        ),
        ({"early_terminate": {"type": "asha"}}, ("early_terminate",), "needs a metric to compare by"),
        (
            {"early_terminate": {"type": "asha"}, "metrics": [LOSS, {"name": "b"}]},
            ("early_terminate",),
            "compares by one metric",
        ),
        ({"early_terminate": {}, **EARLY}, ("early_terminate",), "type is missing; it is asha, median, hyperband"),
        (
            {"early_terminate": {"type": "medain"}, **EARLY},
            ("early_terminate", "type"),
            '"medain" is not a way to stop runs early; did you mean "median"?',
        ),
        *(
            (
                {"early_terminate": {"type": "hyperband", word: 2}, **EARLY},
                ("early_terminate", word),
                f"{word} {BRACKETS}",
            )
            for word in ("s", "max_iter", "strict")
        ),
        (
            {"early_terminate": {"type": "median", "eta": 2}, **EARLY},
            ("early_terminate", "eta"),
            "eta belongs to asha; median stops what is worse than half of the others",
        ),
        (
            {"early_terminate": {"type": "asha", "eta": 1}, **EARLY},
            ("early_terminate", "eta"),
            "has to be more than 1; one run in eta goes on",
        ),
        ({"run_cap": None}, ("run_cap",), "a random sweep needs run_cap, the number of its trials"),
        ({"method": "bayes"}, ("metric",), "a bayes sweep needs a metric to learn from"),
        ({"before": {"method": "grid"}}, ("parameters",), "parameters is missing"),
    ],
    ids=str,
)
def test_words_that_are_refused(words: Any, path: Any, sentence: str) -> None:
    assert faults(**words) == [(path, sentence)]


def test_a_condition_is_part_of_the_definition() -> None:
    made = sweep(where=["x < 0.5", "x > 0.1"])
    assert made.where == (parse_condition("x < 0.5", ["x"]), parse_condition("x > 0.1", ["x"]))
    assert sweep(where="x < 0.5") == sweep(where=["x < 0.5"]) != made


def test_a_metric_that_cannot_be_read_is_one_fault() -> None:
    assert faults(metric={"name": ""}, stop_when={"reached": "loss < 1"}, early_terminate={"type": "asha"}) == [
        (("metric", "name"), "is empty")
    ]


def test_there_is_a_most_of_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parameterwords, "MOST_POINTS", 2)
    with pytest.raises(SweepFaults) as caught:
        parse_sweep({"method": "list", "points": [{"a": 1}] * 3})
    assert caught.value.faults == ((("points",), "has 3 points; at most 2 are possible"),)


def test_nothing_is_nested_without_end() -> None:
    space: Any = X
    for _ in range(30):
        space = {"a": {"parameters": space}}
    [(path, sentence)] = faults(parameters=space)
    assert (len(path), sentence) == (42, "is nested more than 20 levels deep")


def test_a_list_ends_at_its_run_cap() -> None:
    made = parse_sweep({"method": "list", "points": [{"a": 1}, {"a": 2}], "run_cap": 1})
    with pytest.raises(IndexError, match=r"^there is no trial 2; the sweep has trials 1 to 1$"):
        made.trial(2)


def test_a_condition_may_read_what_never_changes() -> None:
    made = parse_sweep(
        {"method": "grid", "parameters": {"a": {"value": 1}, "b": {"values": [1, 2]}}, "where": "a == b"}
    )
    assert made.head(9) == [{"a": 1, "b": 1}]
