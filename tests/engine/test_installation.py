"""How an installation stands: what processes, queue and limits tell, with a server that answers launches."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from worker.engine.installation import Heard, hear, read_installation
from worker.engine.working import Worker
from worker.store.codec import milliseconds


def test_a_worker_tells_what_it_did_and_how_long_launches_take(flow: Callable[..., None]) -> None:
    async def body(f: Any) -> None:
        worker = Worker(f.engine)
        assert worker.did() == {"executed": 0, "last": None, "holds": None}
        await f.ask()
        await f.engine.dispatcher.ring()
        ids = list(f.rung)
        f.rung.clear()
        await worker.execute(ids)
        did = worker.did()
        assert (did["executed"], did["holds"]) == (1, f.engine.slots.usual)
        sign = {"at": f.engine.clock().isoformat(), **did}
        await f.engine.heartbeats.beat("worker", "host:with:colons:12:abc", sign)
        stands = await read_installation(f.engine, await hear(f.engine), f.engine.clock())
        (process,) = stands.processes
        assert (process.role, process.host, process.pid) == ("worker", "host:with:colons", "12")
        assert process.last is not None
        assert process.since is None
        assert stands.heard.version.startswith("0.")
        # It refused nothing: what counts is how long it took to answer.
        assert stands.server.seconds is not None
        assert stands.server.rate == stands.server.capacity.window * 60 / stands.server.seconds

    flow(body)


def test_of_a_server_that_takes_few_it_counts_how_long_slots_are_held(flow: Callable[..., None]) -> None:
    async def body(f: Any) -> None:
        await f.engine.redis.hset(f.engine.keys.limit, mapping={"window": "3", "capped": "1", "failures": "2"})
        now = f.engine.clock()
        stands = await read_installation(f.engine, Heard(version="0.98.0"), now)
        assert (stands.server.seconds, stands.server.rate) == (None, None)
        for number, holds in enumerate((1.0, 2.0, 9.0)):
            sign = {"at": now.isoformat(), "holds": holds}
            await f.engine.heartbeats.beat("worker", f"host:{number}:abc", sign)
        await f.engine.redis.zadd(f.engine.keys.holding, {"one": milliseconds(now + timedelta(minutes=1))})
        stands = await read_installation(f.engine, Heard(version="0.98.0"), now)
        assert (stands.server.seconds, stands.server.rate, stands.server.holding) == (2.0, 90.0, 1)
        doubt = [finding for finding in stands.wrong if finding.what == "launches"]
        assert ["The last 2 launches" in finding.found for finding in doubt] == [True]

    flow(body)


def test_a_server_that_does_not_answer_is_an_answer(flow: Callable[..., None]) -> None:
    async def body(f: Any) -> None:
        heard = await hear(f.engine)
        assert heard.version == ""
        assert heard.fault

    flow(body, ZENML_STORE_URL="http://127.0.0.1:9")


def test_a_server_that_was_there_and_hangs_is_not_taken_for_well(flow: Callable[..., None]) -> None:
    async def body(f: Any) -> None:
        assert (await hear(f.engine)).fault == ""
        f.demo.faults.add("hang_before", match="/api/v1/info", seconds=5)
        assert (await hear(f.engine, 0.1)).fault == "it does not answer within 0.1 s"

    flow(body)


def test_the_budget_of_another_day_is_not_used_today(flow: Callable[..., None]) -> None:
    async def body(f: Any) -> None:
        now = f.engine.clock()
        today = milliseconds(now) // 86_400_000
        await f.engine.redis.hset(f.engine.keys.limit, mapping={"day": today, "used": 5})
        await f.engine.redis.zadd(f.engine.keys.rate, {"old": milliseconds(now) - 61_000, "new": milliseconds(now)})
        assert await f.engine.limits.used(now) == (1, 5)
        assert await f.engine.limits.used(now + timedelta(days=1)) == (0, 0)

    flow(body)
