"""A configuration beside the body that came of it."""

from typing import Any

import yaml

from worker.web.sidebyside import beside


def sides(written: dict[str, Any], made: dict[str, Any]) -> list[tuple[str, str]]:
    def told(line: Any) -> str:
        return "" if line.filler else f"{'›' if line.differs else ' '}{line.text}"

    return [(told(left), told(right)) for left, right in beside(written, made)]


def test_only_what_differs_is_marked_and_both_stay_beside_each_other() -> None:
    written = {"a": 1, "steps": {"one": {"day": "{{ x }}", "rate": 0.1}}, "tags": ["mine"]}
    made = {"a": 1, "steps": {"one": {"day": "2026-03-02", "rate": 0.1}}, "tags": ["mine", "ours"], "run_name": "r"}
    assert sides(written, made) == [
        (" a: 1", " a: 1"),
        (" steps:", " steps:"),
        ("   one:", "   one:"),
        ("›    day: '{{ x }}'", "›    day: '2026-03-02'"),
        ("     rate: 0.1", "     rate: 0.1"),
        (" tags:", " tags:"),
        (" - mine", " - mine"),
        ("", "›- ours"),
        ("", "›run_name: r"),
    ]


def test_a_value_that_became_another_kind_is_marked_as_a_whole() -> None:
    assert sides({"a": "{{ list }}", "b": {}}, {"a": [1, 2], "b": {}}) == [
        ("›a: '{{ list }}'", "›a:"),
        ("", "›- 1"),
        ("", "›- 2"),
        (" b: {}", " b: {}"),
    ]


def test_both_sides_are_the_yaml_of_what_they_show() -> None:
    written = {"null": None, "é": "ß " * 80, "deep": [{"a": [1, {"b": "{{ x }}"}]}, "text: with colon"], "e": {}}
    made = {"null": None, "é": "ß " * 80, "deep": [{"a": [1, {"b": "a\nb"}]}, "text: with colon"], "e": {}, "f": [[1]]}
    pairs = beside(written, made)
    for side, value in ((0, written), (1, made)):
        text = "\n".join(pair[side].text for pair in pairs if not pair[side].filler)
        assert yaml.safe_load(text) == value
    assert beside(made, made) == [(left, left) for left, _ in beside(made, made)]
