"""Sweeps in Redis: how far each one is, what it is made of, and how its trials ended.

A backfill is kept as a sweep, too: its trials are the fire times of a schedule. The trials themselves are computed;
only those of a sampler that learns are written down.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from redis.asyncio import Redis

from worker.domain.errors import LeadLost
from worker.domain.stopping import Reports
from worker.domain.trial import TrialResult
from worker.store import scripts
from worker.store.codec import milliseconds
from worker.store.connection import text, translated
from worker.store.items import Command, Item
from worker.store.keys import Keys
from worker.store.sweeprows import NewSweep, SweepRow, begin_sweep, read_row

READ_AT_ONCE = 5_000
"""Results in one answer of Redis."""

KEPT = timedelta(days=400)
"""How long a sweep is remembered when it is over: a year, and some time to look back at it."""

TRIMMED_AT_ONCE = 100

_SEEN = ("total", "next", "open", "started", "runs", "measuring")
"""What changes when a sweep that was over is opened again."""


class SweepStore:
    """The sweeps of one installation."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self.redis = redis
        self.keys = keys
        self._scripts = scripts.load(redis)

    # --- beginning and reading

    def taken(self, identity: str) -> Command:
        """Give the command that takes the id of a new sweep; it answers 0 where there is one."""
        return ("HSETNX", self.keys.sweep(identity), "next", 1)

    def begin(self, new: NewSweep) -> list[Command]:
        """Give the commands that write a new sweep down."""
        return begin_sweep(self.keys, new)

    async def get(self, identity: str) -> SweepRow | None:
        """Read a sweep."""
        return (await self.some([identity]))[0]

    async def some(self, ids: Sequence[str]) -> list[SweepRow | None]:
        """Read sweeps; an unknown one is None."""
        async with translated(), self.redis.pipeline(transaction=False) as pipe:
            for identity in ids:
                pipe.hgetall(self.keys.sweep(identity))
            rows = await pipe.execute()
        plain = [{text(key): text(value) for key, value in row.items()} for row in rows]
        return [read_row(identity, row) if "name" in row else None for identity, row in zip(ids, plain, strict=True)]

    async def newest(self, count: int) -> list[SweepRow]:
        """Read the sweeps created last, newest first."""
        async with translated():
            ids = await self.redis.zrevrange(self.keys.sweeps, 0, count - 1)
        return [row for row in await self.some([text(identity) for identity in ids]) if row is not None]

    async def active(self) -> list[SweepRow]:
        """Read the sweeps that are not over, the oldest first."""
        async with translated():
            ids = sorted(text(identity) for identity in await self.redis.smembers(self.keys.active_sweeps))
        rows = [row for row in await self.some(ids) if row is not None]
        return sorted(rows, key=lambda row: (row.created, row.id))

    async def definition(self, identity: str) -> Any:
        """Read what a sweep is made of: JSON values."""
        async with translated():
            data = await self.redis.get(self.keys.sweep_definition(identity))
        return orjson.loads(data or b"null")

    async def children(self, parent: str) -> list[SweepRow]:
        """Read the sweeps that a backfill has begun."""
        async with translated():
            ids = await self.redis.smembers(self.keys.sweep_children(parent))
        rows = await self.some(sorted(text(identity) for identity in ids))
        return [row for row in rows if row is not None]

    async def trim(self, now: datetime) -> None:
        """Forget the sweeps that were over long ago."""
        async with translated():
            old = await self.redis.zrange(self.keys.sweeps, 0, TRIMMED_AT_ONCE - 1)
        for row in await self.some([text(identity) for identity in old]):
            if row is not None and row.finished is not None and row.finished < now - KEPT:
                await self._forget(row.id)

    async def _forget(self, identity: str) -> None:
        keys = self.keys
        async with translated(), self.redis.pipeline(transaction=True) as pipe:
            pipe.zrem(keys.sweeps, identity)
            pipe.unlink(
                keys.sweep(identity),
                keys.sweep_definition(identity),
                keys.sweep_results(identity),
                keys.sweep_asked(identity),
                keys.sweep_reports(identity),
                keys.sweep_parked(identity),
                keys.sweep_children(identity),
            )
            await pipe.execute()

    # --- its life

    async def finish(self, row: SweepRow, now: datetime, fence: str) -> bool:
        """Say that a sweep is over; False if it is not any more as `row` has it. Raises LeadLost."""
        seen = [word for name in _SEEN for word in (name, str(getattr(row, name)))]
        async with translated():
            done = await self._scripts["conclude"](
                keys=[self.keys.leader, self.keys.sweep(row.id), self.keys.active_sweeps],
                args=[fence, row.id, milliseconds(now), *seen],
            )
        if int(done) < 0:
            raise LeadLost("another beat leads")
        return int(done) == 1

    def end(self, identity: str, reason: str, stopping: str = "") -> list[Command]:
        """Give the commands that end a sweep: no more trials, those that wait are withdrawn.

        With `stopping`, the reason why, its runs are stopped as well.
        """
        key = self.keys.sweep(identity)
        said: list[Command] = [("HSETNX", key, "ended", reason)]
        if stopping:
            said.append(("HSET", key, "stopping", stopping))
        return [*said, ("SADD", self.keys.active_sweeps, identity)]

    def pause(self, identity: str, by: str) -> Command:
        """Give the command that pauses a sweep; it answers 0 where it is paused."""
        return ("HSETNX", self.keys.sweep(identity), "paused", by)

    async def resume(self, identity: str) -> None:
        """Let a sweep go on; what was put aside at the doors of the workers waits again."""
        parked = self.keys.sweep_parked(identity)
        async with translated(), self.redis.pipeline(transaction=True) as pipe:
            pipe.hdel(self.keys.sweep(identity), "paused")
            pipe.zunionstore(self.keys.ready, [self.keys.ready, parked])
            pipe.unlink(parked)
            await pipe.execute()

    def extend(self, identity: str, data: bytes, fingerprint: str, total: int) -> list[Command]:
        """Give the commands that give a sweep a larger definition; it goes on with the trials that it had not."""
        key = self.keys.sweep(identity)
        return [
            ("HSET", key, "fingerprint", fingerprint, "total", total),
            ("HDEL", key, "ended", "stopping", "finished"),
            ("SET", self.keys.sweep_definition(identity), data.decode()),
            ("SADD", self.keys.active_sweeps, identity),
        ]

    def reopen(self, row: SweepRow) -> list[Command]:
        """Give the commands that have a sweep seen to again; one that had ended has just the trials that it got to."""
        key = self.keys.sweep(row.id)
        cut: list[Command] = [("HSET", key, "total", row.recorded)] if row.ended else []
        return [*cut, ("HDEL", key, "ended", "stopping", "finished"), ("SADD", self.keys.active_sweeps, row.id)]

    def tell(self, row: SweepRow) -> Item:
        """Give what counts the end of a sweep where it was a trial itself: once, until that is taken back."""
        take: Command = ("HSETNX", self.keys.sweep(row.id), "told", 1)
        return Item(take=take, commands=self.count(row.parent, open=-1, started=1, runs=1, **{row.bucket: 1}))

    def take_back(self, row: SweepRow) -> Item:
        """Give what undoes `tell`: the sweep is open once more, and so is what it was a trial of."""
        commands = [(name, key, field, -int(by)) for name, key, field, by in self.tell(row).commands]
        reopened: list[Command] = [
            ("HDEL", self.keys.sweep(row.parent), "finished"),
            ("SADD", self.keys.active_sweeps, row.parent),
        ]
        return Item(take=("HDEL", self.keys.sweep(row.id), "told"), commands=[*commands, *reopened])

    def count(self, identity: str, **by: int) -> list[Command]:
        """Give the commands that add to counts of a sweep."""
        return [("HINCRBY", self.keys.sweep(identity), name, amount) for name, amount in by.items()]

    def took(self, identity: str, seconds: float) -> Command:
        """Give the command that adds to the time that its runs have taken."""
        return ("HINCRBYFLOAT", self.keys.sweep(identity), "seconds", f"{seconds:.3f}")

    # --- trials

    def result(self, identity: str, result: TrialResult) -> Command:
        """Give the command that writes down how a trial ended."""
        data = orjson.dumps(result.plain()).decode()
        return ("HSET", self.keys.sweep_results(identity), str(result.number), data)

    def forget(self, identity: str, number: int) -> Command:
        """Give the command that takes a result away; it answers 0 where there is none."""
        return ("HDEL", self.keys.sweep_results(identity), str(number))

    async def results(self, identity: str, numbers: Sequence[int]) -> dict[int, TrialResult]:
        """Read how some trials ended; those that have not are left out."""
        if not numbers:
            return {}
        async with translated():
            rows = await self.redis.hmget(self.keys.sweep_results(identity), [str(number) for number in numbers])
        return {
            number: TrialResult.of(number, orjson.loads(row)) for number, row in zip(numbers, rows, strict=True) if row
        }

    async def all_results(self, row: SweepRow) -> dict[int, TrialResult]:
        """Read how all trials ended that have, in order."""
        found: dict[int, TrialResult] = {}
        for begin in range(1, row.next, READ_AT_ONCE):
            found |= await self.results(row.id, range(begin, min(begin + READ_AT_ONCE, row.next)))
        return found

    def asked(self, identity: str, number: int, value: Mapping[str, Any]) -> Command:
        """Give the command that writes down what a trial of a sampler that learns is made of."""
        return ("HSET", self.keys.sweep_asked(identity), str(number), orjson.dumps(value).decode())

    async def all_asked(self, identity: str) -> dict[int, Any]:
        """Read what the trials of a sampler that learns are made of."""
        async with translated():
            found = await self.redis.hgetall(self.keys.sweep_asked(identity))
        return dict(sorted((int(text(key)), orjson.loads(found[key])) for key in found))

    async def going(self, identity: str) -> list[str]:
        """Give the triggers of a sweep whose runs go on."""
        stem = f"{going_stem(identity)}|"
        async with translated():
            members = await self.redis.zrangebylex(self.keys.going, f"[{stem}", f"({stem[:-1]}}}")
        return [text(member)[len(stem) :] for member in members]

    # --- metrics

    def to_measure(self, identity: str, number: int, when: datetime) -> Command:
        """Give the command that has the metrics of a trial read."""
        return ("ZADD", self.keys.measuring, milliseconds(when), f"{identity}|{number}")

    async def measurable(self, now: datetime, count: int) -> list[tuple[str, int]]:
        """Give the trials whose metrics are to be read: (sweep, number)."""
        async with translated():
            found = await self.redis.zrangebyscore(self.keys.measuring, "-inf", milliseconds(now), start=0, num=count)
        pairs = (text(member).rpartition("|") for member in found)
        return [(identity, int(number)) for identity, _, number in pairs]

    def measured(self, identity: str, number: int) -> Command:
        """Give the command that takes a trial off the list; it answers 0 where it is not on it."""
        return ("ZREM", self.keys.measuring, f"{identity}|{number}")

    def report(self, identity: str, number: int, points: Reports) -> Command:
        """Give the command that writes down what a trial has reported so far."""
        return ("HSET", self.keys.sweep_reports(identity), str(number), orjson.dumps(points).decode())

    async def reports(self, identity: str, numbers: Sequence[int]) -> dict[int, Reports]:
        """Read what some trials have reported; those that have not are left out."""
        async with translated():
            rows = await self.redis.hmget(self.keys.sweep_reports(identity), [str(number) for number in numbers])
        return {number: orjson.loads(row) for number, row in zip(numbers, rows, strict=True) if row}

    async def all_reports(self, identity: str) -> dict[int, Reports]:
        """Read what all trials have reported."""
        async with translated():
            found = await self.redis.hgetall(self.keys.sweep_reports(identity))
        return {int(text(number)): orjson.loads(points) for number, points in found.items()}


def going_stem(identity: str) -> str:
    """Give what stands for a sweep among what goes on; no schedule has such a name."""
    return f"sweep:{identity}"


def stop_run(keys: Keys, trigger: str, reason: str) -> list[Command]:
    """Give the commands that have the watcher stop a run, at once where that can be done."""
    key = keys.trigger(trigger)
    return [
        ("HSETNX", key, "stopping", reason),
        ("HSET", key, "by_force", 1),
        ("ZADD", keys.following, "XX", 0, trigger),
    ]
