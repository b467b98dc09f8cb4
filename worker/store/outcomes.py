"""The stream of outcomes."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from redis.asyncio import Redis

from worker.store.connection import text, translated
from worker.store.items import Command, flat
from worker.store.keys import Keys


class OutcomeStore:
    """What became of things. An outcome is a flat dict of text; its `id` is the Redis stream id."""

    def __init__(self, redis: Redis, keys: Keys, most: int) -> None:
        self.redis = redis
        self.keys = keys
        self._most = most

    def add(self, fields: Mapping[str, Any]) -> Command:
        """Give the command that adds an outcome."""
        return ("XADD", self.keys.outcomes, "MAXLEN", "~", self._most, "*", *flat(fields))

    async def newest(self, count: int) -> list[dict[str, str]]:
        """Read the newest outcomes, newest first."""
        async with translated():
            return [_plain(*row) for row in await self.redis.xrevrange(self.keys.outcomes, count=count) or ()]

    async def before(self, last: str, first: str, count: int) -> list[dict[str, str]]:
        """Read the newest from `last` down to `first`, newest first; both are ids, or ends of a range, of Redis."""
        async with translated():
            found = await self.redis.xrevrange(self.keys.outcomes, max=last, min=first, count=count)
        return [_plain(*row) for row in found or ()]

    async def last_id(self) -> str:
        """Give the id after which everything is new."""
        newest = await self.newest(1)
        return newest[0]["id"] if newest else "0-0"

    async def first_id(self) -> str | None:
        """Give the id of the oldest outcome that is kept; None if there is none."""
        async with translated():
            oldest = await self.redis.xrange(self.keys.outcomes, count=1)
        return text(oldest[0][0]) if oldest else None

    async def since(self, last_id: str, count: int = 500) -> list[dict[str, str]]:
        """Read what came after `last_id` and is there, oldest first."""
        async with translated():
            found = await self.redis.xrange(self.keys.outcomes, min=f"({last_id}", count=count)
        return [_plain(*row) for row in found or ()]

    async def after(self, last_id: str, patience: timedelta, count: int = 500) -> list[dict[str, str]]:
        """Read what came after `last_id`, oldest first, waiting for it no longer than `patience`."""
        block = max(1, round(patience.total_seconds() * 1000))
        async with translated():
            found: Any = await self.redis.xread({self.keys.outcomes: last_id}, count=count, block=block)
        # One stream was asked for: RESP2 answers [[name, rows]], RESP3 {name: [rows]}.
        streams = found.values() if isinstance(found, dict) else [rows for _, rows in found or ()]
        return [_plain(*row) for rows in streams for row in (rows[0] if isinstance(found, dict) else rows)]


def place(identity: str) -> tuple[int, int]:
    """Give an outcome's place in the stream; the later one has the greater place."""
    milliseconds, _, number = identity.partition("-")
    return int(milliseconds), int(number or 0)


def _plain(identity: object, fields: Mapping[Any, Any] | None) -> dict[str, str]:
    return {"id": text(identity), **{text(key): text(value) for key, value in (fields or {}).items()}}
