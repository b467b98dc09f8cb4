"""What a person or a monitor is told of the ledger, of messages that are none, and of who is alive."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from prometheus_client.parser import text_string_to_metric_families

from tests.faces.place import Place
from worker.cli import cli
from worker.cli.doors import with_engine
from worker.domain.alert import Alert, AlertKind
from worker.domain.pause import PauseCause
from worker.domain.schedule import Overlap
from worker.engine.runtime import Engine, clock
from worker.settings import load_settings
from worker.source import Source
from worker.store.alerts import Incident, Letter
from worker.store.cursors import Cursor
from worker.store.items import Entry, Item
from worker.store.keys import Keys
from worker.store.sweeprows import NewSweep, begin_sweep

FILE = 'schedules:\n  - {name: nightly, pipeline: training, cron: "0 2 * * *"}\n'
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
FIRES = [BEGIN + timedelta(days=day, hours=2) for day in range(5)]

Zenbeat = Callable[..., Result]


@pytest.fixture
def zenbeat(tmp_path: Path, redis_url: str) -> Zenbeat:
    (tmp_path / "a.yaml").write_text(FILE)
    there = {"SCHEDULES_DIR": str(tmp_path), "REDIS_URL": redis_url, "COLUMNS": "80"}
    return lambda *words: CliRunner().invoke(cli, words, env=there)


def considered(folder: Path, redis_url: str, fires: list[datetime]) -> None:
    """Write what a beat writes that considers five days, with a decision for these fire times."""
    (schedule,) = Source(folder, settle=False).read().schedules
    before, after = (Cursor(at=at, revision=schedule.revision).form() for at in (BEGIN, BEGIN + timedelta(days=5)))
    entries = [
        Entry(fire_time=fire, ledger={"fire_time": fire.isoformat(), "decision": "missed_downtime"}) for fire in fires
    ]

    async def write(engine: Engine) -> None:
        begun = Item(name="nightly", cursor=before, begun="seen for the first time", entries=[])
        await engine.triggers.record([begun, Item(name="nightly", expected=before, cursor=after, entries=entries)])
        await engine.unreadable.keep("it is no trigger", BEGIN)
        await engine.heartbeats.beat("beat", "h:1", {"leading": True})

    with_engine(write, load_settings({"REDIS_URL": redis_url}))


def figures(text: str) -> dict[str, float]:
    """Read Prometheus' format; a label is part of the name."""
    return {
        ".".join((sample.name, *sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_ledger_without_a_hole_is_told_to_be_so(zenbeat: Zenbeat, tmp_path: Path, redis_url: str) -> None:
    considered(tmp_path, redis_url, FIRES)
    assert "✓ ledger: 1 schedules considered without a hole; 5 decisions looked at" in zenbeat("doctor").stdout
    found = figures(zenbeat("metrics").stdout)
    assert found["zenbeat_undecided_fire_times"] == 0
    assert found["zenbeat_schedules"] == 1
    assert (found["zenbeat_beats"], found["zenbeat_beats_leading"], found["zenbeat_workers"]) == (1, 1, 0)
    assert found["zenbeat_triggers.dead"] == 0
    assert found["zenbeat_server_held_back"] == 0


def test_a_hole_in_the_ledger_is_found(zenbeat: Zenbeat, tmp_path: Path, redis_url: str) -> None:
    considered(tmp_path, redis_url, [fire for fire in FIRES if fire != FIRES[2]])
    result = zenbeat("doctor")
    assert result.exit_code == 1
    assert "✗ ledger: nightly: no decision for 1 fire times, the first at 2026-03-03 02:00" in result.stdout
    assert figures(zenbeat("metrics").stdout)["zenbeat_undecided_fire_times"] == 1


def test_messages_that_are_no_triggers_are_told(zenbeat: Zenbeat, tmp_path: Path, redis_url: str) -> None:
    considered(tmp_path, redis_url, FIRES)
    told = "! messages: 1 came by the queue that are no triggers; the newest: it is no trigger"
    assert told in zenbeat("doctor").stdout
    assert figures(zenbeat("metrics").stdout)["zenbeat_unreadable_messages"] == 1
    assert "rejected" in zenbeat("outcome", "list").stdout


def test_without_redis_there_are_no_figures(zenbeat: Zenbeat) -> None:
    result = CliRunner().invoke(cli, ["metrics"], env={"REDIS_URL": "redis://127.0.0.1:1/0"})
    assert (result.exit_code, result.stdout) == (69, "")


def test_what_goes_on_and_what_is_wrong_is_told(make_place: Any) -> None:
    place: Place = make_place(FILE)
    place.trigger("nightly", state="started", run_id="run-1")
    place.paused("nightly", timedelta(minutes=1))
    place.paused("other", timedelta(minutes=1), cause=PauseCause.FAILURES, why="3 failures in a row")
    place.paused("past", timedelta(minutes=9), until=clock() - timedelta(minutes=1))
    at = clock() - timedelta(hours=1)
    bad = [
        Incident(kind=AlertKind.LATE, schedule=f"s{number}", since=at + timedelta(seconds=number), reason="not ended")
        for number in range(12)
    ]
    alert = Alert(id="a", kind=AlertKind.LATE, title="s1 is late", reason="not ended", at=at)
    letter = Letter(id="l", receiver="ops", alert=alert, written=at)
    place.write(*(lambda engine, one=one: engine.alerts.keep(one) for one in bad))
    place.write(lambda engine: engine.alerts.post(letter, at), lambda engine: ("ZADD", engine.keys.following, 0, "t"))
    place.write(*(lambda engine: engine.events.add("paused", schedule="x") for _ in range(101)))
    said = place("doctor").stdout
    assert "✓ runs: 1 followed" in said
    assert "✓ paused: 1: nightly" in said
    assert "! other: paused: paused since" in said
    assert "→ mend what failed, then: zenbeat schedule resume other" in said
    assert "! s11: late: since" in said
    assert said.index("! s11: late") < said.index("! s10: late")
    assert "s1: late" not in said
    assert "! incidents: 2 more" in said
    assert "! alerts: 1 not delivered yet" in said
    assert "! events: 101 things that have happened are not seen to" in said
    found = figures(place("metrics").stdout)
    assert found["zenbeat_runs_following"] == 1
    assert found["zenbeat_schedules_paused"] == 2
    assert (found["zenbeat_incidents.late"], found["zenbeat_incidents.failure"]) == (12, 0)
    assert (found["zenbeat_alerts_waiting"], found["zenbeat_triggers_held"]) == (1, 0)


def test_trials_of_sweeps_that_go_on_are_counted(make_place: Any) -> None:
    place: Place = make_place(FILE)
    new = NewSweep(id="s", name="s", data=b"{}", fingerprint="f", total=9, created=clock())
    place.write(lambda engine: engine.sweeps.taken("s"), *(lambda _, one=one: one for one in begin_sweep(Keys(), new)))
    counted = {"open": 2, "started": 4, "completed": 1, "failed": 1, "dead": 1}
    place.write(*(lambda engine, one=one: ("HINCRBY", engine.keys.sweep("s"), *one) for one in counted.items()))
    found = figures(place("metrics").stdout)
    assert found["zenbeat_sweeps_active"] == 1
    assert [found[f"zenbeat_trials.{state}"] for state in ("waiting", "running", "failed")] == [2, 2, 2]


def test_what_waits_for_its_overlap_policy_is_counted(make_place: Any) -> None:
    place: Place = make_place(FILE)
    entry = Entry(trigger=place.trigger_of("nightly"), overlap=Overlap.SKIP)
    place.ask(lambda engine: engine.triggers.record([Item(entries=[entry])]))
    assert "✓ runs: 0 followed, 1 held by overlap policies" in place("doctor").stdout
    assert figures(place("metrics").stdout)["zenbeat_triggers_held"] == 1


def test_outcomes_of_every_kind_are_listed(make_place: Any) -> None:
    place: Place = make_place(FILE)
    assert place("schedule", "pause", "nightly", "--by", "bob", "--why", "the data is late").exit_code == 0
    for words in (("outcome", "list"), ("outcome", "tail"), ("outcome", "list", "--status", "paused")):
        told = place(*words).stdout
        assert "paused" in told
        assert "bob: the data is late" in " ".join(told.split())
    assert "\x1b[" not in place("outcome", "tail").stdout
    assert "\x1b[" in place("outcome", "tail", FORCE_COLOR="1").stdout
