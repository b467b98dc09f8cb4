"""`schedule show`: what a file says of a schedule, and how it is doing."""

from datetime import timedelta
from typing import Any

import pytest

from tests.faces.place import Place
from worker.domain.results import Result
from worker.domain.schedule import Overlap
from worker.engine.runtime import clock
from worker.store.items import Entry, Item

FILE = """
schedules:
  - name: nightly
    pipeline: training
    cron: "30 2 * * *"
    retry: {max_attempts: 5, run: {max_attempts: 3, on: [failed, stopped]}}
    overlap: skip
    catchup: all
    coalesce: true
    pause_after: 4
    deadline: "06:00"
    expect_every: 26h
    notify: {to: [ops, "https://hooks.example.com/a/secret"], on: [failure, late], quiet: "22:00-06:00"}
  - name: report
    pipeline: reporting
    after: {all_of: [{schedule: nightly, on: [completed, failed]}, {pipeline: etl}], window: 2h}
  - name: plain
    pipeline: etl
    every: 1h
"""


@pytest.fixture
def schedule(make_place: Any) -> Place:
    place: Place = make_place(FILE, "schedule")
    return place


def told(place: Place, name: str) -> str:
    result = place("show", name)
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines())) <= 80
    return " ".join(result.stdout.split())


def test_what_follows_from_the_end_of_runs_is_shown(schedule: Place) -> None:
    shown = schedule.json("show", "nightly")
    assert (shown["overlap"], shown["coalesce"], shown["pause_after"]) == ("skip", True, 4)
    assert (shown["deadline"], shown["expect_every"]) == ("06:00", "1d2h")
    assert (shown["run_retry"]["max_attempts"], shown["run_retry"]["on"]) == (3, ["failed", "stopped"])
    assert shown["notify"] == {
        "to": ["ops", "https://hooks.example.com/…"],
        "on": ["failure", "late"],
        "quiet": ["22:00", "06:00"],
    }
    text = told(schedule, "nightly")
    assert "run_retry max_attempts: 3 initial: 1m max: 1h on: failed, stopped" in text
    assert "notify to: ops, https://hooks.example.com/… on: failure, late quiet: 22:00, 06:00" in text
    assert "secret" not in text


def test_what_a_schedule_follows_is_shown_and_no_times(schedule: Place) -> None:
    shown = schedule.json("show", "report")
    assert (shown["after"]["together"], shown["after"]["window"], shown["next"]) == (True, "2h", None)
    assert [each["schedule"] or each["pipeline"] for each in shown["after"]["upstreams"]] == ["nightly", "etl"]
    text = told(schedule, "report")
    assert "after when all of these have ended, within 2h" in text
    assert "schedule: nightly on: completed, failed" in text
    assert "never again" not in text


def test_how_it_stands_is_shown(schedule: Place) -> None:
    assert (schedule.json("show", "plain")["status"], schedule.json("show", "plain")["last_success"]) == ("new", None)
    schedule.paused("nightly", timedelta(hours=1), why="the data is late")
    running = schedule.trigger("nightly", state="started", run_id="run-1")
    fire = clock().replace(microsecond=0)
    success = Result(trigger="t", fate="completed", ended=fire, fire_time=fire, run_id="run-0", run_name="name-0")
    schedule.write(lambda engine: engine.results.add("nightly", success, None))
    waiting = schedule.trigger_of("nightly", "later")

    async def hold(engine: Any) -> None:
        await engine.triggers.record([Item(entries=[Entry(trigger=waiting, overlap=Overlap.BUFFER_ONE)])])

    schedule.ask(hold)
    shown = schedule.json("show", "nightly")
    assert shown["status"] == "paused"
    assert (shown["paused"]["by"], shown["paused"]["why"]) == ("ann", "the data is late")
    assert shown["running"] == [{"trigger": running.id, "state": "started", "run_id": "run-1"}]
    assert shown["held"] == [waiting.id]
    assert (shown["last_success"]["run_id"], shown["last_success"]["run_name"]) == ("run-0", "name-0")
    text = told(schedule, "nightly")
    assert "by: ann why: the data is late cause: person" in text
    assert "run_id: run-1" in text


def test_without_redis_the_file_is_shown(schedule: Place) -> None:
    result = schedule("show", "nightly", REDIS_URL="redis://127.0.0.1:1/0")
    assert result.exit_code == 0
    assert "pause_after" in result.stdout
    assert "status" not in result.stdout
    assert "How it stands is not shown: Redis cannot be reached" in result.stderr
