"""Schedules made over the API, in Redis: written only in place of what its author has seen, and once."""

from collections.abc import Callable
from typing import Any

from worker.store.booked import BookedStore, Written, read, written
from worker.store.codec import milliseconds
from worker.store.connection import redis_time

T = "2026-03-02T10:00:00+00:00"


def form(changed: str = T, **entry: Any) -> Written:
    return written({"name": "s", "pipeline": "p", **entry}, created=T, changed=changed, by="me")


def test_what_is_written_is_read_with_its_tag(run: Callable[..., None]) -> None:
    async def body(s: Any) -> None:
        store = BookedStore(s.redis, s.keys)
        assert await store.revision() == ""
        first = form(every="1h", config={"ü": [1, 2.5, None, True]})
        assert await store.put("s", first, "")
        shelf = await store.all()
        row = shelf.rows["s"]
        assert (row.tag, row.by, row.created, row.changed) == (first.tag, "me", T, T)
        assert row.entry["config"] == {"ü": [1, 2.5, None, True]}
        assert shelf.revision == await store.revision() != ""

    run(body)


def test_it_is_written_only_in_place_of_what_was_seen(run: Callable[..., None]) -> None:
    async def body(s: Any) -> None:
        store = BookedStore(s.redis, s.keys)
        first, second, third = form(every="1h"), form(every="2h"), form(every="3h")
        assert not await store.put("s", second, first.tag), "there is none"
        assert await store.put("s", first, "")
        assert not await store.put("s", second, ""), "there is one"
        assert await store.put("s", second, first.tag)
        assert not await store.put("s", third, first.tag)
        assert not await store.remove("s", first.tag)
        assert (await store.all()).rows["s"].tag == second.tag

    run(body)


def test_the_same_call_twice_is_done_once(run: Callable[..., None]) -> None:
    async def body(s: Any) -> None:
        store = BookedStore(s.redis, s.keys)
        told = [("RPUSH", "told", "x")]
        first, second = form(every="1h"), form(every="2h")
        for _ in range(2):
            assert await store.put("s", first, "", told)
        revision = await store.revision()
        for _ in range(2):
            assert await store.put("s", second, first.tag, told)
        assert await store.revision() != revision
        for _ in range(2):
            assert await store.remove("s", second.tag, told)
        assert await s.redis.llen("told") == 3

    run(body)


def test_what_is_taken_away_leaves_its_ledger_and_nothing_to_go_on_from(run: Callable[..., None]) -> None:
    async def body(s: Any) -> None:
        store, keys = BookedStore(s.redis, s.keys), s.keys
        await store.put("s", form(), "")
        known = (keys.cursors, keys.spans, keys.paused, keys.resumed, keys.joins, keys.expected, keys.successes)
        for key in known:
            await s.redis.hset(key, mapping={"s": "x", "other": "y"})
        await s.redis.hset(keys.incidents, mapping={"late|s": "x", "late|other": "y"})
        await s.redis.rpush(keys.results("s"), "x")
        await s.redis.zadd(keys.ledger("s"), {"x": 1})
        assert await store.remove("s", form().tag)
        for key in (*known, keys.incidents):
            assert await s.redis.hlen(key) == 1
        assert not await s.redis.exists(keys.results("s"))
        assert await s.redis.zcard(keys.ledger("s")) == 1
        assert (await store.all()).rows == {}

    run(body)


def test_a_redis_that_lost_its_memory_does_not_count_the_same_once_more(run: Callable[..., None]) -> None:
    async def body(s: Any) -> None:
        store = BookedStore(s.redis, s.keys)
        await store.put("s", form(), "")
        before = await store.revision()
        await s.redis.flushall()
        # Nothing is lost and written anew within the millisecond that the count begins with.
        while milliseconds(await redis_time(s.redis)) <= int(before):
            pass
        await store.put("s", form(changed="later"), "")
        assert await store.revision() != before

    run(body)


def test_what_cannot_be_read_says_so() -> None:
    for row in (b"", b"[]", b"{}", b'{"entry":7,"created":"","changed":"","by":""}', b"\xff"):
        found = read("s", row)
        assert "cannot be read" in found.unreadable
        assert found.tag
