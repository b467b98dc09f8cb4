"""A Redis that fails, forgets, or has forgotten everything: nothing is started again, and nothing is lost."""

from datetime import timedelta
from typing import Any

import pytest

from tests.engine.clockwork import EVERY_MINUTE, MINUTE, T0, Clockwork
from worker.domain.errors import StoreUnavailable


def test_what_was_due_when_redis_failed_is_due_still(clockwork: Any) -> None:
    async def body(c: Clockwork) -> None:
        c.define(EVERY_MINUTE)
        await c.tick(T0)
        await c.engine.redis.config_set("maxmemory", "1")
        with pytest.raises(StoreUnavailable):
            await c.tick(T0 + MINUTE)
        await c.engine.redis.config_set("maxmemory", "0")
        await c.tick(T0 + MINUTE + timedelta(seconds=1))
        assert await c.ledger() == [("10:01", "fired")]

    clockwork(body)


# --- a Redis that does not know what it knew


async def runs_of(c: Clockwork) -> list[str]:
    """Dispatch and execute what is recorded; gives the runs on the server, by name."""
    ids = (await c.engine.limits.dispatch()).ids
    await c.engine.executor.execute(ids)
    return sorted(run.name.rsplit("-", 1)[0] for run in c.demo.state.runs.values())


def test_a_redis_that_lost_everything_starts_nothing_again_and_loses_nothing(clockwork: Any) -> None:
    async def body(c: Clockwork) -> None:
        c.define(EVERY_MINUTE, catchup="all", catchup_window="36500d")
        c.define(EVERY_MINUTE, name="young", catchup="all", catchup_window="36500d")
        await c.tick(T0)
        await c.tick(T0 + MINUTE)
        before = await runs_of(c)
        assert before == ["s-20260302T100100Z", "young-20260302T100100Z"]
        await c.tick(T0 + 2 * MINUTE)  # on record, and never sent
        await c.engine.redis.flushall()
        c.define(EVERY_MINUTE, name="new", catchup="all", catchup_window="36500d")
        c.fence = ""
        await c.tick(T0 + 2 * MINUTE + timedelta(seconds=5))
        assert await c.ledger("new") == [], "a schedule without a run is new, and does not fire for the past"
        assert await c.ledger("s") == [("10:02", "fired")]
        assert await runs_of(c) == sorted([*before, "s-20260302T100200Z", "young-20260302T100200Z"])
        (span,) = await c.engine.cursors.spans("s")
        assert "Redis had lost its memory" in span["why"]

    clockwork(body)


def test_what_was_started_just_before_redis_lost_it_is_found_and_not_sent_again(clockwork: Any) -> None:
    async def body(c: Clockwork) -> None:
        c.define(EVERY_MINUTE)
        await c.tick(T0)
        await c.tick(T0 + MINUTE)
        await runs_of(c)
        await c.tick(T0 + 2 * MINUTE)
        await runs_of(c)
        posts = c.demo.state.posts
        await c.engine.redis.flushall()
        c.fence = ""
        await c.tick(T0 + 2 * MINUTE + timedelta(seconds=5))
        assert len(await runs_of(c)) == 2
        assert c.demo.state.posts == posts, "looked for by its name, and found"
        (outcome,) = await c.engine.outcomes.newest(10)
        assert (outcome["status"], outcome["adopted"]) == ("started", "1")

    clockwork(body)


def test_while_zenml_cannot_be_asked_nothing_is_guessed(clockwork: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def body(c: Clockwork) -> None:
        c.define(EVERY_MINUTE, catchup="all", catchup_window="36500d")
        c.define("at: 2026-03-02T12:00:00Z", name="later")
        await c.tick(T0)
        await c.tick(T0 + MINUTE)
        await runs_of(c)
        await c.engine.redis.flushall()
        c.fence = ""
        c.demo.faults.add("status", match="GET .*/runs", status=503, times=1000)
        for seconds in (62, 63, 180):
            await c.tick(T0 + timedelta(seconds=seconds))
        assert list(await c.engine.cursors.all()) == ["later"], "what has nothing to lose goes on"
        assert caplog.text.count("waiting") == 1
        assert "cannot be asked of ZenML" in str([getattr(record, "reason", "") for record in caplog.records])
        c.demo.faults.clear()
        c.clock += 60
        await c.tick(T0 + timedelta(seconds=185))
        assert await c.ledger() == [("10:02", "fired"), ("10:03", "fired")], "from when Redis was found empty"

    clockwork(body)


def test_cursors_that_vanish_under_a_beat_are_found_again(clockwork: Any) -> None:
    async def body(c: Clockwork) -> None:
        c.define(EVERY_MINUTE)
        await c.tick(T0)
        await c.tick(T0 + MINUTE)
        await c.engine.redis.delete(c.engine.keys.cursors)
        for seconds in (120, 121, 180):
            await c.tick(T0 + timedelta(seconds=seconds))
        assert await c.ledger() == [("10:01", "fired"), ("10:03", "fired")], "this Redis remembers: so it is new"

    clockwork(body)


def test_max_runs_counts_what_ran_before_redis_lost_its_memory(clockwork: Any) -> None:
    async def body(c: Clockwork) -> None:
        c.define(EVERY_MINUTE, max_runs="3")
        c.define(EVERY_MINUTE, name="used-up", max_runs="1")
        for minute in range(3):
            await c.tick(T0 + minute * MINUTE)
            await runs_of(c)
        assert len(await runs_of(c)) == 3
        await c.engine.redis.flushall()
        c.fence = ""
        for minute in range(60, 66):  # long after the catch-up window
            await c.tick(T0 + minute * MINUTE)
        assert [decision for _, decision in await c.ledger() if decision == "fired"] == ["fired"]
        assert await c.ledger("used-up") == []
        assert len(await runs_of(c)) == 4

    clockwork(body)


# --- clocks
