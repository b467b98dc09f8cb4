"""A backfill: the fire times of a range, each at most once, beside a schedule that goes on."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.engine.night import Night
from tests.engine.ranges import (
    BEGIN,
    LONG,
    SHORT,
    again,
    daily,
    days,
    decisions,
    defined,
    fires,
    have,
    ran,
    runs,
    start,
    trigger_of,
)
from worker.demo.zenml.runs import Run
from worker.domain.errors import InvalidInput
from worker.domain.schedule import Schedule
from worker.domain.trigger import Origin, TriggerState
from worker.engine import sweeping
from worker.engine.backfilling import Order
from worker.engine.planner import for_schedule
from worker.engine.prospects import look_ahead
from worker.store.codec import decode_trigger
from worker.store.items import Entry, Item

pytestmark = pytest.mark.usefixtures("brisk")


@pytest.fixture(autouse=True)
def prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends is wound up as often as a test takes steps."""
    monkeypatch.setattr("worker.engine.winding.AGAIN", timedelta(milliseconds=20))


def test_each_fire_time_of_a_range_has_one_run_and_its_entry_in_the_ledger(night: Any) -> None:
    async def body(n: Night) -> None:
        schedule = await defined(n, SHORT, "notify: {to: [ops]}")
        identity = await start(n, schedule, 5)
        assert (await sweeping.start_backfill(n.engine, *again(schedule, 5)))[1] is False
        row = await n.finished(identity)
        assert (row.total, row.started, row.completed, row.known, row.runs) == (5, 5, 5, 0, 5)
        assert sorted(fires(n)) == days(5)
        entries = await n.ledger()
        assert [(entry["decision"], entry["reason"]) for entry in entries] == [
            ("fired", f"backfill {identity[:8]}")
        ] * 5
        assert [entry["trigger"] for entry in entries] == [trigger_of(fire) for fire in days(5)]
        (fields,) = await n.engine.triggers.get([trigger_of(BEGIN)])
        trigger = decode_trigger(fields["data"].encode())
        assert (trigger.origin, trigger.priority, trigger.sweep, trigger.trial) == (Origin.BACKFILL, -10, identity, 1)

    night(body, ZENBEAT_RECEIVERS='{"ops": "http://127.0.0.1:9/"}')


def test_what_has_had_its_run_is_not_run_again_also_when_redis_has_forgotten_it(night: Any) -> None:
    async def body(n: Night) -> None:
        schedule = await defined(n, SHORT)
        await ran(n, schedule, 3)
        # Of the three runs of before, Redis still knows the first and the third.
        await n.engine.redis.delete(n.engine.keys.trigger(trigger_of(days(3)[1])))
        wanted, key = again(schedule, 5)
        told = [prospect.told for prospect in await look_ahead(n.engine, schedule, wanted)]
        assert told[0] == f"had its run (trigger {trigger_of(BEGIN)}, completed)"
        assert told[1:] == [
            "runs, unless ZenML has its run: it fired, and is forgotten here",
            told[0].replace(trigger_of(BEGIN), trigger_of(days(3)[2])),
            "runs",
            "runs",
        ]
        row = await n.finished((await sweeping.start_backfill(n.engine, wanted, key))[0])
        assert (row.known, row.started, row.completed) == (2, 3, 3)
        assert sorted(fires(n)) == days(5)
        adopted = [outcome["fire_time"] for outcome in await n.outcomes("started") if outcome.get("adopted")]
        assert [each[:10] for each in adopted] == ["2026-03-02"]

    night(body)


@pytest.mark.parametrize(
    "state", [TriggerState.SKIPPED, TriggerState.CANCELLED, TriggerState.DISCARDED, TriggerState.DEAD]
)
def test_what_never_had_its_run_has_it_now(state: TriggerState, night: Any) -> None:
    async def body(n: Night) -> None:
        schedule = await defined(n, SHORT)
        await ended_without_a_run(n, schedule, BEGIN, state)
        wanted, key = again(schedule, 2)
        first = (await look_ahead(n.engine, schedule, wanted))[0]
        assert first.runs
        assert first.told.startswith("runs; ")
        row = await n.finished((await sweeping.start_backfill(n.engine, wanted, key))[0])
        assert (row.completed, row.known, sorted(fires(n))) == (2, 0, days(2))
        assert await decisions(n) == ["fired", "fired"]
        assert await n.engine.triggers.dead(10) == []
        assert await n.engine.results.going_on("s") == []
        (fields,) = await n.engine.triggers.get([trigger_of(BEGIN)])
        assert fields["generation"] == "1"  # what the server answered once under the other key is no answer to this
        assert await n.engine.redis.pttl(n.engine.keys.trigger(trigger_of(BEGIN))) != 0

    night(body)


async def ended_without_a_run(n: Night, schedule: Schedule, fire: datetime, state: TriggerState) -> None:
    """Write what is on record of a fire that came to nothing."""
    trigger = for_schedule(schedule, fire)
    ledger = {
        "fire_time": fire.isoformat(),
        "decision": "skipped_overlap",
        "reason": "so it was",
        "trigger": trigger.id,
    }
    cursor = (await n.engine.cursors.some(["s"]))["s"].form()
    entry = Entry(trigger=trigger, fire_time=fire, ledger=ledger)
    await n.engine.triggers.record([Item(name="s", expected=cursor, cursor=cursor, entries=[entry])])
    keys, redis = n.engine.keys, n.engine.redis
    await redis.zrem(keys.ready, trigger.id)
    await redis.hset(keys.trigger(trigger.id), "state", state.value)
    if state is TriggerState.DEAD:
        await redis.zadd(keys.dead, {trigger.id: 1})


def test_what_was_missed_runs_and_the_ledger_says_so(night: Any) -> None:
    async def body(n: Night) -> None:
        schedule = await defined(n, SHORT)
        cursor = (await n.engine.cursors.some(["s"]))["s"].form()
        missed = {"fire_time": BEGIN.isoformat(), "decision": "missed_downtime", "reason": "nobody looked"}
        entry = Entry(fire_time=BEGIN, ledger=missed)
        await n.engine.triggers.record([Item(name="s", expected=cursor, cursor=cursor, entries=[entry])])
        wanted, _ = again(schedule, 1)
        (first,) = await look_ahead(n.engine, schedule, wanted)
        assert first.told == "runs; was missed: missed_downtime, nobody looked"
        await ran(n, schedule, 1)
        assert await decisions(n) == ["fired"]

    night(body)


def test_one_after_the_other_where_the_schedule_does_not_overlap_itself(night: Any) -> None:
    async def body(n: Night) -> None:
        schedule = await defined(n, LONG, "overlap: skip")
        identity = await start(n, schedule, 3)
        for number in (1, 2, 3):
            begun = await have(n, number)
            await n.quiet()
            assert len(runs(n)) == number
            n.end(str(begun[-1].id))
        await n.finished(identity)
        assert fires(n) == days(3)

    night(body)


def test_a_backfill_keeps_a_live_schedule_neither_busy_nor_paused(night: Any) -> None:
    rules = ("overlap: skip", "pause_after: 1", "notify: {to: [ops]}")

    async def body(n: Night) -> None:
        identity = await start(n, await defined(n, LONG, *rules), 2, max_parallel=2)
        old = await have(n, 2)
        n.define(daily(SHORT, *rules).replace('cron: "0 1 * * *"', "every: 1s"))
        live = [entry for entry in await n.fired(count=5) if entry["fire_time"] > "2026-03-03"]
        # It may meet itself, but nothing else.
        assert [entry["decision"] for entry in live].count("fired") >= 2
        for run in old:
            n.end(str(run.id), "failed")
        row = await n.finished(identity)
        assert row.failed == 2
        entries = await n.fired(count=len(await n.ledger()) + 2)
        assert {entry["decision"] for entry in entries} <= {"fired", "skipped_overlap"}
        assert await n.letters() == []
        assert await n.engine.pauses.all() == {}

    night(body, ZENBEAT_RECEIVERS='{"ops": "http://127.0.0.1:9/"}')


def test_newest_first(night: Any) -> None:
    async def body(n: Night) -> None:
        schedule = await defined(n, SHORT, "overlap: buffer_all")
        await ran(n, schedule, 3, order=Order.NEWEST)
        assert fires(n) == days(3)[::-1]

    night(body)


DATES = "{{ window_start | date('%d') }}-{{ window_end | date('%d') }}"
WINDOW = f'config: {{steps: {{model_trainer: {{parameters: {{seconds: 0, data_date: "{DATES}"}}}}}}}}'


def windows(n: Night) -> list[str]:
    return [run.configuration["steps"]["model_trainer"]["parameters"]["data_date"] for run in runs(n)]


def test_coalesced_it_is_one_run_over_the_whole_window(night: Any) -> None:
    async def body(n: Night) -> None:
        schedule = await defined(n, WINDOW)
        identity = await ran(n, schedule, 4, coalesce=True)
        assert windows(n) == ["28-04"]
        entries = await n.ledger()
        assert [entry["decision"] for entry in entries] == ["coalesced"] * 3 + ["fired"]
        assert entries[0]["reason"] == f"backfill {identity[:8]}; it is part of the run of {days(4)[3].isoformat()}"
        # Each of these has been made up for; only what lies beyond the window is run.
        row = await n.sweep(await ran(n, schedule, 5))
        assert (row.known, row.completed) == (4, 1)
        assert windows(n) == ["28-04", "04-05"]

    night(body)


def test_a_window_covers_also_what_has_had_its_run(night: Any) -> None:
    async def body(n: Night) -> None:
        schedule = await defined(n, WINDOW)
        await ran(n, schedule, 3)
        await ran(n, schedule, 4, coalesce=True)
        assert sorted(windows(n)) == ["01-02", "02-03", "28-01", "28-04"]
        assert await decisions(n) == ["fired"] * 4

    night(body)


def test_forced_each_runs_once_more_for_each_key(night: Any) -> None:
    async def body(n: Night) -> None:
        schedule = await defined(n, SHORT)
        await ran(n, schedule, 2)
        first = await ran(n, schedule, 2, force=True)
        assert await ran(n, schedule, 2, force=True) == first
        assert len(runs(n)) == 4
        await ran(n, schedule, 2, force=True, key="once more")
        assert len(runs(n)) == 6
        row = await n.sweep(await ran(n, schedule, 2, key="plain"))
        assert (row.known, len(runs(n))) == (2, 6)

    night(body)


def test_it_is_paused_goes_on_and_is_cancelled(night: Any) -> None:
    async def body(n: Night) -> None:
        schedule = await defined(n, LONG)
        identity = await start(n, schedule, 6, max_parallel=2)
        begun = await have(n, 2)
        assert await sweeping.pause(n.engine, await n.sweep(identity), "ann")
        n.end(str(begun[0].id))
        await n.quiet()
        assert len(runs(n)) == 2
        await sweeping.resume(n.engine, await n.sweep(identity))
        await have(n, 3)
        await sweeping.cancel(n.engine, await n.sweep(identity), "ann", stop_running=True)
        going = [run for run in runs(n) if run is not begun[0]]
        await n.until(lambda: _all_stopping(n, going))
        for run in going:
            n.end(str(run.id), "stopped")
        row = await n.finished(identity)
        assert (row.ended, row.completed, row.stopped, row.recorded) == ("cancelled by ann", 1, 2, 3)
        with pytest.raises(InvalidInput, match="cancelled by ann"):
            await start(n, schedule, 6, max_parallel=2)

    night(body)


async def _all_stopping(n: Night, going: Sequence[Run]) -> bool:
    return all(n.run(str(run.id)).status(n.demo.state.now()) == "stopping" for run in going)


def test_what_failed_is_run_again_under_the_same_numbers(night: Any) -> None:
    async def body(n: Night) -> None:
        schedule = await defined(n, LONG)
        identity = await start(n, schedule, 3)
        begun = await have(n, 3)
        for run, status in zip(begun, ("completed", "failed", "completed"), strict=True):
            n.end(str(run.id), status)
        await n.finished(identity)
        (again,) = [
            result for result in (await n.engine.sweeps.all_results(await n.sweep(identity))).values() if result.failed
        ]
        schedules = {"s": schedule}
        assert (await sweeping.retry(n.engine, await n.sweep(identity), schedules)).again == 1
        n.end(str((await have(n, 4))[-1].id))
        row = await n.finished(identity)
        assert (row.completed, row.failed, row.runs) == (3, 0, 4)
        results = await n.engine.sweeps.all_results(row)
        assert (results[again.number].fate, results[again.number].runs) == ("completed", 2)

    night(body)


def test_beats_that_come_and_go_double_nothing(night: Any) -> None:
    async def body(n: Night) -> None:
        schedule = await defined(n, SHORT)
        identity = await start(n, schedule, 12, max_parallel=3)
        for number in range(1, 12, 2):
            await have(n, number)
            n.restart()
        row = await n.finished(identity)
        assert (row.completed, row.known, sorted(fires(n))) == (12, 0, days(12))

    night(body)


def test_a_fire_time_that_cannot_be_rendered_is_rejected_alone(night: Any) -> None:
    config = "config: {extra: {share: '{{ 1 // (fire_time.day - 2) }}'}}"

    async def body(n: Night) -> None:
        identity = await start(n, await defined(n, config), 3)
        row = await n.finished(identity)
        assert (row.completed, row.dead, row.ended) == (2, 1, "")
        assert await decisions(n) == ["fired", "rejected", "fired"]
        found = await n.engine.sweeps.all_results(row)
        assert found[2].failed
        assert "extra.share" in (found[2].reason or "")
        assert (await n.ledger())[1]["reason"].startswith(f"backfill {identity[:8]}; the body cannot be rendered")

    night(body)


def test_where_its_schedule_is_removed_it_ends_and_says_why(night: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.engine.fanout.PATIENCE", timedelta(milliseconds=50))

    async def body(n: Night) -> None:
        identity = await start(n, await defined(n, LONG), 4, max_parallel=1)
        (first,) = await have(n, 1)
        n.define("[]")
        await n.quiet()
        n.end(str(first.id))
        row = await n.finished(identity)
        assert row.ended == "after trial 1: schedule s is not defined any more"
        assert (row.completed, len(runs(n))) == (1, 1)

    night(body)


def test_where_its_file_cannot_be_read_by_a_new_beat_it_waits(night: Any) -> None:
    async def body(n: Night) -> None:
        identity = await start(n, await defined(n, SHORT), 3)
        n.define("- name: s\n  pipelin: training")
        n.restart()
        await n.quiet()
        assert (await n.sweep(identity)).recorded == 0
        n.define(daily(SHORT))
        row = await n.finished(identity)
        assert (row.completed, row.ended) == (3, "")

    night(body)


def test_what_is_due_now_goes_before_it(night: Any) -> None:
    async def body(n: Night) -> None:
        await start(n, await defined(n, LONG), 3)
        n.define("- {name: live, pipeline: training, every: 1s}", file="live")
        # Nothing is sent meanwhile, so that both wait.
        await n.duties.fan_out(n.fence)
        ready = n.engine.keys.ready

        async def both() -> bool:
            now = await n.now()
            await n.scheduler.tick(now, n.fence)
            return bool(await n.engine.redis.zcard(ready) > 3)

        scheduler: Any = n.scheduler
        scheduler._ring = _no_ring
        async with asyncio.timeout(10):
            while not await both():
                await asyncio.sleep(0.05)
        (first,) = await n.engine.redis.zrange(ready, 0, 0)
        (fields,) = await n.engine.triggers.get([first.decode()])
        assert fields["schedule"] == "live"

    night(body)


async def _no_ring() -> None:
    pass


def test_a_run_that_failed_is_started_again_as_the_schedule_says(night: Any) -> None:
    async def body(n: Night) -> None:
        fail = "config: {steps: {model_trainer: {parameters: {seconds: 0, fail: true}}}}"
        schedule = await defined(n, fail, "retry: {run: {max_attempts: 2, initial: 1s}}")
        row = await n.sweep(await ran(n, schedule, 2))
        assert (row.failed, row.started, row.runs, row.open, len(runs(n))) == (2, 2, 4, 0, 4)

    night(body)


def test_what_follows_the_schedule_is_told(night: Any) -> None:
    async def body(n: Night) -> None:
        schedule = await defined(n, SHORT)
        n.define("- {name: later, pipeline: training, after: {schedule: s}}", file="later")
        await n.quiet()
        await ran(n, schedule, 2)
        entries = await n.fired("later", 2)
        assert [entry["decision"] for entry in entries] == ["fired", "fired"]

    night(body)
