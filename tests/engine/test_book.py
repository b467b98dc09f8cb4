"""Schedules made over the API, through the real scheduler: when they begin, what changes them, and what does not."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
import redis as plain_redis

from tests.engine.clockwork import EVERY_MINUTE, MINUTE, T0, Clockwork
from worker.domain.pause import Pause
from worker.engine import book, byhand
from worker.engine.book import MISSING, Book
from worker.engine.booking import Consequence, Draft, write
from worker.engine.cancelling import cancelled
from worker.source import Source
from worker.store.audit import Audited

MINUTELY = {"cron": "* * * * *"}


class Shelf:
    """What callers of the API do, at instants that a test chooses."""

    def __init__(self, c: Clockwork) -> None:
        self.c = c
        self.book = Book(Source(c.directory, settle=False), c.engine.booked)

    async def put(self, now: datetime, name: str = "s", **words: Any) -> None:
        await self.book.read()
        entry = {"name": name, "pipeline": "training", **(words or MINUTELY)}
        await self._write(name, entry, now)

    async def remove(self, now: datetime, name: str = "s") -> None:
        await self.book.read()
        await self._write(name, None, now)

    async def _write(self, name: str, entry: Any, now: datetime) -> None:
        def telling(draft: Draft) -> Any:
            return self.c.engine.audit.add(Audited(at=now, action="schedule.change", what=draft.name))

        before = self.book.rows.get(name)
        wanted = Draft(name=name, entry=entry, replaces=before, consequence=Consequence(), at=now)
        assert await write(self.c.engine, wanted, "me", telling) is not None


class Looked:
    """A source that counts how often it is looked at, and is broken at the first look."""

    def __init__(self) -> None:
        self.times = 0
        self.enough = asyncio.Event()

    def book(self, *_: Any) -> None:
        pass

    def read(self) -> None:
        self.times += 1
        if self.times == 1:
            raise RuntimeError("a fault of ours")
        if self.times == 3:
            self.enough.set()


def test_it_is_looked_again_and_again_while_nobody_asks(clockwork: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(book, "FAULT_SECONDS", 0.01)

    async def body(c: Clockwork) -> None:
        source = Looked()
        watching = asyncio.create_task(Book(source, c.engine.booked).watch())  # type: ignore[arg-type]
        async with asyncio.timeout(10):
            await source.enough.wait()
        await cancelled([watching])

    clockwork(body)


def test_it_fires_from_when_it_was_made(clockwork: Any) -> None:
    async def body(c: Clockwork) -> None:
        shelf = Shelf(c)
        await c.tick(T0)
        await shelf.put(T0 + timedelta(seconds=90))
        for seconds in range(90, 211, 30):
            await c.tick(T0 + timedelta(seconds=seconds))
        assert await c.ledger() == [("10:02", "fired"), ("10:03", "fired")]
        c.restart()
        await c.tick(T0 + 4 * MINUTE)
        assert (await c.ledger())[-1] == ("10:04", "fired")
        assert len(await c.engine.triggers.newest(10)) == 3

    clockwork(body)


def test_a_change_of_timing_does_not_make_up_for_the_past(clockwork: Any) -> None:
    async def body(c: Clockwork) -> None:
        shelf = Shelf(c)
        catchup = {"catchup": "all", "catchup_window": "1h"}
        await shelf.put(T0, cron="0 12 * * *", **catchup)
        await c.tick(T0)
        await shelf.put(T0 + 10 * MINUTE, **MINUTELY, **catchup)
        await c.tick(T0 + 10 * MINUTE)
        await c.tick(T0 + 11 * MINUTE)
        assert await c.ledger() == [("10:11", "fired")]

    clockwork(body)


def test_a_change_that_leaves_the_timing_loses_no_fire(clockwork: Any) -> None:
    async def body(c: Clockwork) -> None:
        shelf = Shelf(c)
        await shelf.put(T0)
        await c.tick(T0)
        await shelf.put(T0 + MINUTE, **MINUTELY, priority=5)
        await c.tick(T0 + MINUTE)
        assert await c.ledger() == [("10:01", "fired")]
        (found,) = await c.engine.triggers.get(await c.engine.triggers.newest(1))
        assert '"priority":5' in found["data"].replace(" ", "")

    clockwork(body)


def test_what_is_taken_away_and_made_anew_begins_anew(clockwork: Any) -> None:
    async def body(c: Clockwork) -> None:
        shelf = Shelf(c)
        limited = {**MINUTELY, "max_runs": 1, "catchup": "all", "catchup_window": "1h"}
        await shelf.put(T0, **limited)
        await c.tick(T0)
        await c.tick(T0 + MINUTE)
        await byhand.pause(c.engine, "s", Pause(since=T0, by="me"))
        await shelf.remove(T0 + 2 * MINUTE)
        await shelf.put(T0 + 5 * MINUTE, **limited)
        await c.tick(T0 + 5 * MINUTE)  # no beat saw that it was away
        await c.tick(T0 + 6 * MINUTE)
        await c.tick(T0 + 7 * MINUTE)
        assert await c.ledger() == [("10:01", "fired"), ("10:06", "fired")], "neither its pause, its count nor its past"

    clockwork(body)


def test_a_file_takes_a_name_that_the_api_had_and_neither_prunes_the_other(clockwork: Any) -> None:
    async def body(c: Clockwork) -> None:
        shelf = Shelf(c)
        await shelf.put(T0)
        await shelf.put(T0, "other")
        await c.tick(T0)
        await c.tick(T0 + MINUTE)
        c.define("every: 30s", catchup="all", catchup_window="1h")
        await c.tick(T0 + 2 * MINUTE)
        await c.tick(T0 + timedelta(seconds=150))
        assert await c.ledger() == [("10:01", "fired"), ("10:02", "fired")], "10:02:30; from when it was read on"
        (c.directory / "s.yaml").unlink()
        await c.tick(T0 + 3 * MINUTE)
        await c.tick(T0 + 4 * MINUTE)
        assert (await c.ledger())[-1] == ("10:04", "fired")
        assert [time for time, _ in await c.ledger("other")] == ["10:01", "10:02", "10:03", "10:04"]
        assert set((await c.engine.booked.all()).rows) == {"s", "other"}

    clockwork(body)


def test_a_broken_one_does_not_harm_the_others(clockwork: Any) -> None:
    async def body(c: Clockwork) -> None:
        shelf = Shelf(c)
        c.define(EVERY_MINUTE, name="file")
        await shelf.put(T0)
        await shelf.put(T0, "odd", cron="never", config={"x": "{{"})
        await c.engine.redis.hset(c.engine.keys.booked, "torn", b"\xff{")
        await c.tick(T0)
        await c.tick(T0 + MINUTE)
        for name in ("file", "s"):
            assert await c.ledger(name) == [("10:01", "fired")]

    clockwork(body)


def test_the_beat_ticks_on_when_what_was_made_cannot_be_read(clockwork: Any, redis_url: str) -> None:
    async def body(c: Clockwork) -> None:
        shelf = Shelf(c)
        c.define(EVERY_MINUTE, name="file")
        await shelf.put(T0)
        await c.tick(T0)
        await c.engine.redis.rename(c.engine.keys.booked_revision, "elsewhere")
        await c.engine.redis.rpush(c.engine.keys.booked_revision, "no text")
        await c.tick(T0 + MINUTE)
        assert [each.message for each in c.scheduler.definitions.faults] == [MISSING]
        for name in ("file", "s"):
            assert await c.ledger(name) == [("10:01", "fired")], "what was read last counts"
        await c.engine.redis.rename("elsewhere", c.engine.keys.booked_revision)
        await c.tick(T0 + 2 * MINUTE)
        assert c.scheduler.definitions.faults == ()
        assert (await c.ledger())[-1] == ("10:02", "fired")

    clockwork(body)


def test_without_redis_the_files_are_read_and_what_was_read_last_counts(clockwork: Any) -> None:
    async def body(c: Clockwork) -> None:
        shelf = Shelf(c)
        c.define(EVERY_MINUTE, name="file")
        await shelf.put(T0)
        assert len((await shelf.book.read()).schedules) == 2
        with plain_redis.Redis(**_place(c)) as other:
            other.set(c.engine.keys.booked_revision, "changed")
            other.delete(c.engine.keys.booked)
            other.lpush(c.engine.keys.booked, "no hash")
        found = await shelf.book.read_on()
        assert [each.name for each in found.schedules] == ["file", "s"]
        assert await shelf.book.read_on() is found

    clockwork(body)


def _place(c: Clockwork) -> dict[str, Any]:
    known = c.engine.redis.connection_pool.connection_kwargs
    names = ("host", "port", "db", "username", "password", "path")
    return {("unix_socket_path" if name == "path" else name): known[name] for name in names if name in known}
