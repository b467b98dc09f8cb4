from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.errors import Fault, InvalidInput
from worker.domain.overlay import path_clashes
from worker.domain.sweep import overlay


@pytest.mark.parametrize(
    ("config", "params", "result"),
    [
        ({}, {}, {}),
        ({"a": 1}, {"lr": 2}, {"a": 1}),
        ({}, {"a.b.c": 1}, {"a": {"b": {"c": 1}}}),
        ({"a": None}, {"a.b": 1}, {"a": {"b": 1}}),
        ({"a": {"b": 1, "c": 2}}, {"a.b": 3}, {"a": {"b": 3, "c": 2}}),
        ({"a": {"b": {"c": 2}}}, {"a.b": 3}, {"a": {"b": 3}}),
        ({"a": {"b": 1}}, {"a.b": {"x": 1}}, {"a": {"b": {"x": 1}}}),
        ({"a": {"b": 1}}, {"a.c": 2, "a.d": None, "lr": 3}, {"a": {"b": 1, "c": 2, "d": None}}),
    ],
)
def test_overlay(config: dict[str, Any], params: dict[str, Any], result: dict[str, Any]) -> None:
    before = deepcopy(config)
    assert overlay(config, params) == result
    assert config == before


def test_what_the_paths_touch_is_a_copy() -> None:
    config = {"a": {"b": {"c": 1}, "other": {"d": 1}}}
    result = overlay(config, {"a.b.c": 2})
    result["a"]["b"]["new"] = result["a"]["new"] = result["new"] = 1
    assert config == {"a": {"b": {"c": 1}, "other": {"d": 1}}}


def test_every_path_that_leads_nowhere_is_named() -> None:
    config = {"a": {"b": "text"}, "tags": ["x"], "n": 1}
    with pytest.raises(InvalidInput) as caught:
        overlay(config, {"a.b.c.d": 1, "a.ok": 1, "tags.0": 1, "n.x": 1})
    assert caught.value.faults == (
        Fault(path="a.b.c.d", message="the parameter leads through a.b, which is a text and not a mapping"),
        Fault(path="tags.0", message="the parameter leads through tags, which is a list and not a mapping"),
        Fault(path="n.x", message="the parameter leads through n, which is a number and not a mapping"),
    )


@pytest.mark.parametrize(
    ("names", "clashes"),
    [
        (["a.b", "a.c", "a.bc.d"], {}),
        (["a", "a.b"], {}),
        (["a.b.c", "a.b"], {"a.b.c": "a.b"}),
        (["a.b", "a.b.c.d", "a.b.x"], {"a.b.c.d": "a.b", "a.b.x": "a.b"}),
    ],
)
def test_path_clashes(names: list[str], clashes: dict[str, str]) -> None:
    assert path_clashes(names) == clashes


PATHS = st.lists(st.sampled_from("abc"), min_size=2, max_size=4).map(".".join)


@given(st.dictionaries(PATHS, st.integers(), max_size=6))
def test_paths_without_clash_are_all_found_again(params: dict[str, int]) -> None:
    params = {name: value for name, value in params.items() if name not in path_clashes(params)}
    result: Any = overlay({}, params)
    for name, value in params.items():
        node = result
        for step in name.split("."):
            node = node[step]
        assert node == value
