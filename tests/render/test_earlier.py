"""What expressions know of earlier runs, and what is told of it beforehand."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from worker.render import LastSuccess, RenderError, UpstreamRun, compile_config, expression_doubts, used_names

MOMENT = datetime(2026, 3, 29, 4, 0, tzinfo=ZoneInfo("Europe/Berlin"))
SUCCESS = LastSuccess(fire_time=MOMENT, run_id="1234-5678", run_name="nightly-1", ended=MOMENT)
UPSTREAM = UpstreamRun(
    run_id="abcd-ef",
    run_name="etl-1",
    fire_time=MOMENT,
    ended=MOMENT,
    schedule="etl-nightly",
    pipeline="etl",
    status="completed",
)
CONTEXT = {
    "fire_time": MOMENT,
    "last_success": SUCCESS,
    "upstream": UPSTREAM,
    "upstreams": [UPSTREAM],
    "window_start": MOMENT,
    "window_end": MOMENT,
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ last_success.run_id[:4] }}", "1234"),
        ("{{ last_success.fire_time | date('%H:%M', 'UTC') }}", "02:00"),
        ("{{ last_success['ended'] }}", "2026-03-29T04:00:00+02:00"),
        ("{{ upstream.status == 'completed' and upstream.schedule }}", "etl-nightly"),
        ("{{ upstreams | length }} {{ upstreams[0].pipeline }}", "1 etl"),
        ("{{ (window_end - window_start).days }}", 0),
        ("{{ last_success }}", {**SUCCESS, "fire_time": MOMENT.isoformat(), "ended": MOMENT.isoformat()}),
    ],
)
def test_values(text: str, value: Any) -> None:
    assert compile_config({"x": text}).render(CONTEXT)["x"] == value


@pytest.mark.parametrize(("first", "value"), [(True, "2026-03-28"), (False, "2026-03-29")])
def test_before_and_after_the_first_success(first: bool, value: str) -> None:
    text = "{{ (last_success.fire_time if last_success else fire_time - days(1)) | date('%Y-%m-%d') }}"
    context = {**CONTEXT, "last_success": None if first else SUCCESS}
    assert compile_config({"x": text}).render(context)["x"] == value


def test_what_does_not_expect_a_first_run_fails_there() -> None:
    with pytest.raises(RenderError):
        compile_config({"x": "{{ last_success.fire_time }}"}).render({"last_success": None})


def test_they_are_asked_for_only_where_they_are_used() -> None:
    def ask() -> Any:
        raise AssertionError("nobody uses it")

    assert compile_config({"x": "{{ fire_time.year }}"}).render({**CONTEXT, "last_success": ask})["x"] == 2026
    assert compile_config({"x": "{{ upstream.run_id }}"}).render({"upstream": lambda: UPSTREAM})["x"] == "abcd-ef"


def test_doubts() -> None:
    config = {
        "a": "{{ last_success.fire_time }}",
        "b": ["{{ last_success.run_id if last_success else 0 }}", {"c": "since {{ last_success.ended | date }}"}],
        "d": "{{ last_success.nmae }}",
        "e": "{{ fire_time.nmae }}",
        "f": "{{ 1 +",
        "g": 5,
    }
    found = list(expression_doubts(config, CONTEXT, {"last_success": None}))
    assert found == [("a",), ("b", 1, "c")]


def test_used_names() -> None:
    config = {
        "a": "{{ last_success or days(1) }}",
        "b": [{"c": "{% if trial %}{{ params.lr }}{% endif %}"}],
        "d": "{{ 1 +",
    }
    assert used_names(config) == {"last_success", "trial", "params"}
    assert used_names({"a": "{last_success}", "b": 1}) == frozenset()
