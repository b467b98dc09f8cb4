"""The commands about schedules and cron, with and without Redis."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from worker.cli import cli
from worker.cli.doors import with_engine
from worker.domain.results import Result as Ended
from worker.engine.runtime import Engine, clock
from worker.settings import load_settings
from worker.store.cursors import Cursor
from worker.store.items import Entry, Item

NOWHERE = "redis://127.0.0.1:1/0"

FILE = """
schedules:
  - name: nightly
    pipeline: training
    template: production
    cron: "30 2 * * *"
    timezone: Europe/Berlin
    config:
      steps: {trainer: {parameters: {day: "{{ fire_time | date('%Y') }}", before: "{{ previous_fire_time.year }}"}}}
  - name: often
    pipeline: etl
    every: 5m
    catchup: all
    catchup_window: 30m
sweeps:
  - name: search
    pipeline: training
    method: grid
    parameters:
      steps.trainer.parameters.lr: {values: [0.1, 0.2]}
"""

Zenbeat = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.yaml").write_text(FILE)
    return tmp_path


@pytest.fixture
def offline(folder: Path) -> Zenbeat:
    """Run the command where there is no Redis."""
    environment = {"SCHEDULES_DIR": str(folder), "REDIS_URL": NOWHERE, "COLUMNS": "80"}
    return lambda *arguments: CliRunner().invoke(cli, arguments, env=environment)


@pytest.fixture
def online(folder: Path, redis_url: str) -> Zenbeat:
    """Run the command with a Redis."""
    environment = {"SCHEDULES_DIR": str(folder), "REDIS_URL": redis_url, "COLUMNS": "80"}
    return lambda *arguments: CliRunner().invoke(cli, arguments, env=environment)


def narrow(result: Result) -> str:
    assert max(map(len, result.stdout.splitlines()), default=0) <= 80
    return result.stdout


def test_cron_tells_of_the_clocks(offline: Zenbeat) -> None:
    result = offline("cron", "30 2 * * *", "--timezone", "Europe/Berlin", "--after", "2026-03-28T12:00", "-n", "1")
    assert result.exit_code == 0
    assert "Sun 2026-03-29 03:00" in narrow(result)
    assert "clocks go forward" in result.stdout
    result = offline(
        "cron", "30 2 * * *", "-z", "Europe/Berlin", "--after", "2026-10-24T12:00", "-n", "1", "-o", "json"
    )
    assert json.loads(result.stdout) == [
        {
            "local": "2026-10-25T02:30:00+02:00",
            "utc": "2026-10-25T00:30:00+00:00",
            "note": "clocks go back 03:00 → 02:00 on Sun 2026-10-25",
        }
    ]


def test_cron_with_seconds(offline: Zenbeat) -> None:
    result = offline("cron", "0 0 * * * 30", "--seconds", "--after", "2026-01-01T00:00Z", "-n", "1", "-o", "csv")
    assert result.stdout.splitlines()[1].startswith("2026-01-01T00:00:30+00:00,")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["61 * * * *"], "minute 61 is out of range"),
        (["* * * * *", "-z", "Europe/Berln"], 'did you mean "Europe/Berlin"?'),
        (["* * * * *", "--after", "soon"], '"soon" is not a time'),
    ],
)
def test_cron_refuses_with_a_sentence(offline: Zenbeat, arguments: list[str], sentence: str) -> None:
    result = offline("cron", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr


def test_lint(offline: Zenbeat, folder: Path) -> None:
    result = offline("schedule", "lint")
    assert (result.exit_code, result.stdout) == (0, "2 schedules, 1 sweep in 1 file: no faults\n"), result.stderr
    broken = folder / "b.yaml"
    broken.write_text('schedules:\n  - {name: x, pipeline: p, cron: "61 * * * *"}\n  - {name: nightly, pipelin: p}\n')
    result = offline("schedule", "lint", str(folder))
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) >= 3
    assert all(line.startswith(f"{broken}:") for line in result.stderr.splitlines())
    assert offline("schedule", "lint", str(folder / "a.yaml")).exit_code == 0
    assert offline("schedule", "lint", str(folder / "none.yaml")).exit_code == 2


def test_list_without_redis(offline: Zenbeat) -> None:
    result = offline("schedule", "list")
    assert result.exit_code == 0
    assert "nightly" in narrow(result)
    assert "How they stand is not shown: Redis cannot be reached" in result.stderr
    rows = json.loads(offline("schedule", "list", "-o", "json").stdout)
    assert [row["name"] for row in rows] == ["nightly", "often"]
    assert datetime.fromisoformat(rows[0]["next"]) > clock()


def test_show_and_next(offline: Zenbeat) -> None:
    assert "catchup_window  30m" in narrow(offline("schedule", "show", "often"))
    assert json.loads(offline("schedule", "show", "nightly", "-o", "json").stdout)["template"] == "production"
    rows = json.loads(offline("schedule", "next", "--count", "400", "-o", "json").stdout)
    assert {row["schedule"] for row in rows} == {"nightly", "often"}
    assert [row["utc"] for row in rows] == sorted(row["utc"] for row in rows)
    only = json.loads(offline("schedule", "next", "nightly", "-n", "2", "-o", "json").stdout)
    assert [row["schedule"] for row in only] == ["nightly", "nightly"]


@pytest.mark.parametrize("command", ["show", "next", "explain"])
def test_an_unknown_name_is_answered_with_the_nearest(offline: Zenbeat, command: str) -> None:
    result = offline("schedule", command, "nigthly")
    assert result.exit_code == 2
    assert 'did you mean "nightly"?' in result.stderr


def test_explain_without_redis(offline: Zenbeat) -> None:
    result = offline("schedule", "explain", "nightly", "--at", "2026-03-29T03:10")
    assert result.exit_code == 0
    told = narrow(result)
    assert "clocks go forward 02:00 → 03:00" in told
    assert "1 fired" in told
    assert "What was decided is not known: Redis cannot be reached" in result.stderr


def test_list_and_explain_tell_what_was_decided(online: Zenbeat, redis_url: str, folder: Path) -> None:
    fire = datetime(2026, 3, 27, 1, 30, tzinfo=UTC)
    ledger = {"fire_time": fire.isoformat(), "decision": "missed_downtime", "reason": "nobody looked"}

    async def missed(engine: Engine) -> None:
        cursor = Cursor(at=fire, revision="r", taken=4).form()
        entries = [Entry(fire_time=fire, ledger=ledger)]
        await engine.triggers.record([Item(name="nightly", cursor=cursor, entries=entries)])

    with_engine(missed, load_settings({"REDIS_URL": redis_url}))
    assert json.loads(online("schedule", "list", "-o", "json").stdout)[0]["last"] == ledger
    assert "missed_downtime" in online("schedule", "list", "-o", "csv").stdout
    told = narrow(online("schedule", "explain", "nightly", "--at", "2026-03-27"))
    assert "2026-03-27 01:30Z  missed_downtime  nobody looked" in told
    assert "4 of any number" in told


def test_explain_answers_in_a_sentence_and_plan_says_what_would_change(
    online: Zenbeat, redis_url: str, folder: Path
) -> None:
    fire = datetime(2026, 3, 27, 1, 30, tzinfo=UTC)
    ledger = {"fire_time": fire.isoformat(), "decision": "missed_downtime", "reason": "nobody looked"}

    async def considered(engine: Engine) -> None:
        cursor = Cursor(at=fire, revision="another").form()
        item = Item(name="nightly", cursor=cursor, begun="seen", entries=[Entry(fire_time=fire, ledger=ledger)])
        gone = Item(name="gone", cursor=cursor, entries=[])
        await engine.triggers.record([item, gone])

    with_engine(considered, load_settings({"REDIS_URL": redis_url}))
    answers = [
        json.loads(online("schedule", "explain", "nightly", time, "-o", "json").stdout)["answer"]
        for time in ("2026-03-27T02:30", "2026-03-26T02:30")
    ]
    assert answers[0] == "It was missed: nobody looked."
    assert answers[1].startswith("It was not considered: seen, at 2026-03-27")
    rows = {row["schedule"]: row for row in json.loads(online("schedule", "plan", "-o", "json").stdout)}
    assert rows["nightly"]["change"] == "timing changed"
    assert rows["nightly"]["past"].endswith("is not fired for")
    assert rows["gone"]["change"] == "not in the files"
    assert [row["change"] for name, row in rows.items() if name not in ("nightly", "gone")] == ["new"] * (len(rows) - 2)


def run_in_process(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own: Celery's application is bound to the settings of its first import."""
    environment = {**os.environ, "SCHEDULES_DIR": str(folder), **variables}
    code = "from worker.cli import main; main()"
    command = [sys.executable, "-c", code, "schedule", "run", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def test_run_records_a_rendered_trigger_and_rings(folder: Path, redis_url: str) -> None:
    done = run_in_process(folder, "nightly", REDIS_URL=redis_url)
    assert done.returncode == 0, done.stderr
    identity = done.stdout.strip()

    async def read(engine: Engine) -> tuple[dict[str, str], int]:
        (row,) = await engine.triggers.get([identity])
        return row, await engine.redis.llen("zenbeat.doorbell")

    row, rung = with_engine(read, load_settings({"REDIS_URL": redis_url}))
    assert (row["state"], rung) == ("dispatched", 1)
    data = json.loads(row["data"])
    assert (data["origin"], data["schedule"], data["template"]) == ("cli", "nightly", "production")
    parameters = data["body"]["steps"]["trainer"]["parameters"]
    assert parameters["day"].isdigit()
    assert {"zenbeat", "zenbeat:schedule=nightly", f"zenbeat:trigger={identity}"} == set(data["body"]["tags"])


def test_run_knows_the_last_success_as_a_fire_does(folder: Path, redis_url: str) -> None:
    since = "{{ last_success.run_id if last_success else 'none' }}"
    (folder / "a.yaml").write_text(FILE.replace("{{ previous_fire_time.year }}", since))
    at = clock()
    success = Ended(trigger="t", fate="completed", ended=at, fire_time=at, run_id="run-1")

    async def succeeded(engine: Engine) -> None:
        await engine.triggers.record([Item(commands=engine.results.add("nightly", success, None))])

    settings = load_settings({"REDIS_URL": redis_url})
    with_engine(succeeded, settings)
    done = run_in_process(folder, "nightly", REDIS_URL=redis_url)
    assert done.returncode == 0, done.stderr
    (row,) = with_engine(lambda engine: engine.triggers.get([done.stdout.strip()]), settings)
    assert json.loads(row["data"])["body"]["steps"]["trainer"]["parameters"]["before"] == "run-1"


def test_run_of_what_follows_takes_from_the_last_success(folder: Path, redis_url: str) -> None:
    (folder / "b.yaml").write_text(
        "schedules:\n  - {name: report, pipeline: p, after: {schedule: nightly}, "
        "config: {extra: {of: '{{ upstream.run_id }}'}}}\n"
    )
    refused = run_in_process(folder, "report", REDIS_URL=redis_url)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "report takes from the run that it follows" in refused.stderr
    at = clock()
    success = Ended(trigger="t", fate="completed", ended=at, fire_time=at, run_id="run-1")

    async def succeeded(engine: Engine) -> None:
        await engine.triggers.record([Item(commands=engine.results.add("nightly", success, None))])

    settings = load_settings({"REDIS_URL": redis_url})
    with_engine(succeeded, settings)
    done = run_in_process(folder, "report", REDIS_URL=redis_url)
    assert done.returncode == 0, done.stderr
    (row,) = with_engine(
        lambda engine: engine.triggers.get([done.stdout.strip()]), load_settings({"REDIS_URL": redis_url})
    )
    assert json.loads(row["data"])["body"]["extra"] == {"of": "run-1"}


def test_what_follows_others_is_not_due_by_the_clock(offline: Zenbeat, folder: Path) -> None:
    (folder / "b.yaml").write_text("schedules:\n  - {name: report, pipeline: p, after: {schedule: nightly}}\n")
    result = offline("schedule", "next", "report")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "Nothing is due by the clock: report is due after nightly." in result.stderr
    assert "when others end" in offline("schedule", "list").stdout


def test_run_without_broker_is_on_record_and_says_so(folder: Path, redis_url: str) -> None:
    done = run_in_process(folder, "often", REDIS_URL=redis_url, CELERY_BROKER_URL=NOWHERE)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.strip()) == 36
    assert "The trigger is on record; the beat rings again." in done.stderr


def test_run_without_redis_is_69(folder: Path) -> None:
    done = run_in_process(folder, "often", REDIS_URL=NOWHERE)
    assert (done.returncode, done.stdout) == (69, "")
    assert done.stderr.startswith("Redis cannot be reached")


def test_run_of_an_unknown_name_is_answered_with_the_nearest(folder: Path) -> None:
    done = run_in_process(folder, "oftn", REDIS_URL=NOWHERE)
    assert done.returncode == 2
    assert 'did you mean "often"?' in done.stderr
