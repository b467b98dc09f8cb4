"""Sweeps made larger under way: what there is stays as it is, and nothing comes twice."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.domain import extension
from worker.domain.extension import extend
from worker.domain.jsonvalues import canonical
from worker.domain.sweep import Sweep, fingerprint, parse_sweep

VALUES = [1, 2, 3, 4]
WHENS = [None, "a < 3", "a == 2 or a == 4"]
WHERES = [None, "a != b", "b == None or a + b > 3"]


def grid(**words: Any) -> Sweep:
    return parse_sweep({"method": "grid", **words})


@st.composite
def growing(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Definitions of which each has all values of the one before."""
    order = {name: draw(st.permutations(VALUES)) for name in "ab"}
    have: dict[str, set[int]] = {name: {1} for name in order}
    when, where = draw(st.sampled_from(WHENS)), draw(st.sampled_from(WHERES))
    zipped, cap = draw(st.booleans()), draw(st.integers(1, 6))
    found = []
    for _ in range(draw(st.integers(2, 4))):
        for name in have:
            have[name] |= draw(st.sets(st.sampled_from(VALUES), max_size=2))
        parameters: dict[str, Any] = {name: {"values": [v for v in order[name] if v in have[name]]} for name in order}
        parameters["r"] = {"min": 1, "max": 1 + max(have["a"])}
        if zipped:
            parameters["z"] = {"values": [value % 2 for value in parameters["b"]["values"]]}
        if when:
            parameters["b"]["when"] = when
        cap += draw(st.integers(0, 9))
        words = {"parameters": parameters, "where": where, "run_cap": cap}
        found.append(words | ({"zip": [["b", "z"]]} if zipped else {}))
    if draw(st.booleans()):
        del found[-1]["run_cap"]
    return found


@settings(max_examples=80)
@given(growing())
def test_an_extended_grid_begins_as_it_was_and_has_every_trial_once(steps: list[dict[str, Any]]) -> None:
    try:
        sweeps = [grid(**words) for words in steps]
    except ValueError:
        return  # nothing satisfies where
    sweep = sweeps[0]
    for new in sweeps[1:]:
        before = sweep.head(10_000)
        sweep = extend(sweep, new)
        trials = sweep.head(10_000)
        assert trials[: len(before)] == before
        assert sweep.size == len(trials) >= len(before)
        assert len({canonical(trial) for trial in trials}) == len(trials)
        assert all(sweep.has(trial) for trial in trials)
        full = grid(**{key: part for key, part in steps[sweeps.index(new)].items() if key != "run_cap"})
        assert {canonical(trial) for trial in trials} <= {canonical(trial) for trial in full.head(10_000)}
        assert sweep.size == min(full.size, new.run_cap or full.size)
        again = parse_sweep(sweep.definition())
        assert (again, fingerprint(again)) == (sweep, fingerprint(sweep))
        assert again.trial(sweep.size) == trials[-1]


def test_an_extension_shows_in_the_fingerprint() -> None:
    old, new = grid(parameters={"a": {"values": [1]}}), grid(parameters={"a": {"values": [1, 2]}})
    assert len({fingerprint(sweep) for sweep in (old, new, extend(old, new))}) == 3


@pytest.mark.parametrize("method", ["random", "sobol", "bayes"])
def test_more_of_the_same(method: str) -> None:
    raw = {"method": method, "parameters": {"x": {"min": 0.0, "max": 1}}, "metric": {"name": "loss"}}
    old = parse_sweep({**raw, "run_cap": 5, "max_parallel": 1})
    target = {"name": "loss", "target": 0.1}
    new = parse_sweep({**raw, "run_cap": 9, "max_parallel": 2, "budget": {"runs": 4}, "metric": target})
    assert extend(old, new) == new
    assert extend(old, old) == old
    with pytest.raises(ValueError, match=r"^run_cap was 9 and is 5; an extension takes no trial away$"):
        extend(new, old)
    with pytest.raises(ValueError, match=r"^seed is another; only a larger run_cap, or more values, extend a sweep$"):
        extend(old, parse_sweep({**raw, "run_cap": 9, "seed": 1}))
    with pytest.raises(ValueError, match=r"^metrics is another; "):
        extend(old, parse_sweep({**raw, "run_cap": 9, "metric": {"name": "loss", "goal": "maximize"}}))
    with pytest.raises(ValueError, match=r"^where is another; "):
        extend(old, parse_sweep({**raw, "run_cap": 9, "where": "x < 0.5"}))


def test_a_list_grows_at_its_end() -> None:
    def listed(*values: Any, **more: Any) -> Sweep:
        return parse_sweep({"method": "list", "points": [{"a": value} for value in values], **more})

    assert extend(listed(1, 2), listed(1, 2, 3)).head(9) == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert extend(listed(1, 2, run_cap=1), listed(1, 2)).size == 2
    for points in ((1,), (2, 1, 3), (1, 2.0, 3), (1, True)):
        with pytest.raises(
            ValueError, match=r"^the points that there were have changed; add further ones behind them$"
        ):
            extend(listed(1, 2), listed(*points))
    with pytest.raises(ValueError, match=r"^run_cap was left out, for 2 trials and is 1; "):
        extend(listed(1, 2), listed(1, 2, run_cap=1))


A, RANGE = {"values": [1, 2]}, {"min": 0, "max": 10**7}
STEPS = {"distribution": "q_uniform", "min": 0, "max": 10**7}


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ({"a": A}, {"a": A, "b": A}, "b is a new parameter, which the trials that there are have not"),
        ({"a": A, "b": A}, {"a": A}, "b is left out"),
        ({"a": A, "b": A}, {"b": A, "a": A}, "the parameters stand in another order"),
        ({"a": A}, {"a": {"values": [1, 3]}}, "a has no longer the value 2; an extension only adds values"),
        ({"a": A}, {"a": {"min": 2, "max": 3}}, "a has no longer the value 1; an extension only adds values"),
        (
            {"a": A},
            {"a": {**A, "when": "True"}},
            "when of a is another; only more values, or a larger run_cap, extend a grid",
        ),
        (
            {"a": RANGE},
            {"a": {"min": 1, "max": 10**8}},
            "a has too many values to compare; extend it by larger bounds of the same distribution",
        ),
        (
            {"a": STEPS},
            {"a": {**STEPS, "min": 0.5}},
            "a has too many values to compare; extend it by larger bounds of the same distribution",
        ),
        (
            {"a": RANGE},
            {"a": {"min": -1, "max": 10**7}},
            "the grid has more than 1000000 points; say with run_cap how many trials to run in all",
        ),
    ],
    ids=str,
)
def test_what_does_not_extend_a_grid(old: dict[str, Any], new: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the sentence is compared
        extend(grid(parameters=old), grid(parameters=new))
    assert str(caught.value) == sentence


def test_other_ways_that_do_not_extend() -> None:
    one = grid(parameters={"a": A})
    random = parse_sweep({"method": "random", "run_cap": 1, "parameters": {"a": A}})
    with pytest.raises(ValueError, match=r"^the method was grid and is random; that is another sweep$"):
        extend(one, random)
    lhs = parse_sweep({"method": "lhs", "run_cap": 1, "parameters": {"a": A}})
    with pytest.raises(ValueError, match=r"^an lhs sweep has as many strata as trials and cannot be extended; "):
        extend(lhs, lhs)
    more = extend(one, grid(parameters={"a": {"values": [1, 2, 3]}}))
    with pytest.raises(ValueError, match=r"^what is added has been extended itself; "):
        extend(one, more)
    with pytest.raises(TypeError, match=r"^the trials of a random sweep cannot be looked up$"):
        random.has({"a": 1})


def test_a_grid_of_ten_to_the_twelve_is_extended_at_no_cost() -> None:
    sides = {name: {"min": 0, "max": 999} for name in "abcd"}
    old = grid(parameters=sides, run_cap=10)
    more = extend(old, grid(parameters=sides, run_cap=20))
    assert (more.before, more.size) == (None, 20)
    wider = extend(more, grid(parameters={**sides, "d": {"min": -1, "max": 999}}, run_cap=25))
    assert wider.head(20) == more.head(20)
    assert [trial["d"] for trial in wider.head(25)[20:]] == [-1, 20, 21, 22, 23]
    finer = {**sides, "d": {"distribution": "q_uniform", "min": 0, "max": 999, "q": 0.5}}
    assert extend(more, grid(parameters=finer, run_cap=21)).trial(21) == {"a": 0, "b": 0, "c": 0, "d": 0.5}


def test_quantized_ranges() -> None:
    old = {"distribution": "q_uniform", "min": 1, "max": 10**7, "q": 3}
    for better in ({"min": -2}, {"q": 1}, {"q": 1.5}, {"max": 10**8}):
        sweep = extend(grid(parameters={"a": old}, run_cap=2), grid(parameters={"a": {**old, **better}}, run_cap=5))
        assert [trial["a"] for trial in sweep.head(2)] == [1, 4]
        assert sweep.size == 5


def test_it_is_not_extended_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extension, "MOST_TIMES", 2)
    sweep = grid(parameters={"a": {"min": 0, "max": 1}})
    for high in (2, 3):
        sweep = extend(sweep, grid(parameters={"a": {"min": 0, "max": high}}))
    assert [trial["a"] for trial in sweep.head(9)] == [0, 1, 2, 3]
    with pytest.raises(ValueError, match=r"^it was extended 2 times already; start another sweep$"):
        extend(sweep, grid(parameters={"a": {"min": 0, "max": 4}}))
