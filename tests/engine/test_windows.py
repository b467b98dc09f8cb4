"""What a run knows of the past: the fire before it, its window, the last success; and one run for many fires."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.engine.night import Night
from worker.domain.pause import Pause
from worker.domain.results import Result
from worker.store.codec import decode_trigger

T0 = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

WORDS = (
    "{{ window_start | date('%H:%M') }} {{ window_end | date('%H:%M') }} {{ previous_fire_time | date('%H:%M') }}"
    " {{ last_success.run_id if last_success else 'none' }}"
)
"""Window, the fire before, and the last success, in the zone of the schedule."""


def schedule(*lines: str, every: str = '"*/10 * * * *"', words: str = WORDS) -> str:
    config = f'{{steps: {{model_trainer: {{parameters: {{data_date: "{words}"}}}}}}}}'
    given = (f"  cron: {every}", "  timezone: Europe/Berlin", *(f"  {line}" for line in lines), f"  config: {config}")
    return "\n".join(["- name: s", "  pipeline: training", *given, ""])


async def tick(n: Night, now: datetime) -> None:
    """Let the beat be there at a time."""
    if not n.fence:
        await n.step()
    await n.scheduler.tick(now, n.fence)


async def begin(n: Night, text: str) -> None:
    """Define schedules, which a beat sees for the first time at T0."""
    (n._directory / "s.yaml").unlink(missing_ok=True)
    await n.step()
    # What is recorded stays where it is: these tests are about decisions, and their time is long past.
    scheduler: Any = n.scheduler
    scheduler._ring = _no_ring
    n.define(text)
    await tick(n, T0 + MINUTE)


async def _no_ring() -> None:
    pass


async def decided(n: Night) -> list[tuple[str, str]]:
    return [(entry["fire_time"][11:16], entry["decision"]) for entry in await n.ledger()]


async def words(n: Night, number: int = -1) -> str:
    entry = (await n.ledger())[number]
    (fields,) = await n.engine.triggers.get([entry["trigger"]])
    body = decode_trigger(fields["data"].encode()).body
    return str(body["steps"]["model_trainer"]["parameters"]["data_date"])


def test_a_run_knows_the_fire_before_it(night: Any) -> None:
    async def body(n: Night) -> None:
        await begin(n, schedule())
        await tick(n, T0 + 10 * MINUTE)
        assert await words(n) == "11:00 11:10 11:00 none"
        await tick(n, T0 + 20 * MINUTE)
        assert await words(n) == "11:10 11:20 11:10 none"

    night(body)


def test_the_last_success_is_that_of_the_latest_fire(night: Any) -> None:
    async def body(n: Night) -> None:
        await begin(n, schedule(words="{{ last_success.run_id }} {{ last_success.fire_time | date('%H:%M') }}"))
        for minute, fate in ((20, "completed"), (10, "completed"), (30, "failed")):
            fire = T0 + minute * MINUTE
            old = Result(trigger=f"t{minute}", fate=fate, ended=T0 + 31 * MINUTE, fire_time=fire, run_id=f"r{minute}")
            known = (await n.engine.results.last_successes(["s"])).get("s")
            await n.write(*n.engine.results.add("s", old, known))
        await tick(n, T0 + 10 * MINUTE)
        assert await words(n) == "r20 11:20"

    night(body)


def test_without_a_success_there_is_none(night: Any) -> None:
    async def body(n: Night) -> None:
        await begin(n, schedule(words="{{ last_success is none }}"))
        await tick(n, T0 + 10 * MINUTE)
        assert await words(n) == "True"

    night(body)


@pytest.mark.usefixtures("brisk")
def test_a_run_that_has_completed_is_known_to_the_next(night: Any) -> None:
    async def body(n: Night) -> None:
        config = "{steps: {model_trainer: {parameters: {data_date: \"{{ last_success.run_id | default('none') }}\"}}}}"
        n.define(f"- name: s\n  pipeline: training\n  every: 1s\n  overlap: skip\n  config: {config}\n")
        (first,) = await n.started()
        n.end(first["run_id"])
        second = (await n.started(count=2))[1]
        given = n.run(second["run_id"]).configuration["steps"]["model_trainer"]["parameters"]
        assert given == {"data_date": first["run_id"]}

    night(body)


def test_many_fires_that_were_missed_are_one_run_over_the_whole_window(night: Any) -> None:
    async def body(n: Night) -> None:
        await begin(n, schedule("catchup: all", "catchup_window: 6h", "coalesce: true", "max_runs: 3"))
        await tick(n, T0 + 10 * MINUTE)
        await tick(n, T0 + 55 * MINUTE)
        expected = [("10:10", "fired"), *((f"10:{m}", "coalesced") for m in (20, 30, 40)), ("10:50", "fired")]
        assert await decided(n) == expected
        assert await words(n) == "11:10 11:50 11:40 none"
        reasons = {entry["reason"] for entry in await n.ledger() if entry["decision"] == "coalesced"}
        assert reasons == {"it is part of the run of 2026-03-02T10:50:00+00:00"}
        assert {outcome["status"] for outcome in await n.outcomes() if outcome.get("decision") == "coalesced"} == {
            "skipped"
        }
        await tick(n, T0 + 60 * MINUTE)
        assert await words(n) == "11:50 12:00 11:50 none"
        assert (await n.engine.cursors.some(["s"]))["s"].taken == 3

    night(body)


def test_the_window_ends_with_what_is_on_time(night: Any) -> None:
    async def body(n: Night) -> None:
        await begin(n, schedule("catchup: all", "catchup_window: 6h", "coalesce: true"))
        await tick(n, T0 + 30 * MINUTE + timedelta(seconds=2))
        assert await decided(n) == [("10:10", "coalesced"), ("10:20", "coalesced"), ("10:30", "fired")]
        assert await words(n) == "11:00 11:30 11:20 none"

    night(body)


def test_what_is_not_within_the_catch_up_window_is_missed_and_told_once(night: Any) -> None:
    async def body(n: Night) -> None:
        more = ("catchup: all", "catchup_window: 25m", "coalesce: true", "notify: {to: 'https://a.example/'}")
        await begin(n, schedule(*more))
        await tick(n, T0 + 55 * MINUTE)
        assert await decided(n) == [
            *((f"10:{m}", "missed_downtime") for m in (10, 20, 30)),
            ("10:40", "coalesced"),
            ("10:50", "fired"),
        ]
        assert await words(n) == "11:30 11:50 11:40 none"
        await n.mind(await n.now())
        (letter,) = await n.letters("missed")
        assert "(3 fires, the last one due at 2026-03-02T10:30:00+00:00)" in letter.alert.reason

    night(body)


def test_what_a_pause_covers_is_not_made_up_for(night: Any) -> None:
    async def body(n: Night) -> None:
        await begin(n, schedule("catchup: all", "catchup_window: 6h", "coalesce: true"))
        pause = Pause(since=T0 + 15 * MINUTE, until=T0 + 35 * MINUTE, by="ada")
        await n.write(n.engine.pauses.begin("s", pause))
        await tick(n, T0 + 55 * MINUTE)
        assert await decided(n) == [
            ("10:10", "coalesced"),
            ("10:20", "skipped_paused"),
            ("10:30", "skipped_paused"),
            ("10:40", "coalesced"),
            ("10:50", "fired"),
        ]

    night(body)


def test_without_coalesce_each_has_its_run_and_window(night: Any) -> None:
    async def body(n: Night) -> None:
        await begin(n, schedule("catchup: all", "catchup_window: 6h"))
        await tick(n, T0 + 35 * MINUTE)
        assert [await words(n, number) for number in range(3)] == [
            "11:00 11:10 11:00 none",
            "11:10 11:20 11:10 none",
            "11:20 11:30 11:20 none",
        ]

    night(body)
