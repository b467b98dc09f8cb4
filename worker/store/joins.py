"""What schedules that wait for several runs have seen so far."""

from collections.abc import Mapping
from typing import Any

import orjson
from redis.asyncio import Redis

from worker.store.connection import text, translated
from worker.store.items import Command
from worker.store.keys import Keys

Seen = dict[int, dict[str, Any]]
"""Index of the upstream -> its run that has ended."""


class JoinStore:
    """The joins of one shard."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self.redis = redis
        self.keys = keys

    async def all(self) -> dict[str, Seen]:
        """Read what each schedule has seen that does not have all yet."""
        async with translated():
            found = await self.redis.hgetall(self.keys.joins)
        return {text(name): _decode(value) for name, value in found.items()}

    async def of(self, schedule: str) -> Seen:
        """Read what a schedule has seen."""
        async with translated():
            found = await self.redis.hget(self.keys.joins, schedule)
        return _decode(found) if found else {}

    def keep(self, schedule: str, seen: Mapping[int, Mapping[str, Any]]) -> Command:
        """Give the command that writes down what a schedule has seen."""
        plain = {str(index): run for index, run in seen.items()}
        return ("HSET", self.keys.joins, schedule, orjson.dumps(plain).decode())

    def forget(self, schedule: str) -> Command:
        """Give the command that lets a schedule begin anew; it answers 0 where there is nothing to forget."""
        return ("HDEL", self.keys.joins, schedule)


def _decode(value: bytes | str) -> Seen:
    return {int(index): run for index, run in orjson.loads(value).items()}
