"""What a ZenML server may be asked for at once: dispatching, and what was learnt of its capacity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import orjson
from redis.asyncio import Redis

from worker.store import scripts
from worker.store.codec import duration_ms, instant, milliseconds
from worker.store.connection import text, translated
from worker.store.keys import Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is sent and kept, and how long things are held. 0 is no limit."""

    ceiling: int = 256
    """Launches at once, at the most."""
    first: int = 2
    """Launches at once that a server is trusted with before anything is known of it: what ZenML takes by default."""
    per_minute: int = 0
    per_day: int = 0
    """Triggers that may begin on one day (UTC)."""
    by_tag: Mapping[str, int] = field(default_factory=dict)
    """How many launches at once may carry a tag; `prefix*` counts each tag that begins so by itself."""
    lease: timedelta = timedelta(seconds=6)
    ring_again: timedelta = timedelta(seconds=5)
    """A published id that nobody claims within this is published again."""
    keep: timedelta = timedelta(days=30)
    outcomes_max: int = 100_000
    ledger_max: int = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatched:
    """What may go now. `later` is when it is worth another look; `why` tells what holds everything back, if it does."""

    ids: list[str]
    later: datetime | None
    capped: bool
    """The server has refused launches for want of capacity: those that hold a slot count."""
    why: str


class LimitStore:
    """The limits of one ZenML server."""

    def __init__(self, redis: Redis, keys: Keys, limits: Limits) -> None:
        self.redis = redis
        self.keys = keys
        self.limits = limits
        self._scripts = scripts.load(redis)

    async def dispatch(self) -> Dispatched:
        """Move what the limits allow to dispatched."""
        keys, limits = self.keys, self.limits
        plain = {
            "ceiling": limits.ceiling,
            "first": limits.first,
            "again": duration_ms(limits.ring_again),
            "per_minute": limits.per_minute,
            "per_day": limits.per_day,
            "tags": dict(limits.by_tag),
            "outcomes": limits.outcomes_max,
        }
        used = [
            keys.delayed,
            keys.ready,
            keys.inflight,
            keys.limit,
            keys.holding,
            keys.rate,
            keys.dead,
            keys.outcomes,
            keys.events,
        ]
        async with translated():
            _, later, capped, why, *ids = await self._scripts["dispatch"](
                keys=used, args=[keys.trigger_prefix, keys.ledger_prefix, keys.sweep_prefix, orjson.dumps(plain)]
            )
        return Dispatched(
            ids=[identity.decode() for identity in ids],
            later=instant(later) if int(later) >= 0 else None,
            capped=bool(capped),
            why=why.decode(),
        )

    async def held(self) -> dict[str, tuple[str, str]] | None:
        """Give the triggers that may hold a slot, each with its run and the run's project; None if slots do not matter.

        Also those of workers that are gone: whoever is left frees their slots.
        """
        async with translated(), self.redis.pipeline(transaction=False) as pipe:
            pipe.hexists(self.keys.limit, "capped")
            pipe.zrange(self.keys.holding, 0, -1)
            capped, holding = await pipe.execute()
            if not capped:
                return None
            ids = [text(identity) for identity in holding]
            for identity in ids:
                pipe.hmget(self.keys.trigger(identity), ["run_id", "run_project"])
            rows = await pipe.execute()
        return {identity: (text(row[0] or ""), text(row[1] or "")) for identity, row in zip(ids, rows, strict=True)}

    async def release(self, ids: Sequence[str]) -> int:
        """Say that the submissions of these triggers are through; gives how many slots are held still."""
        async with translated():
            return int(await self._scripts["release"](keys=[self.keys.holding, self.keys.limit], args=list(ids)))

    async def state(self) -> dict[str, str]:
        """Read what was learnt of the server, and whether it is left alone: `window`, `capped`, `open`, `why`, …"""
        async with translated():
            found = await self.redis.hgetall(self.keys.limit)
        return {text(key): text(value) for key, value in found.items()}

    async def used(self, now: datetime) -> tuple[int, int]:
        """Give how much of the limits by minute and by day is used up."""
        moment = milliseconds(now)
        async with translated(), self.redis.pipeline(transaction=False) as pipe:
            pipe.zcount(self.keys.rate, moment - 60_000, "+inf")
            pipe.hmget(self.keys.limit, ["day", "used"])
            in_minute, (day, used) = await pipe.execute()
        today = str(moment // 86_400_000)
        return int(in_minute), int(used) if day and text(day) == today else 0
