"""Sweeps of which only some combinations are trials: when, where and zip, against every combination written out."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from worker.domain import grid, samplers
from worker.domain.axes import axes_of
from worker.domain.condition import Condition
from worker.domain.jsonvalues import canonical
from worker.domain.rules import Rules
from worker.domain.sweep import NothingSatisfies, Sweep, SweepFaults, parse_sweep


def of(method: str = "grid", **words: Any) -> Sweep:
    return parse_sweep({"method": method, **words})


WHENS = [None, "a == 1", "b > 1", "a == None", "a == 1 or b == 1", "c in [1, 2]"]
WHERES = [None, "a != b", "a < 3 or c == 1", ["a == 1 or b == 1", "d != 3"], "b == None", "a + b + c >= 4"]
COUNTS = st.integers(1, 3)


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Any]:
    """A grid of a, b, c, d, of which c and d, and maybe b, hang on conditions, and two may be zipped."""
    counts = {name: draw(COUNTS) for name in "abcd"}
    group = draw(st.sampled_from([None, "ab", "cd", "bd"]))
    parameters: dict[str, Any] = {}
    for name, count in counts.items():
        if group and name in group:
            # In a group a value may come twice, as long as the others differ.
            count = counts[group[0]]
            values = [1 + place // 2 for place in range(count)] if name == group[1] else list(range(1, count + 1))
            parameters[name] = {"values": values}
        else:
            parameters[name] = draw(
                st.sampled_from([{"values": list(range(1, count + 1))}, {"min": 1, "max": 1 + count}])
            )
    for name, among in (("b", WHENS[:2] + WHENS[3:4]), ("c", WHENS[:5]), ("d", WHENS)):
        if when := draw(st.sampled_from(among)):
            parameters[name] = {**parameters[name], "when": when}
    raw = {"method": "grid", "parameters": parameters, "where": draw(st.sampled_from(WHERES))}
    return raw | ({"zip": [list(group)]} if group else {})


def written_out(sweep: Sweep) -> list[dict[str, Any]]:
    """Give every trial by trying all combinations, the first of each kind."""
    axes = axes_of(sweep.parameters, sweep.zip)
    rules = Rules(sweep.when, sweep.where)
    found: dict[str, dict[str, Any]] = {}
    for positions in product(*(range(axis.count) for axis in axes)):
        values: dict[str, Any] = {}
        for axis, position in zip(axes, positions, strict=True):
            values |= axis.values(position)
        rules.drop(values)
        if rules.admit(values):
            found.setdefault(canonical(values), {name: values[name] for name in sweep.parameters if name in values})
    return list(found.values())


@settings(max_examples=300)
@given(definitions())
def test_a_grid_is_complete_and_has_no_trial_twice(raw: dict[str, Any]) -> None:
    try:
        sweep = parse_sweep(raw)
    except SweepFaults as error:
        assume(all(path != ("where",) for path, _ in error.faults))
        raise
    expected = written_out(sweep)
    assert sweep.head(1000) == expected
    assert sweep.size == len(expected)
    assert all(sweep.has(trial) for trial in expected)
    assert not any(sweep.has(other) for other in ({}, {**expected[0], "a": 99}, {**expected[0], "other": 1}))
    assert [sweep.trial(number) for number in range(sweep.size, 0, -1)] == expected[::-1]
    again = parse_sweep(sweep.definition())
    assert (again, again.size) == (sweep, sweep.size)
    capped = parse_sweep({**raw, "run_cap": 3})
    assert capped.head(1000) == expected[:3]
    assert capped.size == min(3, len(expected))


@given(st.sampled_from(["random", "sobol"]), st.integers(0, 5), st.integers(1, 30))
def test_drawn_trials_keep_to_the_rules_and_stay_when_there_are_more(method: str, seed: int, cap: int) -> None:
    raw = {
        "method": method,
        "seed": seed,
        "parameters": {
            "optimizer": {"values": ["sgd", "adam"]},
            "momentum": {"min": 0.1, "max": 0.9, "when": "optimizer == 'sgd'"},
            "x": {"min": 0.0, "max": 1},
            "batch": {"values": [16, 32, 64]},
            "steps": {"values": [400, 200, 100]},
        },
        "zip": [["batch", "steps"]],
        "where": "x < 0.5 and batch != 64",
    }
    sweep, more = parse_sweep({**raw, "run_cap": cap}), parse_sweep({**raw, "run_cap": 40})
    trials = sweep.head(cap)
    assert trials == more.head(cap)
    assert len(trials) == sweep.size == cap
    for trial in trials:
        assert ("momentum" in trial) is (trial["optimizer"] == "sgd")
        assert trial["x"] < 0.5
        assert (trial["batch"], trial["steps"]) in [(16, 400), (32, 200)]
    assert parse_sweep(sweep.definition()).trial(cap) == trials[-1]


def test_a_random_trial_without_where_is_what_it_was() -> None:
    parameters = {"x": {"min": 0.0, "max": 1}}
    plain = of("random", run_cap=50, parameters=parameters).head(50)
    kept = of("random", run_cap=50, parameters=parameters, where="x < 0.5").head(50)
    assert all(one == other for one, other in zip(plain, kept, strict=True) if one["x"] < 0.5)


def test_nothing_satisfies() -> None:
    sweep = of("random", run_cap=3, parameters={"x": {"min": 0.0, "max": 1}}, where="x < 0.9")
    never = Condition("x > 1", frozenset("x"), lambda values: values["x"] > 1)
    broken = Sweep(method=sweep.method, parameters=sweep.parameters, run_cap=3, where=(never,))
    with pytest.raises(NothingSatisfies, match=r"^nothing satisfies x > 1 among 10000 draws for trial 2$"):
        broken.trial(2)
    for method, among in (("random", "draws for trial 1"), ("sobol", "points of the sequence in a row")):
        with pytest.raises(SweepFaults) as caught:
            of(method, run_cap=3, parameters={"x": {"min": 0.0, "max": 1}}, where="x > 1")
        assert caught.value.faults == ((("where",), f"nothing satisfies x > 1 among 10000 {among}"),)
    with pytest.raises(SweepFaults) as caught:
        of(parameters={"x": {"values": [1]}}, where="x > 1")
    assert caught.value.faults == ((("where",), "holds for no trial at all"),)


class Counting:
    """A condition that counts how often it is asked."""

    def __init__(self, sweep: Sweep) -> None:
        self.asked = 0
        [self._real] = sweep.where
        self.sweep = Sweep(
            method=sweep.method,
            parameters=sweep.parameters,
            run_cap=sweep.run_cap,
            where=(Condition(self._real.text, self._real.uses, self._ask),),
        )

    def _ask(self, values: Mapping[str, Any]) -> bool:
        self.asked += 1
        return self._real.holds(values)


def test_reading_a_filtered_grid_from_one_end_to_the_other_looks_at_each_point_once() -> None:
    sides = {name: {"min": 1, "max": 630} for name in "ab"}
    counting = Counting(of(parameters=sides, where="(a + b) % 4 == 0"))
    sweep = counting.sweep
    trials = [sweep.trial(number) for number in range(1, 99_001)]
    assert len({tuple(trial.values()) for trial in trials}) == 99_000
    assert counting.asked <= 630 * 630
    counting.asked = 0
    assert sweep.trial(50_000) == trials[49_999]
    assert counting.asked <= 4 * 1_001
    counting.asked = 0
    assert sweep.trial(50_001) == trials[50_000]
    assert counting.asked <= 4
    assert sweep.size == 630 * 630 // 4
    counting.asked = 0
    assert sweep.size == 630 * 630 // 4
    assert sweep.trial(sweep.size) == {"a": 630, "b": 630}
    assert counting.asked <= 4 * 1_001


HUGE = {name: {"min": 0, "max": 999} for name in "abcd"}


def test_a_filtered_grid_of_ten_to_the_twelve_needs_a_run_cap_and_a_near_first_trial() -> None:
    with pytest.raises(SweepFaults) as caught:
        of(parameters=HUGE, where="d % 2 == 1")
    sentence = "the grid has more than 1000000 points before when and where; say with run_cap how many to run"
    assert caught.value.faults == ((("run_cap",), sentence),)
    sweep = of(parameters=HUGE, where="d % 2 == 1", run_cap=5000)
    assert (sweep.size, sweep.trial(501)) == (5000, {"a": 0, "b": 0, "c": 1, "d": 1})
    assert of(parameters=HUGE, run_cap=3).size == 3


def test_a_search_in_a_huge_grid_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid, "COUNTED", 5_000)
    monkeypatch.setattr("worker.domain.sweep.COUNTED", 5_000)
    monkeypatch.setattr("worker.domain.agreement.COUNTED", 5_000)
    with pytest.raises(SweepFaults) as caught:
        of(parameters=HUGE, where="a == 1", run_cap=5)
    sentence = "holds for none of the first 5000 points; let the parameters that it reads stand last"
    assert caught.value.faults == ((("where",), sentence),)
    ends = of(parameters=HUGE, where="c < 2", run_cap=5000)
    assert ends.size == 2000
    with pytest.raises(IndexError, match=r"^there is no trial 2001; the sweep has trials 1 to 2000$"):
        ends.trial(2001)


def faults(raw: dict[str, Any]) -> Iterator[tuple[tuple[Any, ...], str]]:
    with pytest.raises(SweepFaults) as caught:
        parse_sweep(raw)
    yield from caught.value.faults


AB = {"a": {"values": [1, 2]}, "b": {"values": [1, 2, 3]}, "x": {"min": 0.0, "max": 1.0}}
W = {"a": {"values": [1, 2], "probabilities": [0.5, 0.5]}, "b": {"values": [1, 2]}}


@pytest.mark.parametrize(
    ("words", "path", "sentence"),
    [
        ({"zip": "ab"}, ("zip",), "has to be a list of lists of names, such as [[a, b], [c, d]]"),
        ({"zip": ["ab"]}, ("zip",), "has to be a list of lists of names, such as [[a, b], [c, d]]"),
        ({"zip": [["a", 1]]}, ("zip", 0, 1), "has to be the name of a parameter, not a number"),
        ({"zip": [["a"]]}, ("zip", 0), "a group has at least two parameters"),
        ({"zip": [["a", "B"]]}, ("zip", 0, 1), 'there is no parameter "B"; did you mean "b"?'),
        ({"zip": [["a", "a"]]}, ("zip", 0, 1), "a is in group 1 already"),
        (
            {"zip": [["a", "x"]]},
            ("zip", 0, 1),
            "x has no values that could be counted; give values, or use int_uniform or q_uniform",
        ),
        ({"zip": [["a", "b"]], "parameters": W}, ("zip", 0, 0), "a has probabilities, which do not go with zip"),
        (
            {"zip": [["a", "b"]]},
            ("zip", 0),
            "parameters of a group have the same number of values; a has 2, b has 3",
        ),
        ({"where": 3}, ("where",), "has to be a text, not a number"),
        ({"where": True}, ("where",), "has to be an expression, not true; put it in quotes"),
        ({"where": "a <"}, ("where",), '"a <" is not an expression: invalid syntax'),
        ({"where": ["a < 3", "c < 3"]}, ("where", 1), 'there is no "c"; known are a, b, x'),
        ({"parameters": {"a": {"value": 1, "when": 1}}}, ("parameters", "a", "when"), "has to be a text, not a number"),
        ({"parameters": {"a": {"value": 1, "when": "b"}}}, ("parameters", "a", "when"), 'there is no "b"; known are a'),
        ({"parameters": {"a": {"value": 1, "when": "a"}}}, ("parameters", "a", "when"), "hangs on a itself"),
        (
            {"parameters": {"a": {"value": 1, "when": "b"}, "b": {"value": 1, "when": "a"}}},
            ("parameters", "a", "when"),
            "goes in a ring: a, b, a",
        ),
        ({"points": [{"a": 1}]}, ("points",), "points does not go with method: random; write method: list"),
    ],
    ids=str,
)  # fmt: skip
def test_rules_that_are_refused(words: dict[str, Any], path: Any, sentence: str) -> None:
    assert list(faults({"method": "random", "run_cap": 2, "parameters": AB, **words})) == [(path, sentence)]


def test_a_group_of_a_grid_has_each_place_once() -> None:
    parameters = {"a": {"values": [1, 1.0, 2, 1]}, "b": {"values": [1, 2, 3, 1]}}
    assert list(faults({"method": "grid", "parameters": parameters, "zip": [["a", "b"]]})) == [
        (("zip", 0), "has the same values at places 1 and 4; a grid takes each once")
    ]
    assert of("random", run_cap=9, parameters=parameters, zip=[["a", "b"]]).size == 9


def test_lhs_takes_no_rules() -> None:
    why = "would leave strata without a trial; use method: sobol"
    raw = {
        "method": "lhs",
        "run_cap": 4,
        "where": "a < 2",
        "parameters": {"a": {"value": 1}, "b": {"value": 1, "when": "a"}},
    }
    assert list(faults(raw)) == [
        (("where",), f"where does not go with lhs: it {why}"),
        (("parameters", "b", "when"), f"when does not go with lhs: it {why}"),
    ]
    assert list(faults({"method": "lhs", "run_cap": 2**53 + 1, "parameters": {"a": {"value": 1}}})) == [
        (("run_cap",), "is more than 2^53, the most of an lhs sweep")
    ]


def test_each_value_of_an_lhs_sweep_comes_as_often() -> None:
    raw = {"run_cap": 12, "parameters": {"x": {"min": 0.0, "max": 12}, "n": {"min": 1, "max": 4}}}
    trials = of("lhs", **raw).head(99)
    assert sorted(int(trial["x"]) for trial in trials) == list(range(12))
    assert sorted(trial["n"] for trial in trials) == sorted([1, 2, 3, 4] * 3)


def test_a_sobol_sweep_has_so_many_dimensions() -> None:
    def sobol(count: int, **more: Any) -> Sweep:
        space = {f"p{number}": {"min": 0.0, "max": 1} for number in range(count)}
        return of("sobol", run_cap=2, parameters=space | {"c": {"value": 1}}, **more)

    assert len(sobol(100).trial(2)) == 101
    with pytest.raises(SweepFaults) as caught:
        sobol(101)
    sentence = "a sobol sweep has at most 100 parameters that vary, not 101; use method: random"
    assert caught.value.faults == ((("parameters",), sentence),)


def test_the_attempt_goes_into_the_hash() -> None:
    shares = {samplers.share(1, 2, "x", attempt) for attempt in range(100)}
    assert len(shares) == 100
    assert samplers.share(1, 2, "x", 0) == samplers.share(1, 2, "x")
