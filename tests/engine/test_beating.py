"""A beat's tick: one leads, nothing gets out of it, and Redis going away is told once."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from worker.domain.errors import StoreUnavailable
from worker.engine.beating import LONGEST_TICK, STANDBY_TICK, Beat
from worker.engine.clockwatch import ClockWatch
from worker.engine.runtime import Engine
from worker.engine.working import Worker

SCHEDULE = "schedules:\n  - name: s\n    pipeline: training\n    every: 1s\n"


async def opened(engine: Engine) -> Beat:
    """A beat that knows whether it leads."""
    beat = Beat(engine)
    await beat.open()
    return beat


def test_a_tick_fires_dispatches_and_says_when_it_wants_to_be_called_again(flow: Any, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(SCHEDULE)

    async def body(f: Any) -> None:
        beat = await opened(f.engine)
        async with asyncio.timeout(10):
            while not f.rung:
                await asyncio.sleep(await beat.tick())
        assert len(await f.engine.cursors.ledger("s", 10)) >= 1
        (sign,) = (await f.engine.heartbeats.alive("beat")).values()
        assert sign["leading"] is True
        await beat.close()
        assert await f.engine.heartbeats.alive("beat") == {}

    flow(body)


def test_a_beat_that_does_not_lead_changes_nothing(flow: Any, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(SCHEDULE)

    async def body(f: Any) -> None:
        await f.engine.redis.set(f.engine.keys.leader, "7:another", ex=60)
        beat = await opened(f.engine)
        assert await beat.tick() == STANDBY_TICK
        assert await f.engine.cursors.all() == {}
        (sign,) = (await f.engine.heartbeats.alive("beat")).values()
        assert sign["leading"] is False
        await beat.close()

    flow(body)


def test_redis_away_is_told_once_and_the_tick_goes_on(flow: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def body(f: Any) -> None:
        beat = await opened(f.engine)
        caplog.set_level(logging.INFO, "zenbeat")
        assert [await beat.tick() for _ in range(3)] == [LONGEST_TICK] * 3
        await beat.close()

    flow(body, REDIS_URL="redis://127.0.0.1:9/0")
    waiting = [record for record in caplog.records if record.message == "waiting"]
    reasons = [str(record.reason).partition(" (")[0] for record in waiting]  # type: ignore[attr-defined]
    assert sorted(reasons) == ["Redis cannot be reached", "the lead is not renewed: Redis cannot be reached"]


def test_a_fault_of_our_own_does_not_end_the_beat(flow: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def body(f: Any) -> None:
        beat = await opened(f.engine)
        await f.engine.redis.set(f.engine.keys.cursors, "not a hash")
        (tmp_path / "s.yaml").write_text(SCHEDULE)
        assert await beat.tick() == LONGEST_TICK
        await f.engine.redis.delete(f.engine.keys.cursors)
        await beat.tick()
        assert "s" in await f.engine.cursors.all()
        await beat.close()

    flow(body)


def test_a_worker_without_redis_says_so_and_lives(flow: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def body(f: Any) -> None:
        worker = Worker(f.engine)
        await worker.execute(["a"])
        living = asyncio.create_task(worker.live("me"))
        async with asyncio.timeout(20):
            while "waiting" not in caplog.text:
                await asyncio.sleep(0.01)
        living.cancel()
        with pytest.raises(asyncio.CancelledError):
            await living

    flow(body, REDIS_URL="redis://127.0.0.1:9/0")
    assert "batch not finished" in caplog.text


def test_what_goes_wrong_with_redis_says_what_to_do(redis_url: str, flow: Any) -> None:
    async def refused(f: Any) -> None:
        with pytest.raises(StoreUnavailable, match="password or user in REDIS_URL"):
            await f.engine.triggers.waiting()

    wrong = redis_url.replace("redis://:", "redis://:wrong")
    flow(refused, REDIS_URL=wrong)

    async def full(f: Any) -> None:
        await f.engine.redis.config_set("maxmemory", "1")
        try:
            with pytest.raises(StoreUnavailable, match="out of memory"):
                await f.ask()
        finally:
            await f.engine.redis.config_set("maxmemory", "0")

    flow(full)

    async def replica(f: Any) -> None:
        await f.engine.redis.execute_command("REPLICAOF", "127.0.0.1", "9")
        try:
            with pytest.raises(StoreUnavailable, match="read-only replica"):
                await f.ask()
        finally:
            await f.engine.redis.execute_command("REPLICAOF", "NO", "ONE")

    flow(replica)


def test_a_jump_of_the_clock_is_seen_and_a_far_one_is_alarming(caplog: pytest.LogCaptureFixture) -> None:
    elapsed = [0.0]
    watch = ClockWatch(lambda: elapsed[0])
    now = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
    assert not watch.jumped(now)
    for went_by, forward, jumped in ((5, 5, False), (1, 9, False), (1, 3600, True), (1, -3600, True)):
        elapsed[0] += went_by
        now += timedelta(seconds=forward)
        assert watch.jumped(now) is jumped
    assert watch.alarm == ""
    elapsed[0] += 1
    assert watch.jumped(now + timedelta(hours=4))
    assert watch.alarm == "the clock of Redis has jumped forward by 3h59m59s, to 2026-03-02 14:00:14Z"
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING", "ERROR"]


def test_a_lease_that_a_clock_set_back_made_endless_ends_all_the_same(flow: Any) -> None:
    async def body(f: Any) -> None:
        first, second = await f.ask(idempotency_key="a"), await f.ask(idempotency_key="b")
        far = 4_000_000_000_000
        await f.engine.dispatcher.ring()
        await f.engine.redis.zadd(f.engine.keys.inflight, {first: far})
        await f.engine.redis.zrem(f.engine.keys.inflight, second)
        await f.engine.redis.hset(f.engine.keys.trigger(second), mapping={"state": "waiting", "tries": 1})
        await f.engine.redis.zadd(f.engine.keys.delayed, {second: far})
        await f.engine.dispatcher.reclaim()
        assert (await f.engine.limits.dispatch()).ids == []
        await f.engine.dispatcher.reclaim(jumped=True)
        assert (await f.engine.limits.dispatch()).ids == [second]
        assert await f.engine.redis.zscore(f.engine.keys.inflight, first) < far

    flow(body)
