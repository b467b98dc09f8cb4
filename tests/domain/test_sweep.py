import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.sweep import Goal, Method, Metric, Sweep, SweepFaults, fingerprint, parse_sweep

GRID = {
    "method": "grid",
    "parameters": {
        "model": {"values": ["rf", "svm"]},
        "depth": {"min": 1, "max": 3},
        "steps.trainer.parameters.lr": {"value": 0.1},
    },
}
RANDOM = {
    "name": "nightly",
    "method": "random",
    "metric": {"name": "loss", "goal": "maximize"},
    "run_cap": 100,
    "seed": 7,
    "max_parallel": 4,
    "parameters": {
        "constant": {"value": {"a": [1, None]}},
        "choice": {"values": [1, "a", True, None, [2], {"b": 0.5}]},
        "weighted": {"values": ["a", "b", "c"], "probabilities": [0.5, 0, 0.5]},
        "int": {"min": 1, "max": 10},
        "float": {"min": 0, "max": 1.0},
        "quantized": {"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.1},
        "steps.trainer.parameters.lr": {"distribution": "log_uniform_values", "min": 1e-4, "max": 0.1},
        "inverse": {"distribution": "inv_log_uniform_values", "min": 1e-4, "max": 0.1},
        "batch": {"distribution": "q_log_uniform_values", "min": 32, "max": 256, "q": 8},
    },
}


def parsed(raw: dict[str, Any], **changes: Any) -> Sweep:
    return parse_sweep({**raw, **changes})


def space(**parameters: Any) -> Sweep:
    return parse_sweep({"method": "random", "run_cap": 1, "parameters": parameters})


def test_a_grid_in_full() -> None:
    sweep = parse_sweep(GRID)
    assert sweep.size == 6
    assert [tuple(trial.values()) for trial in sweep.head(99)] == [
        ("rf", 1, 0.1),
        ("rf", 2, 0.1),
        ("rf", 3, 0.1),
        ("svm", 1, 0.1),
        ("svm", 2, 0.1),
        ("svm", 3, 0.1),
    ]
    assert sweep.trial(4) == {"model": "svm", "depth": 1, "steps.trainer.parameters.lr": 0.1}


def test_run_cap_ends_a_grid_early_and_never_adds_to_it() -> None:
    assert parsed(GRID, run_cap=4).size == 4
    assert parsed(GRID, run_cap=4).head(9) == parse_sweep(GRID).head(4)
    assert parsed(GRID, run_cap=100).size == 6


def test_run_cap_is_the_size_of_a_random_sweep_and_raising_it_changes_no_trial() -> None:
    assert parse_sweep(RANDOM).size == 100
    assert parsed(RANDOM, run_cap=1000).head(100) == parse_sweep(RANDOM).head(100)


def test_a_random_sweep_made_by_hand_may_be_without_end() -> None:
    assert Sweep(method=Method.RANDOM, parameters={}).size == 2**63 - 1


@pytest.mark.parametrize("number", [0, -1, 7])
def test_trials_that_do_not_exist(number: int) -> None:
    with pytest.raises(IndexError, match=f"^there is no trial {number}; the sweep has trials 1 to 6$"):
        parse_sweep(GRID).trial(number)


@pytest.mark.parametrize(("count", "length"), [(-1, 0), (0, 0), (2, 2), (6, 6), (7, 6)])
def test_head(count: int, length: int) -> None:
    assert parse_sweep(GRID).head(count) == [parse_sweep(GRID).trial(number) for number in range(1, length + 1)]


def test_a_grid_of_ten_to_the_twelve_costs_nothing() -> None:
    sweep = parse_sweep({"method": "grid", "parameters": {name: {"min": 0, "max": 999} for name in "abcd"}})
    assert sweep.size == 10**12
    assert sweep.trial(1) == {"a": 0, "b": 0, "c": 0, "d": 0}
    assert sweep.trial(123_456_789_013) == {"a": 123, "b": 456, "c": 789, "d": 12}
    assert sweep.trial(10**12) == {"a": 999, "b": 999, "c": 999, "d": 999}


def test_these_trials_are_the_same_for_ever() -> None:
    # A change here means that sweeps under way would go on with other trials than those planned.
    assert [list(trial.values()) for trial in parse_sweep(RANDOM).head(3)] == [
        [{"a": [1, None]}, None, "c", 2, 0.040340541868247315, 0.8, 0.0008701951431118511, 0.010630035300268233, 80],
        [{"a": [1, None]}, 1, "a", 4, 0.17873260545220915, 0.6, 0.0005081614007106428, 0.0301338177690599, 48],
        [{"a": [1, None]}, True, "a", 4, 0.9423060899107618, 0.6, 0.019681560791443096, 0.0017590494985599678, 48],
    ]


def test_the_fingerprint_is_the_same_for_ever() -> None:
    assert fingerprint(parse_sweep(GRID)) == "e32ee3bfc0337f79c35a3fbc199f893bb37584d7f1a178326e996ed73dcf6ca3"
    assert fingerprint(parse_sweep(RANDOM)) == "118fd7fdcd43d8b4d161408b42aeafc0f238c0efbcafe043473f37bd8fb3f03e"


def test_the_seed_changes_every_trial_and_its_default_is_zero() -> None:
    one, other = parsed(RANDOM, seed=1), parsed(RANDOM, seed=2)
    assert all(a["float"] != b["float"] for a, b in zip(one.head(50), other.head(50), strict=True))
    assert parsed(RANDOM, seed=None).head(3) == parsed(RANDOM, seed=0).head(3)
    assert parsed(GRID, seed=1).head(6) == parsed(GRID, seed=2).head(6)


def test_what_a_trial_gives_belongs_to_the_caller() -> None:
    sweep = parse_sweep(RANDOM)
    sweep.trial(1)["constant"]["a"].append("spoilt")
    assert sweep.trial(1)["constant"] == {"a": [1, None]}


def test_a_sweep_does_not_change_with_what_it_was_read_from() -> None:
    raw = json.loads(json.dumps(GRID))
    sweep = parse_sweep(raw)
    raw["parameters"]["model"]["values"].append("spoilt")
    raw["parameters"].clear()
    assert sweep == parse_sweep(GRID)


def test_the_fields() -> None:
    sweep = parse_sweep(RANDOM)
    assert (sweep.name, sweep.method, sweep.run_cap, sweep.seed, sweep.max_parallel) == (
        "nightly",
        Method.RANDOM,
        100,
        7,
        4,
    )
    assert sweep.metric == Metric(name="loss", goal=Goal.MAXIMIZE)
    assert parsed(RANDOM, metric={"name": "loss"}).metric == Metric(name="loss", goal=Goal.MINIMIZE)
    assert parsed(RANDOM, metric=None, max_parallel=None, name=None).metric is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"value": None}, {"distribution": "constant", "value": None}),
        ({"values": [1]}, {"distribution": "categorical", "values": [1]}),
        (
            {"values": [1, 2], "probabilities": [0.5, 0.5], "distribution": "categorical"},
            {"values": [1, 2], "probabilities": [0.5, 0.5], "distribution": "categorical_w_probabilities"},
        ),
        ({"min": 0, "max": 1}, {"distribution": "int_uniform", "min": 0, "max": 1}),
        ({"min": 0.0, "max": 1}, {"distribution": "uniform", "min": 0.0, "max": 1}),
        ({"min": 0, "max": 1.0}, {"distribution": "uniform", "min": 0, "max": 1.0}),
        ({"min": 0, "max": 1, "distribution": "uniform"}, {"distribution": "uniform", "min": 0, "max": 1}),
        ({"min": 0, "max": 9, "distribution": "q_uniform"}, {"distribution": "q_uniform", "min": 0, "max": 9, "q": 1}),
    ],
    ids=str,
)
def test_what_is_meant_where_no_distribution_is_named(written: dict[str, Any], meant: dict[str, Any]) -> None:
    sweep = space(x=written)
    assert sweep.definition()["parameters"] == {"x": meant}
    assert fingerprint(sweep) == fingerprint(space(x=meant))


@pytest.mark.parametrize("raw", [GRID, RANDOM], ids=["grid", "random"])
def test_a_definition_survives_json(raw: dict[str, Any]) -> None:
    sweep = parse_sweep(raw)
    again = parse_sweep(json.loads(json.dumps(sweep.definition())))
    assert again == sweep
    assert list(again.parameters) == list(sweep.parameters)
    assert fingerprint(again) == fingerprint(sweep)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"run_cap": 2},
        {"max_parallel": 2},
        {"name": "other"},
        {"metric": {"name": "loss"}},
        {"method": "random", "run_cap": 6},
        {"parameters": dict(reversed(GRID["parameters"].items()))},  # type: ignore[attr-defined]
        {"parameters": {**GRID["parameters"], "depth": {"min": 1, "max": 4}}},  # type: ignore[dict-item]
    ],
    ids=str,
)
def test_every_change_shows_in_the_fingerprint(change: dict[str, Any]) -> None:
    assert fingerprint(parsed(GRID, **change)) != fingerprint(parse_sweep(GRID))


def test_the_fingerprint_tells_values_of_different_types_apart() -> None:
    marks = {fingerprint(space(x={"value": value})) for value in (1, 1.0, True, "1", [1], None, "None")}
    assert len(marks) == 7


BOUNDS = st.integers(-100, 100) | st.floats(-100, 100) | st.floats(1e15, 1e17)


@given(BOUNDS, st.floats(0, 20), st.sampled_from([1, 3, 8]) | st.floats(1e-17, 10, exclude_min=True))
def test_a_grid_of_multiples_never_has_a_point_twice(low: float, width: float, q: float) -> None:
    spec = {"distribution": "q_uniform", "min": low, "max": low + width, "q": q}
    try:
        sweep = parse_sweep({"method": "grid", "run_cap": 1000, "parameters": {"x": spec}})
    except SweepFaults:
        return  # no multiple, or closer together than floats are
    points = [trial["x"] for trial in sweep.head(1000)]
    assert points == sorted(set(points))
    # As floats, because 4.77e16 as written is not quite the binary number that stands for it.
    assert float(points[0]) == low
    assert float(points[-1]) <= low + width


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@given(st.lists(JSON, min_size=1, max_size=6), st.integers(1, 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_a_random_trial_is_one_of_the_values_and_always_the_same(values: list[Any], number: int, seed: int) -> None:
    raw = {"method": "random", "run_cap": number, "seed": seed, "parameters": {"x": {"values": values}}}
    trial = parse_sweep(raw).trial(number)
    assert trial["x"] in values
    assert parse_sweep(parse_sweep(raw).definition()).trial(number) == trial
