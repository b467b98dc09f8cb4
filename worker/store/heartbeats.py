"""Who is alive: every beat, worker and API process leaves a sign that fades."""

from datetime import datetime, timedelta
from typing import Any

import orjson
from redis.asyncio import Redis

from worker.store.connection import of_time, text, translated
from worker.store.keys import Keys

FADES = timedelta(seconds=20)
EVERY = timedelta(seconds=5)


class HeartbeatStore:
    """The heartbeats of processes. A role is `beat`, `worker` or `api`; identity is `host:pid:random`."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self.redis = redis
        self.keys = keys

    async def beat(self, role: str, identity: str, what: dict[str, Any]) -> datetime:
        """Leave a sign of life, with what was last done. Gives Redis' time."""
        async with translated(), self.redis.pipeline(transaction=False) as pipe:
            pipe.set(self.keys.heartbeat(role, identity), orjson.dumps(what), ex=FADES)
            pipe.time()
            _, now = await pipe.execute()
        return of_time(now)

    async def leave(self, role: str, identity: str) -> None:
        """Take the sign away: this process ends on purpose."""
        async with translated():
            await self.redis.delete(self.keys.heartbeat(role, identity))

    async def alive(self, role: str) -> dict[str, dict[str, Any]]:
        """Give what each living process of a role last said, by identity."""
        return (await self.everybody(role)).get(role, {})

    async def everybody(self, role: str = "*") -> dict[str, dict[str, dict[str, Any]]]:
        """Give what each living process last said, by role and identity; all are found in one walk through the keys."""
        beginning = self.keys.heartbeat("", "").removesuffix(":")
        pattern = self.keys.heartbeat(role, "*")
        async with translated():
            names = [text(name) async for name in self.redis.scan_iter(match=pattern, count=1000)]
            values = await self.redis.mget(names) if names else []
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for name, value in zip(names, values, strict=True):
            if value:
                whose, _, identity = name.removeprefix(beginning).partition(":")
                found.setdefault(whose, {})[identity] = orjson.loads(value)
        return found
