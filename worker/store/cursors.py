"""How far each schedule has been considered, and what was decided for each due instant."""

from collections.abc import Sequence
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
class Cursor:
    """The instant up to which a schedule has been considered.

    `revision` is that of the timing it was considered under, `taken` how many fires it took (for `max_runs`).
    """

    at: datetime
    revision: str
    taken: int = 0

    def form(self) -> str:
        """Give the form in which Redis keeps and compares it."""
        return f"{milliseconds(self.at)}|{self.revision}|{self.taken}"

    @classmethod
    def parse(cls, form: str) -> "Cursor":
        """Read what `form` gave."""
        at, revision, taken = form.split("|")
        return cls(at=instant(int(at)), revision=revision, taken=int(taken))


class CursorStore:
    """The cursors and ledgers of one shard."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self.redis = redis
        self.keys = keys
        self._fenced = Fenced(redis, keys)

    async def all(self) -> dict[str, Cursor]:
        """Read every cursor, by schedule."""
        async with translated():
            found = await self.redis.hgetall(self.keys.cursors)
        return {text(name): Cursor.parse(text(value)) for name, value in found.items()}

    async def some(self, names: Sequence[str]) -> dict[str, Cursor]:
        """Read the cursors of some schedules; those that have none are left out."""
        if not names:
            return {}
        async with translated():
            found = await self.redis.hmget(self.keys.cursors, list(names))
        return {name: Cursor.parse(text(value)) for name, value in zip(names, found, strict=True) if value}

    async def remembers(self) -> bool:
        """Tell whether this Redis still knows what it was told: a schedule without a cursor is new, then."""
        async with translated():
            return bool(await self.redis.exists(self.keys.since))

    async def remember(self, now: datetime, fence: str) -> None:
        """Say that from now on this Redis knows every schedule that was ever considered. Raises LeadLost."""
        await self._fenced(self.keys.since, fence, "SET", milliseconds(now))

    async def spans(self, schedule: str) -> list[dict[str, str]]:
        """Read what was considered without a break, oldest first: `from`, `till` (but in the last), `why`."""
        async with translated():
            found = await self.redis.hget(self.keys.spans, schedule)
        spans: list[dict[str, str]] = orjson.loads(found) if found else []
        return spans

    async def ledger(self, schedule: str, count: int) -> list[dict[str, Any]]:
        """Read the newest decisions for a schedule, newest first: `fire_time`, `decision`, `reason`, `trigger`."""
        async with translated():
            found = await self.redis.zrevrange(self.keys.ledger(schedule), 0, count - 1)
        return [orjson.loads(text(entry)) for entry in found]

    async def ledger_before(self, schedule: str, before: int | None, count: int) -> list[dict[str, Any]]:
        """Read decisions for a schedule, newest first: those before a fire time (epoch ms), or with None the newest."""
        highest = "+inf" if before is None else f"({before}"
        async with translated():
            found = await self.redis.zrevrangebyscore(self.keys.ledger(schedule), highest, "-inf", start=0, num=count)
        return [orjson.loads(text(entry)) for entry in found]

    async def newest(self, schedules: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Read the newest decision for each schedule; those without one are left out."""
        async with translated(), self.redis.pipeline(transaction=False) as pipe:
            for schedule in schedules:
                pipe.zrevrange(self.keys.ledger(schedule), 0, 0)
            rows = await pipe.execute()
        return {schedule: orjson.loads(text(row[0])) for schedule, row in zip(schedules, rows, strict=True) if row}

    async def ledgers_since(
        self, schedules: Sequence[str], since: datetime, count: int
    ) -> dict[str, list[dict[str, Any]]]:
        """Read the decisions for fire times from an instant on, newest first, no more than `count` of a schedule."""
        first = milliseconds(since)
        async with translated(), self.redis.pipeline(transaction=False) as pipe:
            for schedule in schedules:
                pipe.zrevrangebyscore(self.keys.ledger(schedule), "+inf", first, start=0, num=count)
            rows = await pipe.execute()
        pairs = zip(schedules, rows, strict=True)
        return {schedule: [orjson.loads(entry) for entry in row] for schedule, row in pairs}

    async def decision(self, schedule: str, fire_time: datetime) -> dict[str, Any] | None:
        """Read the decision for one fire time."""
        score = milliseconds(fire_time)
        async with translated():
            found = await self.redis.zrangebyscore(self.keys.ledger(schedule), score, score)
        return orjson.loads(text(found[0])) if found else None

    async def report_faults(self, faults: Sequence[str], fence: str) -> None:
        """Publish what is wrong with the schedule files, for `doctor` and the dashboard. Raises LeadLost."""
        await self._fenced(self.keys.faults, fence, "SET", orjson.dumps(list(faults)))
