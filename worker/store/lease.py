"""The lead among several beats: one at work, with a fencing epoch, the others standing by."""

from dataclasses import dataclass
from datetime import timedelta

from redis.asyncio import Redis

from worker.store import scripts
from worker.store.connection import translated
from worker.store.keys import Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """Whether this beat leads. `fence` goes with every write; "" is standing by."""

    fence: str
    free_in: timedelta = timedelta(0)
    """When another's hold runs out, if it is not renewed; for who stands by."""


class Lease:
    """One beat's hold on the lead. Renewed by each `take`; lost when it is not renewed within `ttl`."""

    def __init__(self, redis: Redis, keys: Keys, identity: str, ttl: timedelta) -> None:
        self.redis = redis
        self.keys = keys
        self.identity = identity
        self.ttl = ttl
        self._epoch = ""
        self._scripts = scripts.load(redis)

    async def take(self) -> Lead:
        """Take or renew the lead, if nobody else has it."""
        async with translated():
            epoch, left = await self._scripts["lead"](
                keys=[self.keys.leader, self.keys.epoch],
                args=[self.identity, round(self.ttl.total_seconds() * 1000)],
            )
        self._epoch = epoch.decode()
        fence = f"{self._epoch}:{self.identity}" if self._epoch else ""
        return Lead(fence=fence, free_in=timedelta(milliseconds=left))

    async def resign(self) -> None:
        """Give up the lead, so that another beat need not wait for it to run out."""
        if self._epoch:
            async with translated():
                await self._scripts["resign"](keys=[self.keys.leader], args=[self.identity, self._epoch])
            self._epoch = ""
