"""`zenbeat schedule backfill`: what it would do, what it refuses, and what it begins."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.faces.place import Place
from worker.domain.trigger import Origin, schedule_source, trigger_id

TEXT = """\
schedules:
  - name: daily
    pipeline: training
    cron: "30 2 * * *"
    timezone: Europe/Berlin
    start_time: 2026-03-02T00:00:00
    skip_dates: [2026-03-04]
    priority: 4
    config: {steps: {model_trainer: {parameters: {seconds: 0, data_date: "{{ 'x' if window_start else 'none' }}"}}}}
  - name: careful
    pipeline: training
    cron: "0 2 * * *"
    overlap: skip
  - name: busy
    pipeline: training
    every: 1s
  - name: next
    pipeline: training
    after: {schedule: daily}
sweeps:
  - name: rates
    pipeline: training
    method: grid
    cron: "0 2 * * *"
    parameters: {steps.model_trainer.parameters.lr: {values: [0.1, 0.01]}}
"""

RANGE = ("daily", "--from", "2026-03-01", "--to", "2026-03-05")


@pytest.fixture
def place(make_place: Callable[..., Place]) -> Place:
    return make_place(TEXT, "schedule", "backfill")


def rows(place: Place) -> list[Any]:
    """Read the backfills, newest first."""
    found: list[Any] = place.ask(lambda engine: engine.sweeps.newest(10))
    return found


def definition(place: Place) -> dict[str, Any]:
    (row,) = rows(place)
    found: dict[str, Any] = place.ask(lambda engine: engine.sweeps.definition(row.id))
    return found


def test_a_dry_run_lists_what_would_become_of_each_fire_time(place: Place) -> None:
    result = place(*RANGE, "--dry-run")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line.split()[1] for line in lines[1:]] == ["2026-03-02", "2026-03-03", "2026-03-05"]
    assert all(line.rstrip().endswith("runs") for line in lines[1:])
    assert "02:30 CET" in lines[1]
    assert "Left out: what lies before its start_time, 2026-03-01T23:00:00+00:00." in result.stderr
    assert "Left out: 1 fire time on days among skip_dates." in result.stderr
    assert "3 fire times, none of them has had its run. Nothing was started." in result.stderr
    assert rows(place) == []
    found = place.json(*RANGE, "--dry-run")
    assert [(row["utc"], row["runs"], row["becomes"]) for row in found[:1]] == [
        ("2026-03-02T01:30:00+00:00", True, "runs")
    ]


def test_what_had_its_run_or_is_in_progress_is_told(place: Place) -> None:
    fire = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
    identity = trigger_id(Origin.SCHEDULE, schedule_source("daily", fire))
    place.trigger("daily", schedule_source("daily", fire), state="completed")
    place.trigger("daily", schedule_source("daily", fire.replace(day=3)))
    becomes = [row["becomes"] for row in place.json(*RANGE, "--dry-run")]
    assert becomes[0] == f"had its run (trigger {identity}, completed)"
    assert becomes[1].startswith("is in progress (trigger ")
    assert becomes[2] == "runs"
    assert f"had its run ({identity[:8]}, completed)" in place(*RANGE, "--dry-run").stdout, "in one line"


def test_the_same_command_again_is_the_same_backfill(place: Place) -> None:
    first = place(*RANGE)
    assert first.exit_code == 0, first.output
    identity = first.stdout.strip()
    assert f"3 fire times, none of them has had its run. Follow it with: zenbeat sweep show {identity}" in first.stderr
    again = place(*RANGE)
    assert again.stdout.strip() == identity
    assert "It was begun before, and goes on where it was" in again.stderr
    (row,) = rows(place)
    assert (row.id, row.name, row.kind, row.total) == (identity, "daily", "backfill", 3)
    assert definition(place)["priority"] == 4 - 10
    other = place.json(*RANGE, "--key", "another")
    assert other["backfill"] != identity
    assert other | {"backfill": ""} == {
        "backfill": "",
        "schedule": "daily",
        "new": True,
        "fires": 3,
        "to_run": 3,
        "had_their_run": 0,
    }


def test_options_make_the_backfill(place: Place) -> None:
    options = ("--order", "newest", "--max-parallel", "2", "--priority", "7", "--force")
    assert place(*RANGE, *options).exit_code == 0
    found = definition(place)
    assert found["fires"] == sorted(found["fires"], reverse=True)
    assert (found["max_parallel"], found["priority"]) == (2, 7)
    assert found["forced"]


def test_one_after_the_other_where_the_schedule_is_so(place: Place) -> None:
    assert place("careful", "--from", "2026-03-01", "--to", "2026-03-05").exit_code == 0
    assert definition(place)["max_parallel"] == 1


def test_a_length_counts_from_the_beginning_also_for_what_follows_others(place: Place) -> None:
    words = ("next", "--from", "2026-03-01T10:15", "--to", "2026-03-02", "--every", "12h")
    found = place.json(*words, "--dry-run")
    assert [row["utc"][8:16] for row in found] == ["01T10:15", "01T22:15", "02T10:15", "02T22:15"]


def test_where_fires_are_sweeps_each_of_them_begins_one(place: Place) -> None:
    found = place.json("rates", "--from", "2026-03-01", "--to", "2026-03-03")
    assert (found["fires"], found["to_run"]) == (3, 3)
    assert definition(place)["priority"] == -10 - 10


def test_coalesced_it_is_one_run(place: Place) -> None:
    becomes = {row["utc"][8:10]: row["becomes"] for row in place.json(*RANGE, "--coalesce", "--dry-run")}
    part = "is part of the run of 2026-03-05T01:30:00+00:00"
    assert becomes == {"05": "runs", "02": part, "03": part}
    assert place(*RANGE, "--coalesce").exit_code == 0
    assert len(definition(place)["fires"]) == 1
    words = ("busy", "--from", "2026-03-01T00:00:00", "--to", "2026-03-01T00:00:09", "--coalesce", "--dry-run")
    assert "uses neither window_start nor window_end" in place(*words).stderr


def test_a_backfill_ends_now(place: Place) -> None:
    result = place("daily", "--from", "2026-03-01", "--to", "2999-01-01", "--dry-run")
    assert "--to has not come yet: a backfill is about the past, and ends now." in result.stderr
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("next", "--from", "2026-03-01"), "next has no fire times of its own"),
        (("daily", "--from", "2026-03-05", "--to", "2026-03-01"), "the range ends before it begins"),
        (("daily", "--from", "2026-02-01", "--to", "2026-02-03"), "has no fire time from"),
        (("daily", "--from", "soon"), '"soon" is not a time'),
        (("dayly", "--from", "2026-03-01"), 'did you mean "daily"'),
        (("rates", "--from", "2026-03-01", "--coalesce"), "sweeps have no window"),
        ((*RANGE, "--overlap", "skip"), "would let all but one go"),
        ((*RANGE, "--overlap", "cancel_other"), "would let all but one go"),
        ((*RANGE, "--overlap", "buffer_all", "--max-parallel", "2"), "is one after the other"),
        ((*RANGE, "--every", "often"), "is not a length of time"),
        ((*RANGE, "--every", "10ms"), "too short"),
        (("busy", "--from", "2026-03-01", "--to", "2026-03-01"), "86,400 fire times in this range; say --yes"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(words: tuple[str, ...], sentence: str, place: Place) -> None:
    result = place(*words)
    assert result.exit_code == 2, result.output
    assert sentence in result.stderr
    assert rows(place) == []


def test_many_are_run_where_that_is_meant(place: Place) -> None:
    result = place("busy", "--from", "2026-03-01", "--to", "2026-03-01", "--yes")
    assert result.exit_code == 0, result.output
    assert rows(place)[0].total == 86_400


def test_it_waits_for_the_end_and_its_exit_code_tells_whether_all_completed(
    stack: Any, zenbeat: Any, eventually: Callable[..., None]
) -> None:
    stack.define(TEXT.replace("seconds: 0,", "seconds: 0.1,"))
    stack.start("worker")
    stack.start("beat")
    eventually(lambda: stack.ready("worker") and stack.ready("beat"), what="beat and worker")
    good = zenbeat("schedule", "backfill", *RANGE, "--wait")
    assert good.returncode == 0, good.stderr
    assert "3 of 3 trials are through: 3 completed" in good.stderr
    again = zenbeat("schedule", "backfill", *RANGE, "--key", "again", "--wait", "-o", "json")
    assert again.returncode == 0, again.stderr
    assert "There is nothing to run: 3 fire times, all of them have their run already." in again.stderr
    stack.define(TEXT.replace("seconds: 0,", "fail: true,").replace("name: next", "name: later"))
    eventually(lambda: stack.redis.hget("zenbeat:cursors:0", "later"), what="a beat that knows the changed file")
    bad = zenbeat("schedule", "backfill", *RANGE, "--force", "--wait", "-o", "json")
    assert bad.returncode == 1, bad.stderr
    assert "3 failed" in bad.stderr
    assert json.loads(bad.stdout)["fires"] == 3
