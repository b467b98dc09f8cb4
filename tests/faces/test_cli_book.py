"""Schedules that were made over the API, on the command line."""

import json
from typing import Any

import pytest

from tests.faces.place import Place
from worker.store.booked import written

FILE = "schedules: [{name: of-a-file, pipeline: training, every: 1h}]\n"


@pytest.fixture
def schedule(make_place: Any) -> Place:
    place: Place = make_place(FILE, "schedule")
    entry = {"name": "booked", "pipeline": "training", "cron": "0 3 * * 1"}
    row = written(entry, created="2026-01-01T00:00:00+00:00", changed="2026-01-01T00:00:00+00:00", by="ops")
    assert place.ask(lambda engine: engine.booked.put("booked", row, ""))
    return place


def test_list_and_show_tell_what_manages_a_schedule(schedule: Place) -> None:
    rows = {row["name"]: row["managed_by"] for row in schedule.json("list")}
    assert rows == {"of-a-file": "file", "booked": "api"}
    shown = schedule.json("show", "booked")
    assert (shown["managed_by"], shown["place"], shown["when"]) == ("api", "api:booked", "0 3 * * 1")
    assert "MANAGED BY" in schedule("list", COLUMNS="200").stdout


def test_every_command_knows_it(schedule: Place) -> None:
    for words in (("next", "booked"), ("pause", "booked", "--by", "me"), ("resume", "booked"), ("explain", "booked")):
        said = schedule(*words)
        assert said.exit_code == 0, said.output
    found = schedule.ask(lambda engine: engine.audit.newest(10))
    assert [(each.action, each.what) for each in found] == [("schedule.resume", "booked"), ("schedule.pause", "booked")]
    assert (found[0].who[:4], found[1].who) == ("cli:", "cli:me")
    assert json.loads(schedule("plan", "-o", "json").stdout)[1]["schedule"] == "booked"


def test_one_with_faults_is_told_and_listed(schedule: Place) -> None:
    row = written({"name": "ill", "pipeline": "p", "cron": "x"}, created="", changed="", by="")
    assert schedule.ask(lambda engine: engine.booked.put("ill", row, ""))
    said = schedule("list", "-o", "json")
    assert "api:ill: cron: " in said.stderr
    assert {each["name"] for each in json.loads(said.stdout)} == {"of-a-file", "booked"}
    cursor = ("HSET", "zenbeat:cursors:0", "ill", "1|r|0")
    schedule.write(lambda _: cursor)
    rows = {each["name"]: each for each in json.loads(schedule("list", "-o", "json").stdout)}
    assert (rows["ill"]["status"], rows["ill"]["managed_by"]) == ("broken file", "api")


def test_lint_reads_files_alone(schedule: Place) -> None:
    assert "1 schedule in 1 file" in schedule("lint").stdout


def test_without_redis_the_files_serve_and_it_is_said(schedule: Place) -> None:
    said = schedule("next", "-o", "json", REDIS_URL="redis://127.0.0.1:1/0")
    assert said.exit_code == 0
    assert "made over the API are not known" in said.stderr
    assert {each["schedule"] for each in json.loads(said.stdout)} == {"of-a-file"}
