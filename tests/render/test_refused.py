"""What is refused when a file is loaded, or when it fires, each with its whole sentence."""

from datetime import UTC, datetime

import pytest

from worker.render import SCHEDULE_NAMES, SWEEP_NAMES, RenderError, compile_config, expression_faults, fixed_text

ONCE = "a body is rendered once and stored, so that a retry sends the same"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{{ now }}", f'"now" is not known: {ONCE}; use fire_time'),
        ("{{ now() }}", f'"now" is not known: {ONCE}; use fire_time'),
        ("{{ today }}", f'"today" is not known: {ONCE}; use fire_time | date("%Y-%m-%d")'),
        ("{{ attempt }}", f'"attempt" is not known: {ONCE}'),
        ("{{ upstream.x }}", '"upstream" is known in a schedule with after only'),
        ("{{ upstreams }}", '"upstreams" is known in a schedule with after only'),
        ("{{ last_succes }}", '"last_succes" is not known; did you mean "last_success"?'),
        ("{{ window_strat }}", '"window_strat" is not known; did you mean "window_start"?'),
        ("{{ fire_tme }}", '"fire_tme" is not known; did you mean "fire_time"?'),
        ("{{ dayz(1) }}", '"dayz" is not known; did you mean "days"?'),
        ("{{ trial }}", '"trial" is known in a sweep only'),
        ("{{ fire_time | dat }}", 'there is no filter "dat"; did you mean "date"?'),
        ("{{ 1 is prime }}", 'there is no test "prime"'),
        (
            "{{ fire_time",
            "the expression cannot be read: unexpected end of template, expected 'end of print statement'.",
        ),
        ("{{ 1 + }}", "the expression cannot be read: unexpected 'end of print statement'"),
        ("{% if fire_time %}", "the expression cannot be read: "),
        (
            "{% for i in range(3) %}{{ i }}{% endfor %}",
            "for is not possible; an expression such as range(3) | join(',') may do",
        ),
        ("{% set x = 1 %}", "set is not possible; write the expression where it is needed"),
        ("{% include 'x' %}", "include is not possible"),
        ("{% import 'x' as y %}", "import is not possible"),
        ("{% macro m() %}{% endmacro %}", "macro is not possible"),
        ("{% block b %}{% endblock %}", "block is not possible"),
        ("{% extends 'x' %}", "extends is not possible"),
        ("{% filter upper %}{% endfilter %}", "filterblock is not possible"),
        ("{% with %}{% endwith %}", "with is not possible"),
        ("{{ fire_time.__class__ }}", '"__class__" is out of bounds: no name with an underscore in front can be used'),
        (f"{{{{ '{'a' * 5000}' }}}}", "the text is too long: 5008 characters, at most 4096"),
        (f"{{{{ {'(' * 2000}1{')' * 2000} }}}}", "the expression is nested too deeply"),
        (f"{{{{ {'[' * 900}1{']' * 900} }}}}", "the expression is nested too deeply"),
        ("{{ 1 if [][1] else 2 }}", 'there is no "1" in a value of type list'),
        ("{{ days(count=1, count=2) }}", "the expression cannot be read: keyword argument repeated: count"),
        (float("inf"), "JSON has no infinite number, and no NaN"),
        (2**64, "the number is too large"),
    ],
)
def test_at_load(text: object, sentence: str) -> None:
    [(path, message)] = expression_faults({"a": {"b": [text]}}, SCHEDULE_NAMES)
    assert path == ("a", "b", 0)
    assert message.startswith(sentence) if sentence.endswith(": ") else message == sentence


def test_a_schedule_has_no_trial_and_a_sweep_no_fire_time() -> None:
    assert expression_faults({"x": "{{ fire_time }}"}, SWEEP_NAMES) == [
        (("x",), '"fire_time" is known in a schedule only')
    ]
    assert expression_faults({"x": "{{ params.lr }} {{ trial }} {{ sweep.name }}"}, SWEEP_NAMES) == []


def test_all_faults_at_once_in_the_order_of_the_text() -> None:
    config = {"a": "{{ now }}", "{{ b }}": 1, 3: "{{ x", "c": [{"d": "{{ e }}"}]}
    with pytest.raises(RenderError) as caught:
        compile_config(config)  # type: ignore[arg-type]
    assert [fault.path for fault in caught.value.faults] == ["a", "{{ b }}", "3", "3", "c.0.d"]
    assert caught.value.faults[1].message == "a key has to be a text, and cannot hold an expression"


def test_a_sample_finds_misspelt_attributes_and_nothing_else() -> None:
    sample = {"fire_time": datetime(2026, 1, 1, tzinfo=UTC), "schedule": {"name": "n"}, "previous_fire_time": None}
    config = {
        "a": "{{ schedule.nmae }}",
        "b": "{{ fire_time.yaer }}",
        "c": "{{ 1 / (fire_time.year - 2026) }}",
        "d": "{{ schedule.nmae | default('') }}",
        "e": "{{ previous_fire_time | date }}",
    }
    assert expression_faults(config, SCHEDULE_NAMES, sample) == [
        (("a",), 'there is no "nmae" in a value of type dict; did you mean "name"?'),
        (("b",), 'a value of type datetime has no "yaer" here'),
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{{ days(1) }}", "a value of type timedelta cannot be sent; make a text or a number of it"),
        ("{{ days }}", "a value of type function cannot be sent; make a text or a number of it"),
        ("{{ {1: 2} }}", "a key has to be a text"),
        ("{{ 2 ** 63 }}", "the number is too large"),
        ("{{ '\\ud800' }}", "the text has half a character, which UTF-8 has not"),
        ("{{ 1e308 * 10 }}", "JSON has no infinite number, and no NaN"),
        ("{{ 1 + 'a' }}", "the expression fails: unsupported operand type(s) for +: 'int' and 'str'"),
        ("{{ 'x' | int }}", "the expression fails: could not convert string to float: 'x'"),
        ("{{ none | date }}", "the expression fails: the filter date needs a time, not a value of type none"),
        ("{{ fire_time | date('%Y', 'Mars/Base') }}", 'the expression fails: time zone "Mars/Base" is not known'),
        ("{{ schedule.nmae }}", 'there is no "nmae" in a value of type dict; did you mean "name"?'),
        ("{{ [schedule.nmae] }}", 'there is no "nmae" in a value of type dict; did you mean "name"?'),
        ("{{ schedule.name.x }}", 'a value of type str has no "x" here'),
        (
            "{{ fire_time.date() | date('%Y', 'UTC') }}",
            "the expression fails: only a time with a date can be moved to another time zone",
        ),
        ("{{ schedule() }}", "the expression fails: 'dict' object is not callable"),
        ("a {{ 'a' * 40000 }}{{ 'a' * 40000 }}", "the text is too long: 80002 characters, at most 65536"),
    ],
)
def test_at_fire_time(text: str, sentence: str) -> None:
    compiled = compile_config({"x": text})
    context = {"fire_time": datetime(2026, 1, 1, tzinfo=UTC), "schedule": {"name": "n"}}
    with pytest.raises(RenderError) as caught:
        compiled.render(context)
    [fault] = caught.value.faults
    assert (fault.path, fault.message) == ("x", sentence)


def test_a_body_has_a_limit_as_a_whole() -> None:
    compiled = compile_config({f"k{n}": "{{ 'a' * 60000 }}" for n in range(20)})
    with pytest.raises(RenderError, match="the expressions make more than 1048576 characters in all"):
        compiled.render({})


def test_fixed_text_is_what_stands_outside_of_expressions() -> None:
    assert fixed_text("a-{date}") == "a-{date}"
    assert fixed_text("a-{{ '{' }}-{x}") == "a--{x}"
