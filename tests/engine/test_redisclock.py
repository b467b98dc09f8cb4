"""The stamps of a process go by Redis' clock, whatever its own says."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from worker.engine.redisclock import RedisClock
from worker.engine.working import Worker
from worker.store.connection import redis_time

WRONG = datetime(2031, 1, 1, tzinfo=UTC)
RIGHT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def test_until_redis_has_spoken_it_is_the_own_clock_and_then_no_more() -> None:
    elapsed = [100.0]
    clock = RedisClock(lambda: WRONG, lambda: elapsed[0])
    assert clock() == WRONG
    clock.hear(RIGHT)
    elapsed[0] += 2.5
    assert clock() == RIGHT + timedelta(seconds=2.5)
    clock.hear(RIGHT)
    assert clock() == RIGHT


def test_a_sign_of_life_sets_it(flow: Any) -> None:
    async def body(f: Any) -> None:
        f.engine.clock.hear(WRONG)
        said = await f.engine.heartbeats.beat("worker", "me", {})
        assert abs(said - await redis_time(f.engine.redis)) < timedelta(minutes=1)
        living = asyncio.create_task(Worker(f.engine).live("me"))
        async with asyncio.timeout(20):
            while abs(f.engine.clock() - said) > timedelta(minutes=1):
                await asyncio.sleep(0.01)
        living.cancel()
        with pytest.raises(asyncio.CancelledError):
            await living

    flow(body)
