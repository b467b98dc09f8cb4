"""The lead among several beats: one at work, with a fencing epoch, the others standing by."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from redis.asyncio import Redis

from worker.store import scripts
from worker.store.codec import instant
from worker.store.connection import translated
from worker.store.keys import Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """Whether this beat leads, and the time by Redis' clock. `fence` goes with every write; "" is standing by."""

    fence: str
    now: datetime


class Lease:
    """One beat's hold on the lead. Renewed by each `take`; lost when it is not renewed within `ttl`."""

    def __init__(self, redis: Redis, keys: Keys, identity: str, ttl: timedelta = timedelta(seconds=4)) -> None:
        self.redis = redis
        self.keys = keys
        self.identity = identity
        self.ttl = ttl
        self._epoch = ""
        self._scripts = scripts.load(redis)

    async def take(self) -> Lead:
        """Take or renew the lead, if nobody else has it."""
        async with translated():
            epoch, now = await self._scripts["lead"](
                keys=[self.keys.leader, self.keys.epoch],
                args=[self.identity, round(self.ttl.total_seconds() * 1000)],
            )
        self._epoch = epoch.decode()
        return Lead(fence=f"{self._epoch}:{self.identity}" if self._epoch else "", now=instant(now))

    async def resign(self) -> None:
        """Give up the lead, so that another beat need not wait for it to run out."""
        if self._epoch:
            async with translated():
                await self._scripts["resign"](keys=[self.keys.leader], args=[self.identity, self._epoch])
            self._epoch = ""
