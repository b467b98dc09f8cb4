"""Rates and lock-outs, by Redis' clock."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from worker.store.throttles import LockOut

from .doors import Doors

Run = Callable[..., None]
MINUTE = timedelta(minutes=1)
MS = timedelta(milliseconds=1)
HERE, THERE = "10.0.0.1", "10.0.0.2"


async def lasts(d: Doors, pattern: str) -> list[int]:
    """Give the milliseconds until each key with this name is gone."""
    return [await d.redis.pttl(name) for name in await d.redis.keys(pattern)]


@pytest.mark.parametrize("per_minute", [1, 3, 7, 600])
def test_a_minute_may_be_spent_at_once_and_then_evenly(per_minute: int, at_doors: Run) -> None:
    async def body(d: Doors) -> None:
        begun = await d.redis.time()
        taken = [await d.throttles.take("key:a", per_minute) for _ in range(per_minute)]
        refused = await d.throttles.take("key:a", per_minute)
        ended = await d.redis.time()
        passed = timedelta(seconds=ended[0] - begun[0], microseconds=ended[1] - begun[1])
        assert all(each.allowed for each in taken)
        assert taken[0].remaining == per_minute - 1
        assert (taken[0].wait == timedelta()) is (per_minute > 1)
        if passed < MINUTE / per_minute:
            assert not refused.allowed
            assert MINUTE / per_minute - passed - MS <= refused.wait <= MINUTE / per_minute + MS
            assert taken[-1].remaining == 0

    at_doors(body)


def test_one_bucket_is_not_the_other_and_none_stays(at_doors: Run) -> None:
    async def body(d: Doors) -> None:
        assert (await d.throttles.take("key:a", 1)).allowed
        assert not (await d.throttles.take("key:a", 1)).allowed
        assert (await d.throttles.take("key:b", 1)).allowed
        assert all(0 < left <= 60_000 for left in await lasts(d, "zenbeat:throttle:*"))

    at_doors(body)


def test_a_refused_call_takes_nothing(at_doors: Run) -> None:
    async def body(d: Doors) -> None:
        await d.throttles.take("key:a", 1)
        first = await d.throttles.take("key:a", 1)
        for _ in range(10):
            last = await d.throttles.take("key:a", 1)
        assert last.wait <= first.wait

    at_doors(body)


def test_a_clock_that_goes_back_costs_two_minutes_at_the_most(at_doors: Run) -> None:
    async def body(d: Doors) -> None:
        now = (await d.redis.time())[0] * 1_000_000
        await d.redis.set(d.keys.throttle("key:a"), now + 3_600_000_000)
        refused = await d.throttles.take("key:a", 2)
        assert not refused.allowed
        assert refused.wait <= MINUTE

    at_doors(body)


def test_what_repeats_itself_is_told_once(at_doors: Run) -> None:
    async def body(d: Doors) -> None:
        assert [await d.throttles.first("x", MINUTE) for _ in range(3)] == [True, False, False]
        assert await d.throttles.first("y", timedelta())
        assert all(0 < left <= 60_000 for left in await lasts(d, "zenbeat:throttle:x"))

    at_doors(body)


def test_who_guesses_too_often_is_locked_out(at_doors: Run) -> None:
    async def body(d: Doors) -> None:
        assert [await d.throttles.guessed(HERE) for _ in range(2)] == [timedelta()] * 2
        assert await d.throttles.locked(HERE) == timedelta()
        assert await d.throttles.guessed(HERE) == MINUTE
        assert MINUTE / 2 < await d.throttles.locked(HERE) <= MINUTE
        assert MINUTE / 2 < (await d.apikeys.knock("a", HERE)).locked <= MINUTE
        assert await d.throttles.locked(THERE) == timedelta()
        assert MINUTE / 2 < await d.throttles.guessed(HERE) <= MINUTE, "a lock-out does not grow while it lasts"

    at_doors(body, lock_out=LockOut(most=3))


def test_a_customer_with_many_addresses_is_one(at_doors: Run) -> None:
    async def body(d: Doors) -> None:
        for number in range(3):
            await d.throttles.guessed(f"2001:db8::{number}")
        assert await d.throttles.locked("2001:db8::ffff")
        assert not await d.throttles.locked("2001:db8:0:1::1")

    at_doors(body, lock_out=LockOut(most=3))


def test_each_lock_out_is_twice_as_long_up_to_the_longest(at_doors: Run) -> None:
    async def body(d: Doors) -> None:
        found = []
        for _ in range(4):
            found.append(await d.throttles.guessed(HERE))
            await d.redis.hdel(d.keys.guesses(HERE), "until")  # it has passed
        assert found == [MINUTE, 2 * MINUTE, 4 * MINUTE, 5 * MINUTE]

    at_doors(body, lock_out=LockOut(most=1, longest=5 * MINUTE))


def test_guesses_are_forgotten_after_a_while(at_doors: Run) -> None:
    async def body(d: Doors) -> None:
        await d.throttles.guessed(HERE)
        await d.redis.hset(d.keys.guesses(HERE), "since", "0")  # it was long ago
        assert await d.throttles.guessed(HERE) == timedelta()
        assert await d.throttles.guessed(HERE) == MINUTE
        assert all(3_600_000 < left <= 3_660_000 for left in await lasts(d, "zenbeat:guesses:*"))

    at_doors(body, lock_out=LockOut(most=2))
