"""`schedule pause` and `schedule resume`."""

import getpass
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.faces.place import Place
from worker.domain.pause import PauseCause

FILE = """
schedules:
  - {name: nightly, pipeline: training, cron: "30 2 * * *", timezone: Europe/Berlin}
  - {name: often, pipeline: etl, every: 1m, catchup: all, catchup_window: 30m}
  - {name: never, pipeline: etl, every: 1m, catchup: none}
  - {name: twice, pipeline: etl, every: 1m, max_runs: 2}
  - {name: ended, pipeline: etl, every: 1m, end_time: 2026-01-01}
  - {name: follower, pipeline: etl, after: {schedule: often}}
"""


@pytest.fixture
def schedule(make_place: Any) -> Place:
    return make_place(FILE, "schedule")


MINUTE = timedelta(minutes=1)


def test_pause_says_who_and_why_and_until_when(schedule: Place) -> None:
    words = ("--why", "the data is late", "--until", "2099-12-01T08:00", "--by", "bob")
    result = schedule("pause", "nightly", "often", *words)
    assert (result.exit_code, result.stdout) == (0, "nightly\noften\n"), result.output
    assert "nightly: paused since " in result.stderr
    assert "until 2099-12-01 08:00Z by bob: the data is late." in result.stderr
    found = schedule.pauses()
    assert found["nightly"].until == datetime.fromisoformat("2099-12-01T08:00+01:00"), "in the zone of each"
    assert found["often"].until == datetime.fromisoformat("2099-12-01T08:00+00:00")
    assert (found["often"].by, found["often"].why, found["often"].cause) == (
        "bob",
        "the data is late",
        PauseCause.PERSON,
    )
    assert schedule.outcomes()[0] == ("paused", "nightly", "by bob: the data is late")
    assert schedule.events() == [("paused", "nightly"), ("paused", "often")]


def test_it_is_the_user_who_pauses(schedule: Place) -> None:
    assert schedule("pause", "often", LOGNAME="cleo").exit_code == 0
    assert schedule.pauses()["often"].by == "cleo"
    assert getpass.getuser() != "cleo"


def test_a_pause_that_is_changed_began_when_it_began(schedule: Place) -> None:
    before = schedule.paused("often", 60 * MINUTE, cause=PauseCause.FAILURES, why="3 failures")
    assert schedule("pause", "often", "--by", "bob", "--why", "I look at it").exit_code == 0
    assert schedule.pauses()["often"] == replace(before, by="bob", why="I look at it")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("pause", "nightly", "oftn"), 'did you mean "often"?'),
        (("resume", "oftn"), 'did you mean "often"?'),
        (("pause", "nightly", "--until", "2020-01-01"), "--until 2020-01-01 has passed"),
        (("pause", "nightly", "--until", "soon"), '"soon" is not a time'),
        (("pause",), "Missing argument"),
        (("resume",), "Missing argument"),
    ],
)
def test_what_cannot_be_meant_changes_nothing(words: tuple[str, ...], sentence: str, schedule: Place) -> None:
    result = schedule(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr
    assert schedule.pauses() == {}
    assert schedule.events() == []


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_without_redis_it_is_69(command: str, schedule: Place) -> None:
    result = schedule(command, "nightly", REDIS_URL="redis://127.0.0.1:1/0")
    assert (result.exit_code, result.stdout) == (69, "")
    assert result.stderr.startswith("Redis cannot be reached")


def test_what_goes_on_anyway_is_told_and_is_no_failure(schedule: Place) -> None:
    schedule.paused("often", MINUTE)
    result = schedule("resume", "nightly", "often", "--by", "bob")
    assert (result.exit_code, result.stdout) == (0, "often\n")
    assert "nightly: was not paused." in result.stderr
    assert "often: goes on; it was paused since" in result.stderr
    assert schedule.outcomes() == [("resumed", "often", "by bob")]
    assert schedule.events() == [("resumed", "often")]
    assert schedule.pauses() == {}


def test_resume_never_fires_for_the_past_though_no_beat_has_looked(schedule: Place) -> None:
    before = schedule.considered("often", 10 * MINUTE)
    schedule.paused("often", 11 * MINUTE)
    assert schedule("resume", "often").exit_code == 0
    assert schedule.cursor("often").at > before.at + 8 * MINUTE
    assert set(schedule.ledger("often")) == {"skipped_paused"}
    assert len(schedule.ledger("often")) in {10, 11}


def test_with_catchup_the_cursor_goes_back_to_the_beginning_of_the_pause(schedule: Place) -> None:
    before = schedule.considered("often", MINUTE, taken=7)
    pause = schedule.paused("often", 20 * MINUTE)
    assert schedule("resume", "often", "--catchup").exit_code == 0
    assert schedule.cursor("often") == replace(before, at=pause.since)
    spans = schedule.ask(lambda engine: engine.cursors.spans("often"))
    assert spans[-1]["why"] == "resumed, and asked to make up for the pause"
    assert schedule.events() == [("resumed", "often")]


def test_with_catchup_what_was_not_considered_needs_no_cursor_of_another_time(schedule: Place) -> None:
    before = schedule.considered("often", 20 * MINUTE)
    schedule.paused("often", 10 * MINUTE)
    assert schedule("resume", "often", "--catchup").exit_code == 0
    assert schedule.cursor("often") == before
    assert schedule.ledger("often") == []


def test_a_policy_that_makes_up_for_nothing_is_told(schedule: Place) -> None:
    schedule.considered("never", MINUTE)
    schedule.paused("never", 20 * MINUTE)
    result = schedule("resume", "never", "--catchup")
    assert result.exit_code == 0
    assert "never: its catchup is none" in result.stderr


@pytest.mark.parametrize("catchup", [False, True])
@pytest.mark.parametrize("began", [20, 40])
def test_what_had_all_its_runs_counts_them_anew(began: int, catchup: bool, schedule: Place) -> None:
    before = schedule.considered("twice", 30 * MINUTE, taken=2)
    pause = schedule.paused("twice", began * MINUTE, cause=PauseCause.MAX_RUNS)
    assert schedule("resume", "twice", *(["--catchup"] if catchup else [])).exit_code == 0
    after = schedule.cursor("twice")
    assert after.taken == 0
    assert after.at == pause.since if catchup else after.at > before.at + 29 * MINUTE


def test_what_is_at_its_end_is_refused_until_the_file_says_otherwise(schedule: Place) -> None:
    schedule.paused("ended", MINUTE, cause=PauseCause.END_TIME)
    schedule.paused("often", MINUTE)
    result = schedule("resume", "often", "ended")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "ended cannot go on: its end_time, 2026-01-01T23:59:59+00:00, has passed" in result.stderr
    assert set(schedule.pauses()) == {"ended", "often"}, "nothing was changed"
    (schedule.folder / "a.yaml").write_text(FILE.replace("end_time: 2026-01-01", "end_time: 2099-01-01"))
    assert schedule("resume", "ended").exit_code == 0


def test_what_follows_others_has_nothing_to_catch_up_with(schedule: Place) -> None:
    schedule.paused("follower", MINUTE)
    result = schedule("resume", "follower", "--catchup")
    assert result.exit_code == 2
    assert "follower follows others" in result.stderr
    assert schedule("resume", "follower").exit_code == 0


def test_a_schedule_whose_file_is_broken_is_known_by_what_redis_remembers(schedule: Place) -> None:
    schedule.considered("often", MINUTE)
    (schedule.folder / "a.yaml").write_text(FILE.replace("cron:", "corn:"))
    assert schedule("pause", "often").stdout == "often\n"
    assert schedule("pause", "nightly").exit_code == 2
    assert schedule("resume", "often").stdout == "often\n"
