"""`schedule explain`, with what Redis knows of the runs of a fire."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.faces.place import Place
from worker.domain.trigger import attempt_id
from worker.engine.runtime import clock
from worker.store.items import Entry, Item

FILE = """
schedules:
  - {name: often, pipeline: etl, every: 1m, overlap: skip}
  - {name: report, pipeline: reporting, after: {all_of: [{schedule: often}, {pipeline: training}]}}
"""


@pytest.fixture
def schedule(make_place: Any) -> Place:
    place: Place = make_place(FILE, "schedule")
    return place


def decided(place: Place, name: str, **entry: Any) -> str:
    """Write the decision for a fire time; gives the fire time."""
    before = place.considered(name, timedelta(minutes=5))
    fire = before.at.replace(second=0)
    ledger = {"fire_time": fire.isoformat(), "decision": "fired", **entry}

    async def write(engine: Any) -> None:
        item = Item(name=name, expected=before.form(), cursor=replace(before, at=fire + timedelta(minutes=3)).form())
        await engine.triggers.record([replace(item, entries=[Entry(fire_time=fire, ledger=ledger)])])

    place.ask(write)
    return fire.isoformat()


def test_a_run_that_was_started_again_is_told_to_its_last(schedule: Place) -> None:
    first = schedule.trigger("often", state="failed", run_id="run-1")
    second = attempt_id(first, 2)
    assert second is not None
    runs = [{"trigger": first.id, "run": "run-1", "fate": "failed", "reason": "out of memory"}]
    fire = decided(schedule, "often", trigger=first.id, runs=runs)
    told = schedule.json("explain", "often", fire)
    assert told["answer"].startswith("It fired: run run-1 failed (out of memory)")
    assert told["runs"] == runs
    text = schedule("explain", "often", fire).stdout
    assert "run-1  failed  out of memory" in text
    assert "fired, failed" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80


def test_a_pause_is_told(schedule: Place) -> None:
    schedule.paused("often", timedelta(minutes=9), why="the data is late")
    told = schedule.json("explain", "often", "2099-01-01T00:00")
    assert told["answer"].startswith("It will be due then. It is paused since ")
    assert told["pause"].endswith("by ann: the data is late")


def test_what_is_waited_for_is_told_with_what_is_there(schedule: Place) -> None:
    told = schedule.json("explain", "report")
    assert "It waits for schedule often and pipeline training." in told["answer"]
    assert "fires" not in told
    run = {
        "run_id": "run-1",
        "run_name": "n",
        "fire_time": None,
        "ended": clock().isoformat(),
        "schedule": "often",
        "pipeline": "etl",
        "status": "completed",
    }
    schedule.write(lambda engine: engine.joins.keep("report", {0: run}))
    told = schedule.json("explain", "report")
    assert told["has"] == ["run run-1 of schedule often (completed)"]
    assert told["waits_for"] == ["pipeline training"]
    assert "It waits for pipeline training; what it has already: run run-1" in told["answer"]
    text = schedule("explain", "report").stdout
    assert "waits_for" in text
    assert "clocks" not in text


def test_what_followed_is_found_near_the_time_that_is_asked_for(schedule: Place) -> None:
    fire = decided(schedule, "report", decision="skipped_paused", reason="paused by ann")
    told = schedule.json("explain", "report", fire[:16] + "Z")
    assert "It was last due at" in told["answer"]
    assert "It was skipped: paused by ann." in told["answer"]
