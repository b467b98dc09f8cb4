"""Every fire time in (cursor, now] gets one decision, whatever the scheduler missed, and whoever else was there."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.engine.clockwork import EVERY_MINUTE, MINUTE, T0, Clockwork, no_ring
from worker.domain.errors import LeadLost
from worker.domain.timing import Timing
from worker.engine.leading import TTL
from worker.engine.past import Past
from worker.engine.rebuilding import Rebuilder
from worker.engine.scheduler import Scheduler
from worker.source import Definitions, Source
from worker.store.codec import decode_trigger
from worker.store.lease import Lease


def test_each_instant_fires_once_and_is_on_record(clockwork: Any) -> None:
    async def body(c: Clockwork) -> None:
        c.define(EVERY_MINUTE)
        for seconds in range(0, 181, 20):
            await c.tick(T0 + timedelta(seconds=seconds))
        assert await c.ledger() == [("10:01", "fired"), ("10:02", "fired"), ("10:03", "fired")]
        assert len(await c.engine.triggers.newest(10)) == 3

    clockwork(body)


def test_a_schedule_seen_for_the_first_time_does_not_fire_for_the_past(clockwork: Any) -> None:
    async def body(c: Clockwork) -> None:
        c.define(EVERY_MINUTE, catchup="all", catchup_window="1h")
        await c.tick(T0)
        assert await c.ledger() == []

    clockwork(body)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("none", [("10:01", "missed_downtime"), ("10:02", "missed_downtime"), ("10:03", "missed_downtime")]),
        ("latest", [("10:01", "missed_downtime"), ("10:02", "missed_downtime"), ("10:03", "fired")]),
        ("all", [("10:01", "fired"), ("10:02", "fired"), ("10:03", "fired")]),
    ],
)
def test_what_was_missed_is_made_up_for_by_policy_and_always_on_record(
    policy: str, expected: list[tuple[str, str]], clockwork: Any
) -> None:
    async def body(c: Clockwork) -> None:
        c.define(EVERY_MINUTE, catchup=policy, catchup_window="10m")
        await c.tick(T0)
        c.restart()
        await c.tick(T0 + 3 * MINUTE + timedelta(seconds=30))
        assert await c.ledger() == expected

    clockwork(body)


def test_what_is_older_than_the_window_is_missed(clockwork: Any) -> None:
    async def body(c: Clockwork) -> None:
        c.define(EVERY_MINUTE, catchup="all", catchup_window="100s")
        await c.tick(T0)
        c.restart()
        await c.tick(T0 + 5 * MINUTE + timedelta(seconds=30))
        decisions = await c.ledger()
        assert [time for time, decision in decisions if decision == "missed_downtime"] == ["10:01", "10:02", "10:03"]
        assert [time for time, decision in decisions if decision == "fired"] == ["10:04", "10:05"]
        assert "catch-up window of 1m40s" in (await c.engine.cursors.ledger("s", 10))[-1]["reason"]

    clockwork(body)


def test_weeks_of_seconds_are_not_walked_through(clockwork: Any) -> None:
    async def body(c: Clockwork) -> None:
        c.define("every: 1s", catchup="latest")
        await c.tick(T0)
        c.restart()
        await c.tick(T0 + timedelta(days=21))
        ledger = await c.engine.cursors.ledger("s", 1000)
        assert 200 <= len(ledger) < 1000
        assert any("earlier)" in entry.get("reason", "") for entry in ledger)

    clockwork(body)


def test_a_changed_timing_counts_from_now_and_a_changed_target_does_not_matter(clockwork: Any) -> None:
    async def body(c: Clockwork) -> None:
        c.define(EVERY_MINUTE)
        await c.tick(T0)
        await c.tick(T0 + MINUTE)
        c.define('cron: "*/2 * * * *"', catchup="all", catchup_window="1h")
        c.restart()
        await c.tick(T0 + 30 * MINUTE + timedelta(seconds=30))
        assert await c.ledger() == [("10:01", "fired")]
        c.define('cron: "*/2 * * * *"', priority="3")
        await c.tick(T0 + 32 * MINUTE)
        assert await c.ledger() == [("10:01", "fired"), ("10:32", "fired")]

    clockwork(body)


def test_max_runs_ends_a_schedule(clockwork: Any) -> None:
    async def body(c: Clockwork) -> None:
        c.define(EVERY_MINUTE, max_runs="2")
        for minute in range(5):
            await c.tick(T0 + minute * MINUTE)
            c.restart()
        assert await c.ledger() == [("10:01", "fired"), ("10:02", "fired")]

    clockwork(body)


def test_a_removed_schedule_stops_and_a_broken_file_does_not_stop_it(clockwork: Any) -> None:
    async def body(c: Clockwork) -> None:
        c.define(EVERY_MINUTE)
        c.define(EVERY_MINUTE, name="t")
        await c.tick(T0)
        (c.directory / "s.yaml").write_text("schedules: [")
        (c.directory / "t.yaml").unlink()
        await c.tick(T0 + MINUTE)
        assert await c.ledger("s") == [("10:01", "fired")]
        assert await c.ledger("t") == []

    clockwork(body)


def test_a_second_beat_finds_what_the_first_one_did(clockwork: Any, tmp_path: Path) -> None:
    async def body(c: Clockwork) -> None:
        c.define(EVERY_MINUTE)
        await c.tick(T0)
        other = Clockwork(c.engine, c.demo, c.directory)
        other.fence = c.fence  # as if the lease had failed: the cursor alone has to hold
        await other.tick(T0)
        await c.tick(T0 + MINUTE)
        await other.tick(T0 + MINUTE)
        assert await c.ledger() == [("10:01", "fired")]
        assert len(await c.engine.triggers.newest(10)) == 1
        await other.tick(T0 + 2 * MINUTE)
        assert await c.ledger() == [("10:01", "fired"), ("10:02", "fired")]

    clockwork(body)


def test_a_beat_that_lost_the_lead_writes_nothing(clockwork: Any) -> None:
    async def body(c: Clockwork) -> None:
        c.define(EVERY_MINUTE)
        await c.tick(T0)
        await Lease(c.engine.redis, c.engine.keys, "beat", TTL).resign()
        await c.engine.redis.delete(c.engine.keys.leader)
        await Lease(c.engine.redis, c.engine.keys, "another", TTL).take()
        with pytest.raises(LeadLost):
            await c.tick(T0 + MINUTE)
        assert await c.ledger() == []
        assert await c.engine.triggers.newest(10) == []

    clockwork(body)


def test_jitter_delays_the_sending_and_not_the_decision(clockwork: Any) -> None:
    async def body(c: Clockwork) -> None:
        fire_time = datetime(2100, 1, 1, tzinfo=UTC)
        c.define("every: 1h", jitter="59m")
        await c.tick(fire_time - timedelta(hours=1))
        await c.tick(fire_time)
        found = await c.engine.limits.dispatch()
        ids, later = found.ids, found.later
        assert ids == []
        assert later is not None
        assert timedelta(0) < later - fire_time <= timedelta(minutes=59)

    clockwork(body)


def test_a_body_that_cannot_be_rendered_is_skipped_with_its_reason(clockwork: Any) -> None:
    async def body(c: Clockwork) -> None:
        c.define(EVERY_MINUTE, config='{run_name: "{{ 1 // (fire_time.minute - 1) }}"}')
        await c.tick(T0)
        await c.tick(T0 + MINUTE)
        await c.tick(T0 + 2 * MINUTE)
        assert await c.ledger() == [("10:01", "rejected"), ("10:02", "fired")]
        outcomes = await c.engine.outcomes.newest(10)
        assert [outcome["status"] for outcome in outcomes] == ["skipped"]
        assert "run_name" in outcomes[0]["reason"]

    clockwork(body)


def test_a_night_with_a_clock_change_fires_as_vixie_says(clockwork: Any) -> None:
    async def body(c: Clockwork) -> None:
        c.define('cron: "30 2 * * *"', timezone="Europe/Berlin")
        start = datetime(2026, 3, 28, 12, tzinfo=UTC)
        await c.tick(start)
        for minute in range(0, 2 * 24 * 60, 5):
            await c.tick(start + timedelta(minutes=minute))
        found = await c.engine.cursors.ledger("s", 10)
        assert [entry["fire_time"] for entry in found[::-1]] == [
            "2026-03-29T01:00:00+00:00",  # 02:30 does not exist: once, right after the gap
            "2026-03-30T00:30:00+00:00",
        ]

    clockwork(body)


def test_what_was_considered_is_on_record_without_a_hole_and_a_new_beginning_says_why(clockwork: Any) -> None:
    async def body(c: Clockwork) -> None:
        c.define(EVERY_MINUTE)
        await c.tick(T0)
        for minute in range(1, 4):
            await c.tick(T0 + minute * MINUTE)
        c.define('cron: "*/2 * * * *"')
        await c.tick(T0 + 4 * MINUTE + timedelta(seconds=30))
        first, second = await c.engine.cursors.spans("s")
        at = {key: datetime.fromtimestamp(int(value) / 1000, UTC) for key, value in first.items() if key != "why"}
        assert at == {"from": T0, "till": T0 + 3 * MINUTE}
        assert first["why"] == "seen for the first time"
        assert second["why"] == "its timing was changed"
        assert "till" not in second

    clockwork(body)


def test_days_that_are_skipped_are_on_record(clockwork: Any) -> None:
    async def body(c: Clockwork) -> None:
        c.define('cron: "0 12 * * *"', skip_dates="[2026-03-03, 2026-03-04]")
        await c.tick(T0)
        await c.tick(T0 + timedelta(days=3, hours=2))
        found = (await c.engine.cursors.ledger("s", 10))[::-1]
        told = [(entry["fire_time"][8:10], entry["decision"]) for entry in found]
        skipped = "skipped_calendar"
        assert told == [("02", "missed_downtime"), ("03", skipped), ("04", skipped), ("05", "fired")]
        assert found[1]["reason"] == "its day is among skip_dates"

    clockwork(body)


def test_an_instant_whose_trigger_is_known_is_deduplicated(clockwork: Any) -> None:
    async def body(c: Clockwork) -> None:
        c.define(EVERY_MINUTE, catchup="all", catchup_window="36500d")
        await c.tick(T0)
        await c.tick(T0 + MINUTE)
        (cursor,) = (await c.engine.cursors.all()).values()
        # A Redis that was brought back from a copy: the cursor is older than what became of it.
        await c.engine.redis.hset(c.engine.keys.cursors, "s", replace(cursor, at=T0).form())
        await c.engine.redis.delete(c.engine.keys.ledger("s"))
        c.restart()
        await c.tick(T0 + 2 * MINUTE)
        assert await c.ledger() == [("10:01", "deduplicated"), ("10:02", "fired")]
        assert len(await c.engine.triggers.newest(10)) == 2

    clockwork(body)


class Misbehaving:
    """A timing with a fault of ours, for as long as `broken`."""

    def __init__(self, right: Timing) -> None:
        self.right = right
        self.broken = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self.right, name)

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        if self.broken:
            raise ZeroDivisionError
        return self.right.between(after, until)


class Given:
    """Definitions that come from no file."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions

    async def read_on(self) -> Definitions:
        return self._definitions


def test_a_schedule_that_brings_out_a_fault_of_ours_does_not_hold_up_the_others(
    clockwork: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def body(c: Clockwork) -> None:
        c.define(EVERY_MINUTE, name="a", catchup="all", catchup_window="1h")
        c.define(EVERY_MINUTE, name="b")
        found = Source(c.directory, settle=False).read()
        first, second = found.schedules
        timing = Misbehaving(first.timing)
        ailing = replace(found, schedules=(replace(first, timing=timing), second))
        rebuilder = Rebuilder(c.engine.zenml, lambda: c.clock)
        c.scheduler = Scheduler(
            Given(ailing),
            c.engine.cursors,
            c.engine.triggers,
            Past(c.engine.pauses, c.engine.results, c.engine.sweeps),
            rebuilder,
            no_ring,
        )
        for seconds in (0, 60, 61, 120):
            await c.tick(T0 + timedelta(seconds=seconds))
        assert await c.ledger("b") == [("10:01", "fired"), ("10:02", "fired")]
        assert await c.ledger("a") == []
        assert caplog.text.count("schedule cannot be considered") == 2, "once a minute"
        timing.broken = False
        await c.tick(T0 + timedelta(seconds=180))
        assert await c.ledger("a") == [("10:01", "fired"), ("10:02", "fired"), ("10:03", "fired")], "nothing is lost"
        await c.tick(T0 + timedelta(seconds=240))
        assert (await c.ledger("a"))[-1] == ("10:04", "fired")

    clockwork(body)


def test_a_clock_that_goes_back_fires_nothing_twice_and_nothing_less(clockwork: Any) -> None:
    async def body(c: Clockwork) -> None:
        c.define(EVERY_MINUTE)
        c.define(EVERY_MINUTE, name="none", catchup="none")
        await c.tick(T0)
        await c.tick(T0 + MINUTE)
        await c.tick(T0 + timedelta(days=2))  # forward: the catch-up policy decides
        assert (await c.ledger())[-1] == ("10:00", "fired")
        fired = len(await c.engine.triggers.newest(1000))
        c.scheduler.forget()  # as the beat does when it sees the jump back
        for minutes in (2, 3, 4):
            await c.tick(T0 + minutes * MINUTE)
        found = {entry["fire_time"][:16]: entry["decision"] for entry in await c.engine.cursors.ledger("none", 1000)}
        assert [found[f"2026-03-02T10:0{minute}"] for minute in (3, 4)] == ["fired", "fired"]
        assert len(await c.engine.triggers.newest(1000)) == fired + 4
        assert (await c.engine.cursors.spans("s"))[-1]["why"] == "the clock went back"
        for day in range(3):
            await c.tick(T0 + timedelta(days=day, minutes=10))
        triggers = await c.engine.triggers.get(await c.engine.triggers.newest(1000))
        sources = [decode_trigger(trigger["data"].encode()).source for trigger in triggers]
        assert len(sources) == len(set(sources))

    clockwork(body)


NIGHTS = [
    ("Europe/Berlin", "2026-03-28", "2026-03-30"),
    ("Europe/Berlin", "2026-10-24", "2026-10-26"),
    ("America/New_York", "2026-11-01", "2026-11-02"),
    ("Australia/Lord_Howe", "2026-04-04", "2026-04-06"),
    ("America/Havana", "2026-03-07", "2026-03-09"),
    ("Africa/Cairo", "2026-04-23", "2026-04-25"),
]


@pytest.mark.parametrize(("zone", "first", "last"), NIGHTS)
def test_nights_with_a_clock_change_through_the_whole_engine(zone: str, first: str, last: str, clockwork: Any) -> None:
    begin = datetime.fromisoformat(first).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    end = datetime.fromisoformat(last).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    days = (datetime.fromisoformat(last) - datetime.fromisoformat(first)).days

    async def body(c: Clockwork) -> None:
        for hour in range(4):
            c.define(f'cron: "30 {hour} * * *"', name=f"daily-{hour}", timezone=zone)
        c.define('cron: "*/15 * * * *"', name="quarters", timezone=zone)
        now = begin - timedelta(minutes=1)
        while now < end:
            await c.tick(now)
            if now.minute % 20 == 7:
                c.restart()  # wherever a beat begins, it decides the same
            now += timedelta(minutes=1)
        for hour in range(4):
            assert [decision for _, decision in await c.ledger(f"daily-{hour}")] == ["fired"] * days, f"{hour}:30"
        quarters = [entry["fire_time"] for entry in await c.engine.cursors.ledger("quarters", 1000)]
        assert len(quarters) == (end - begin) / timedelta(minutes=15), "by time that went by: 23, 24 or 25 hours"
        assert len(set(quarters)) == len(quarters)

    clockwork(body)
