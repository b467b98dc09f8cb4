"""How the runs of schedules ended, and which of them are going on."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from redis.asyncio import Redis

from worker.domain.results import KEPT, Result
from worker.store.connection import text, translated
from worker.store.items import Command
from worker.store.keys import Keys


class ResultStore:
    """Results, last successes and what is going on, of one shard and server."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self.redis = redis
        self.keys = keys

    async def newest(self, schedule: str, count: int = KEPT) -> list[Result]:
        """Read the results of a schedule, newest first."""
        async with translated():
            found = await self.redis.lrange(self.keys.results(schedule), 0, count - 1)
        return [_decode(orjson.loads(each)) for each in found]

    async def of(self, schedules: Sequence[str], count: int = KEPT) -> dict[str, list[Result]]:
        """Read the results of several schedules, each newest first, and no more than `count` of each."""
        async with translated(), self.redis.pipeline(transaction=False) as pipe:
            for schedule in schedules:
                pipe.lrange(self.keys.results(schedule), 0, count - 1)
            rows = await pipe.execute()
        return {
            schedule: [_decode(orjson.loads(each)) for each in row]
            for schedule, row in zip(schedules, rows, strict=True)
        }

    async def last_successes(self, schedules: Sequence[str]) -> dict[str, Result]:
        """Read the last run of each schedule that completed; those without one are left out."""
        if not schedules:
            return {}
        async with translated():
            found = await self.redis.hmget(self.keys.successes, list(schedules))
        pairs = zip(schedules, found, strict=True)
        return {schedule: _decode(orjson.loads(each)) for schedule, each in pairs if each}

    async def going(self) -> dict[str, list[str]]:
        """Give the triggers of each schedule that are on their way, or whose runs are going on."""
        async with translated():
            members = await self.redis.zrange(self.keys.going, 0, -1)
        found: dict[str, list[str]] = {}
        for member in map(text, members):
            schedule, _, identity = member.rpartition("|")
            found.setdefault(schedule, []).append(identity)
        return found

    async def going_on(self, schedule: str) -> list[str]:
        """Give the triggers of one schedule that are on their way, or whose runs are going on."""
        async with translated():
            members = await self.redis.zrangebylex(self.keys.going, f"[{schedule}|", f"({schedule}}}")
        return [text(member).rpartition("|")[2] for member in members]

    def add(self, schedule: str, result: Result, before: Result | None, keep: int = KEPT) -> list[Command]:
        """Give the commands that add a result; `before` is the last success so far."""
        data = orjson.dumps(_encode(result)).decode()
        key = self.keys.results(schedule)
        commands: list[Command] = [("LPUSH", key, data), ("LTRIM", key, 0, keep - 1)]
        if result.good and result.newer_than(before):
            commands.append(("HSET", self.keys.successes, schedule, data))
        return commands

    def over(self, schedule: str, trigger: str) -> Command:
        """Give the command that says that a trigger of a schedule is not going on any more."""
        return ("ZREM", self.keys.going, f"{schedule}|{trigger}")


def _encode(result: Result) -> dict[str, Any]:
    plain = {name: getattr(result, name) for name in Result.__slots__}
    return {name: value for name, value in plain.items() if value is not None}


def _decode(value: Mapping[str, Any]) -> Result:
    times = {name: datetime.fromisoformat(value[name]) for name in ("ended", "fire_time") if name in value}
    return Result(**{**value, **times})
