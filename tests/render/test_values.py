"""What comes of expressions: values, texts, times."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from worker.render import RenderError, compile_config, merge

BERLIN = ZoneInfo("Europe/Berlin")
# The clocks were set forward two hours before: 02:00 to 03:00 does not exist on this day.
FIRE_TIME = datetime(2026, 3, 29, 4, 0, tzinfo=BERLIN)
CONTEXT = {
    "fire_time": FIRE_TIME,
    "previous_fire_time": None,
    "schedule": {"name": "nightly", "pipeline": "training", "timezone": "Europe/Berlin"},
    "params": {"lr": 0.1, "items": 3, "steps.trainer.parameters.depth": 7},
    "trial": 3,
    "sweep": {"name": "s", "id": "1"},
}


def render(text: Any) -> Any:
    return compile_config({"x": text}).render(CONTEXT)["x"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ trial + 1 }}", 4),
        ("{{ params.lr }}", 0.1),
        ("{{ trial > 2 }}", True),
        ("{{ none }}", None),
        ("{{ [1, 2.0, 'a', none, true] }}", [1, 2.0, "a", None, True]),
        ("{{ (1, 2) }}", [1, 2]),
        ("{{ {'a': {'b': 1}} }}", {"a": {"b": 1}}),
        ("{{ params }}", CONTEXT["params"]),
        ("{{ range(3) }}", [0, 1, 2]),
        ("  {{ trial }}\n", 3),
        ("{{- trial -}}", 3),
        ("{{ 'text' }}", "text"),
    ],
)
def test_one_whole_expression_keeps_its_type(text: str, value: object) -> None:
    got = render(text)
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("trial {{ trial }}", "trial 3"),
        ("{{ trial }}{{ trial }}", "33"),
        (" x {{ trial }}\n", " x 3\n"),
        ("{% if trial > 2 %}big{% elif trial %}middle{% else %}small{% endif %}", "big"),
        ("{# nothing #}", ""),
        ("{% raw %}{{ trial }}{% endraw %}", "{{ trial }}"),
        ("no { expression } at }} all", "no { expression } at }} all"),
        ("<&>\"'{{ '<' }}", "<&>\"'<"),
    ],
)
def test_anything_else_is_a_text(text: str, value: str) -> None:
    assert render(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ fire_time }}", "2026-03-29T04:00:00+02:00"),
        ("{{ fire_time.date() }}", "2026-03-29"),
        ("{{ fire_time.time() }}", "04:00:00"),
        ("{{ fire_time | date }}", "2026-03-29T04:00:00+02:00"),
        ("{{ fire_time | date('%Y-%m-%d') }}", "2026-03-29"),
        ("{{ fire_time | date('%H:%M', 'UTC') }}", "02:00"),
        ("{{ fire_time.isocalendar().week }}", 13),
        ("{{ previous_fire_time or fire_time }}", "2026-03-29T04:00:00+02:00"),
    ],
)
def test_times(text: str, value: object) -> None:
    assert render(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ fire_time - days(1) }}", "2026-03-28T04:00:00+01:00"),  # the same time of day, 23 hours before
        ("{{ fire_time - hours(24) }}", "2026-03-28T04:00:00+01:00"),  # whole days are days on the calendar
        ("{{ fire_time - hours(2) }}", "2026-03-29T01:00:00+01:00"),  # hours that passed, not hours on the clock
        ("{{ hours(2) + (fire_time - hours(2)) }}", "2026-03-29T04:00:00+02:00"),
        ("{{ fire_time + days(1) - minutes(90) }}", "2026-03-30T02:30:00+02:00"),
        ("{{ fire_time - days(1.5) }}", "2026-03-27T16:00:00+01:00"),
        ("{{ (fire_time - hours(1)) - minutes(30) }}", "2026-03-29T01:30:00+01:00"),
        ("{{ (fire_time - (fire_time - days(1))).total_seconds() }}", 23 * 3600.0),
        ("{{ (hours(1) * 2).total_seconds() }}", 7200.0),
        ("{{ fire_time.replace(tzinfo=none) - days(1) }}", "2026-03-28T04:00:00"),
    ],
)
def test_days_are_days_on_the_calendar_and_hours_are_elapsed(text: str, value: object) -> None:
    assert render(text) == value


def test_a_day_that_leads_into_a_gap_gives_a_time_that_exists() -> None:
    context = {"fire_time": datetime(2026, 3, 28, 2, 30, tzinfo=BERLIN)}
    body = compile_config({"x": "{{ fire_time + days(1) }}"}).render(context)
    assert body == {"x": "2026-03-29T03:30:00+02:00"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ params.items }}", 3),  # a key, not the method of dict
        ("{{ params['steps.trainer.parameters.depth'] }}", 7),
        ("{{ params.missing | default(4) }}", 4),
        ("{{ params.missing is defined }}", False),
        ("{{ '%03d' % trial }}", "003"),
        ("{{ '4.7' | int }}", 4),
        ("{{ '4.5' | float }}", 4.5),
        ("{{ 4.567 | round(1) }}", 4.6),
        ("{{ [3, 1, 2] | sort | join('-') }}", "1-2-3"),
        ("{{ 'a-b' | replace('-', '_') }}", "a_b"),
        ("{{ 'a%2Fb+c%C3%A4' | urldecode }}", "a/b cä"),
        ("{{ [1, 2] | sum }}", 3),
        ("{{ 'ab' | list }}", ["a", "b"]),
        ("{{ {'a': 1} | tojson }}", '{"a":1}'),
        ("{{ 'ab' * 3 }}", "ababab"),
        ("{{ 2 ** 10 }}", 1024),
        ("{{ 7 % 4 }}", 3),
        ("{{ 'a,b'.split(',') }}", ["a", "b"]),
        ("{{ 'a' + 'b' }}", "ab"),
        ("{{ 3 - 1.5 }}", 1.5),
    ],
)
def test_what_can_be_computed(text: str, value: object) -> None:
    assert render(text) == value


def test_what_is_fixed_stays_as_it_is_and_where_it_is() -> None:
    config = {"b": 1, "steps": {"t": {"parameters": {"x": "{{ trial }}", "y": [1, "{{ trial }}", None]}}}, "a": 2.5}
    body = compile_config(config).render(CONTEXT)
    assert body == {"b": 1, "steps": {"t": {"parameters": {"x": 3, "y": [1, 3, None]}}}, "a": 2.5}
    assert list(body) == ["b", "steps", "a"]
    assert config["steps"]["t"]["parameters"]["x"] == "{{ trial }}"  # type: ignore[index]


def test_bodies_of_one_configuration_are_apart() -> None:
    compiled = compile_config({"tags": [], "x": {"y": "{{ trial }}", "fixed": 1}})
    first, second = (compiled.render({"trial": trial}) for trial in (1, 2))
    assert first["x"] == {"y": 1, "fixed": 1}
    assert second["x"] == {"y": 2, "fixed": 1}


def test_configurations_that_python_calls_equal_are_not_taken_for_one_another() -> None:
    bodies = [compile_config({"x": value, "y": "{{ 1 }}"}).render({}) for value in (1, 1.0, True)]
    assert [type(body["x"]) for body in bodies] == [int, float, bool]


def test_more_configurations_than_are_remembered() -> None:
    for number in range(5_000):
        assert compile_config({"x": number, "y": "{{ 1 }}"}).render({}) == {"x": number, "y": 1}


def test_a_value_that_can_be_called_is_asked_only_if_it_is_used() -> None:
    asked = []
    context = {"previous_fire_time": lambda: asked.append(1) or datetime(2026, 1, 1, tzinfo=UTC), "trial": 1}
    compile_config({"x": "{{ trial }}"}).render(context)
    assert asked == []
    body = compile_config({"x": "{{ previous_fire_time }} {{ previous_fire_time.year }}"}).render(context)
    assert body == {"x": "2026-01-01 00:00:00+00:00 2026"}
    assert asked == [1]


@pytest.mark.parametrize(
    ("under", "over", "merged"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}}, {"a": {"b": 1, "c": 3}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"b": 1}}, {"a": None}, {"a": None}),
        ({"a": 1}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    ],
)
def test_merge(under: dict[str, Any], over: dict[str, Any], merged: dict[str, Any]) -> None:
    before = repr((under, over))
    assert merge(under, over) == merged
    assert repr((under, over)) == before


def test_a_fault_has_the_dotted_path() -> None:
    with pytest.raises(RenderError) as caught:
        compile_config({"steps": {"t": {"parameters": [1, "{{ trial / 0 }}"]}}}).render(CONTEXT)
    assert str(caught.value) == "steps.t.parameters.1: the expression fails: division by zero"


def test_a_name_that_has_no_value_here_is_a_fault() -> None:
    with pytest.raises(RenderError, match=r"^x: 'fire_time' is undefined$"):
        compile_config({"x": "{{ fire_time }}"}).render({})
