"""The schedules that are paused. Nothing but a person, or the time that a person gave, takes a pause away."""

from datetime import datetime
from typing import Any

import orjson
from redis.asyncio import Redis

from worker.domain.pause import Pause, PauseCause
from worker.store.codec import instant, milliseconds
from worker.store.connection import text, translated
from worker.store.items import Command
from worker.store.keys import Keys


class PauseStore:
    """The pauses of one shard."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self.redis = redis
        self.keys = keys

    async def all(self) -> dict[str, Pause]:
        """Read every pause, by schedule; also those that have ended by themselves and are not taken away yet."""
        async with translated():
            found = await self.redis.hgetall(self.keys.paused)
        return {text(name): _decode(value) for name, value in found.items()}

    async def holding(self, now: datetime) -> dict[str, Pause]:
        """Read the pauses that have not ended by themselves, by schedule."""
        return {name: pause for name, pause in (await self.all()).items() if not pause.over(now)}

    async def get(self, schedule: str) -> Pause | None:
        """Read the pause of a schedule."""
        async with translated():
            found = await self.redis.hget(self.keys.paused, schedule)
        return _decode(found) if found else None

    def begin(self, schedule: str, pause: Pause) -> Command:
        """Give the command that pauses a schedule, or changes its pause."""
        return ("HSET", self.keys.paused, schedule, _encode(pause))

    async def resumed(self, schedule: str) -> datetime | None:
        """Tell when a person let a schedule go on last."""
        async with translated():
            found = await self.redis.hget(self.keys.resumed, schedule)
        return instant(int(found)) if found else None

    def resume(self, schedule: str, now: datetime) -> Command:
        """Give the command that says that a person lets a schedule go on."""
        return ("HSET", self.keys.resumed, schedule, milliseconds(now))

    def end(self, schedule: str) -> Command:
        """Give the command that takes a pause away; it answers 0 where there is none."""
        return ("HDEL", self.keys.paused, schedule)


def _encode(pause: Pause) -> str:
    plain = {
        "since": pause.since,
        "by": pause.by,
        "why": pause.why or None,
        "until": pause.until,
        # The same for scripts, which cannot read a date.
        "ends": milliseconds(pause.until) if pause.until else None,
        "cause": pause.cause.value,
    }
    return orjson.dumps({key: value for key, value in plain.items() if value is not None}).decode()


def _decode(data: bytes | str) -> Pause:
    value: dict[str, Any] = orjson.loads(data)
    return Pause(
        since=datetime.fromisoformat(value["since"]),
        by=value["by"],
        why=value.get("why", ""),
        until=datetime.fromisoformat(value["until"]) if "until" in value else None,
        cause=PauseCause(value["cause"]),
    )
