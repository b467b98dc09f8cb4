"""The fire times to come, as a schedule's page tells them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from worker.domain.cron import Cron
from worker.domain.pause import Pause
from worker.domain.schedule import Schedule, Target
from worker.domain.timing import Timing
from worker.engine.standings import Seen
from worker.store.cursors import Cursor
from worker.web.coming import coming

NOW = datetime(2026, 10, 23, 12, tzinfo=UTC)
"""A Friday; the clocks go back on Sunday."""

SEEN = Seen(cursor=None, last=None, pause=None, results=(), late=False, going=())


def nightly(**more: Any) -> Schedule:
    timing = Timing(crons=(Cron("30 2 * * *", "Europe/Berlin"),), timezone="Europe/Berlin", **more)
    return Schedule(name="n", target=Target(pipeline="p"), timing=timing, timezone="Europe/Berlin", when="30 2 * * *")


def test_a_change_of_the_clocks_is_told_where_it_is_near() -> None:
    fires = coming(nightly(), SEEN, NOW)
    assert len(fires) == 10
    assert "clocks go back 03:00 → 02:00 on Sun 2026-10-25" in fires[1].clocks
    assert not any(fire.clocks for fire in fires[3:])


def test_jitter_is_told_as_the_start_that_it_makes() -> None:
    schedule = nightly(jitter=timedelta(minutes=5))
    for fire in coming(schedule, SEEN, NOW):
        assert fire.starts == schedule.timing.jittered(fire.at, "n")
    assert all(fire.starts is None for fire in coming(nightly(), SEEN, NOW))


def test_skipped_days_stand_among_them_once_a_day() -> None:
    fires = coming(nightly(skip_dates=(date(2026, 10, 25),)), SEEN, NOW)
    assert [(fire.at.day, fire.held) for fire in fires[:3]] == [(24, ""), (25, "skip_dates"), (26, "")]
    assert len(fires) == 11
    every = Timing(every=timedelta(hours=1), timezone="UTC", skip_dates=(date(2026, 10, 24),))
    hourly = replace(nightly(), timing=every, timezone="UTC")
    (day,) = [fire for fire in coming(hourly, SEEN, NOW + timedelta(hours=6)) if fire.held]
    assert day.count == 24


def test_what_a_pause_or_max_runs_lets_go_is_marked() -> None:
    until = NOW + timedelta(days=2)
    paused = replace(SEEN, pause=Pause(since=NOW, by="ada", until=until))
    assert [fire.held for fire in coming(nightly(), paused, NOW)] == ["paused", "paused", *[""] * 8]
    limited = replace(nightly(), max_runs=5)
    seen = replace(SEEN, cursor=Cursor(at=NOW, revision="", taken=3))
    assert [fire.held for fire in coming(limited, seen, NOW)] == ["", "", *["max_runs: 5"] * 8]


def test_what_is_over_or_follows_others_has_none() -> None:
    assert coming(nightly(end_time=NOW), SEEN, NOW) == []
