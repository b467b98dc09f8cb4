"""Messages that are no triggers, kept for a person to look at."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis.asyncio import Redis
from redis.typing import EncodableT, FieldT

from worker.domain.outcome import Status
from worker.store.codec import instant
from worker.store.connection import text, translated
from worker.store.keys import Keys
from worker.store.limits import Limits

Fields = dict[FieldT, EncodableT]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A message that is no trigger: when it came, what is wrong with it, and what it holds."""

    at: datetime
    reason: str
    headers: str
    body: str


MOST = 1_000

LONGEST = 2_000
"""Characters of each part of a message that are kept."""


class UnreadableStore:
    """What came by the queue and cannot be used: each with its reason, and an outcome that says so."""

    def __init__(self, redis: Redis, keys: Keys, limits: Limits) -> None:
        self.redis = redis
        self.keys = keys
        self.limits = limits

    async def keep(self, reason: str, now: datetime, *, headers: str = "", body: str = "") -> None:
        """Keep a message, shortened."""
        why = reason[:LONGEST]
        at = now.isoformat(timespec="milliseconds")
        async with translated(), self.redis.pipeline(transaction=True) as pipe:
            whole: Fields = {"reason": why, "headers": headers[:LONGEST], "body": body[:LONGEST]}
            pipe.xadd(self.keys.unreadable, whole, maxlen=MOST, approximate=True)
            outcome: Fields = {"status": Status.REJECTED.value, "at": at, "reason": why}
            pipe.xadd(self.keys.outcomes, outcome, maxlen=self.limits.outcomes_max, approximate=True)
            await pipe.execute()

    async def newest(self) -> tuple[int, str]:
        """Tell how many are kept, and the reason of the newest."""
        async with translated(), self.redis.pipeline(transaction=False) as pipe:
            pipe.xlen(self.keys.unreadable)
            pipe.xrevrange(self.keys.unreadable, count=1)
            count, found = await pipe.execute()
        return int(count), text(found[0][1][b"reason"]) if found else ""

    async def messages(self, count: int) -> list[Unreadable]:
        """Read the newest that are kept, newest first."""
        async with translated():
            found = await self.redis.xrevrange(self.keys.unreadable, count=count)
        return [_message(text(identity), fields or {}) for identity, fields in found or ()]


def _message(identity: str, fields: Mapping[Any, Any]) -> Unreadable:
    told = {text(name): text(value) for name, value in fields.items()}
    return Unreadable(
        at=instant(int(identity.partition("-")[0])),
        reason=told.get("reason", ""),
        headers=told.get("headers", ""),
        body=told.get("body", ""),
    )
