"""`schedule list`: how schedules stand, in a word, and how their last runs ended."""

import csv
import io
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.faces.place import Place
from worker.domain.alert import AlertKind
from worker.engine.runtime import clock
from worker.store.alerts import Incident

NAMES = ("resting", "failing", "late", "running", "well", "fresh")
FILE = "schedules:\n" + "".join(
    f"  - {{name: {name}, pipeline: training, cron: '30 2 * * *', timezone: Europe/Berlin}}\n" for name in NAMES
)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def schedule(make_place: Any) -> Place:
    """One schedule of each standing."""
    place: Place = make_place(FILE, "schedule")
    place.paused("resting", 60 * MINUTE, why="the data is late")
    place.ended("resting", "failed", "failed", "failed")
    place.ended("failing", "completed", "failed", "stopped", "stuck", "dead")
    late = Incident(kind=AlertKind.LATE, schedule="late", since=clock(), reason="no success")
    place.write(lambda engine: engine.alerts.keep(late))
    place.trigger("running", state="started", run_id="run-1")
    place.ended("running", "completed", "failed", "failed")
    place.ended("well", "vanished", "completed", "completed", seconds=125.0, lateness_ms=300)
    return place


def by_name(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in rows}


def test_each_standing_has_its_word(schedule: Place) -> None:
    rows = by_name(schedule.json("list"))
    assert [rows[name]["status"] for name in NAMES] == ["paused", "failing", "late", "running", "ok", "new"]


def test_json_has_everything(schedule: Place) -> None:
    rows = by_name(schedule.json("list"))
    paused = rows["resting"]["paused"]
    assert (paused["by"], paused["why"], paused["until"], paused["cause"]) == (
        "ann",
        "the data is late",
        None,
        "person",
    )
    assert rows["resting"]["next"] is None
    assert rows["running"]["running"][0]["run_id"] == "run-1"
    assert rows["well"]["running"] == []
    assert [result["fate"] for result in rows["well"]["results"]] == ["vanished", "completed", "completed"]
    assert (rows["well"]["usual_seconds"], rows["well"]["usual_lateness_seconds"]) == (125.0, 0.3)
    assert rows["fresh"]["usual_seconds"] is None


def test_results_are_a_cell_each_the_oldest_at_the_left(schedule: Place) -> None:
    lines = schedule("list").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    told = {line.split()[0]: line for line in lines}
    assert "·✗■✗✗" in told["failing"]
    assert "?··" in told["well"]
    assert "2m5s" in schedule("list", COLUMNS="120").stdout
    assert "when resumed" in told["resting"]


def test_no_more_than_the_last_twenty_are_shown(schedule: Place) -> None:
    schedule.ended("fresh", "failed", "stopped", *["completed"] * 19)
    assert f" ■{'·' * 19} " in schedule("list").stdout
    assert len(by_name(schedule.json("list"))["fresh"]["results"]) == 20


def test_a_wide_terminal_has_every_column_and_a_narrow_one_those_that_matter(schedule: Place) -> None:
    assert "TIMEZONE" in schedule("list", COLUMNS="160").stdout
    narrow = schedule("list", COLUMNS="60").stdout
    assert narrow.split("\n")[0].split()[:2] == ["NAME", "STATUS"]
    assert "TIMEZONE" not in narrow


def test_csv_is_one_line_each(schedule: Place) -> None:
    rows = by_name(list(csv.DictReader(io.StringIO(schedule("list", "-o", "csv").stdout))))
    assert (rows["failing"]["status"], rows["failing"]["results"]) == ("failing", "·✗■✗✗")
    assert rows["well"]["usual_seconds"] == "125.0"


def test_a_pause_that_ends_by_itself_tells_what_is_due_then(schedule: Place) -> None:
    pause = schedule.paused("resting", MINUTE, until=(clock() + 400 * timedelta(days=1)).replace(microsecond=0))
    row = by_name(schedule.json("list"))["resting"]
    assert row["next"] >= pause.until.isoformat()[:10]
    over = replace(pause, until=clock() - MINUTE)
    schedule.write(lambda engine: engine.pauses.begin("resting", over))
    assert by_name(schedule.json("list"))["resting"]["status"] == "failing"


def test_what_a_broken_file_names_and_redis_knows_is_told(schedule: Place) -> None:
    schedule.considered("well", MINUTE, taken=3)
    (schedule.folder / "a.yaml").write_text(FILE.replace("pipeline", "pipelin"))
    result = schedule("list")
    assert result.exit_code == 0
    assert "broken file" in result.stdout
    assert "did you mean" in result.stderr
    (row,) = schedule.json("list")
    assert (row["name"], row["status"], row["next"]) == ("well", "broken file", None)
    assert row["place"].endswith("a.yaml")
    assert len(row["results"]) == 3


def test_a_thousand_schedules_are_asked_for_together(make_place: Any) -> None:
    rows = "".join(f"  - {{name: s{number}, pipeline: p, every: 1h}}\n" for number in range(1000))
    place: Place = make_place(f"schedules:\n{rows}", "schedule")

    async def calls(engine: Any) -> int:
        return int((await engine.redis.info("stats"))["total_reads_processed"])

    before = place.ask(calls)
    assert len(place.json("list")) == 1000
    assert place.ask(calls) - before < 400, "not a question for each"
