"""Sweeps in Redis: the definition, how far its trials are recorded, and counts. Trials themselves are computed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from redis.asyncio import Redis

from worker.store.codec import instant, milliseconds
from worker.store.connection import text, translated
from worker.store.fenced import Fenced
from worker.store.keys import Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRow:
    """A sweep as it stands. `next` is the number of the next trial to record, from 1."""

    id: str
    name: str
    data: Mapping[str, Any]
    fingerprint: str
    total: int
    next: int
    created: datetime
    open: int = 0
    """Trials recorded and not yet started, dead or cancelled."""
    started: int = 0
    dead: int = 0
    cancelled: int = 0
    ended: str = ""
    """Why it ended before its last trial, if it did."""

    @property
    def recorded(self) -> int:
        """Count the trials recorded so far."""
        return self.next - 1

    @property
    def done(self) -> bool:
        """Tell whether every trial has been recorded, and has started or will not."""
        return self.next > self.total and self.open == 0


class SweepStore:
    """The sweeps of one installation."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self.redis = redis
        self.keys = keys
        self._fenced = Fenced(redis, keys)

    async def create(
        self, identity: str, *, name: str, data: Mapping[str, Any], fingerprint: str, total: int, now: datetime
    ) -> bool:
        """Write a new sweep; False if there is one with this id already."""
        key = self.keys.sweep(identity)
        fields: dict[str, str | int | bytes] = {
            "name": name,
            "data": orjson.dumps(data),
            "fingerprint": fingerprint,
            "total": total,
            "created": milliseconds(now),
        }
        async with translated(), self.redis.pipeline(transaction=True) as pipe:
            pipe.hsetnx(key, "next", 1)
            for field, value in fields.items():
                pipe.hsetnx(key, field, value)
            pipe.zadd(self.keys.sweeps, {identity: milliseconds(now)}, nx=True)
            pipe.sadd(self.keys.active_sweeps, identity)
            answers = await pipe.execute()
        return bool(answers[0])

    async def get(self, identity: str) -> SweepRow | None:
        """Read a sweep."""
        async with translated():
            found = await self.redis.hgetall(self.keys.sweep(identity))
        return _row(identity, {text(key): text(value) for key, value in found.items()}) if found else None

    async def newest(self, count: int) -> list[SweepRow]:
        """Read the sweeps created last, newest first."""
        async with translated():
            ids = await self.redis.zrevrange(self.keys.sweeps, 0, count - 1)
        rows = [await self.get(text(identity)) for identity in ids]
        return [row for row in rows if row is not None]

    async def active(self) -> list[str]:
        """Give the ids of the sweeps that may have trials to record."""
        async with translated():
            return sorted(text(identity) for identity in await self.redis.smembers(self.keys.active_sweeps))

    async def rest(self, identity: str, fence: str) -> None:
        """Take a sweep with nothing left to record off the list of active ones. Raises LeadLost."""
        await self._fenced(self.keys.active_sweeps, fence, "SREM", identity)

    async def stop(self, identity: str, total: int, reason: str, fence: str = "") -> None:
        """Record no more trials: the sweep ends with those it has, and says why. Raises LeadLost."""
        await self._fenced(self.keys.sweep(identity), fence, "HSET", "total", total, "ended", reason)
        await self.rest(identity, fence)


def _row(identity: str, fields: Mapping[str, str]) -> SweepRow:
    def number(name: str) -> int:
        return int(fields.get(name, "0"))

    return SweepRow(
        id=identity,
        name=fields["name"],
        data=orjson.loads(fields["data"]),
        fingerprint=fields["fingerprint"],
        total=number("total"),
        next=number("next"),
        created=instant(number("created")),
        open=number("open"),
        started=number("started"),
        dead=number("dead"),
        cancelled=number("cancelled"),
        ended=fields.get("ended", ""),
    )
