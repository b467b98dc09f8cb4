"""Plain writes for the scheduler, which only the beat that leads may do."""

from redis.asyncio import Redis

from worker.domain.errors import LeadLost
from worker.store import scripts
from worker.store.connection import translated
from worker.store.keys import Keys


class Fenced:
    """Writes one command to one key, if the fence still holds."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._keys = keys
        self._scripts = scripts.load(redis)

    async def __call__(self, key: str, fence: str, command: str, *arguments: str | bytes | int) -> None:
        """Write; `fence` is the leader's `epoch:id`, "" for a person. Raises LeadLost."""
        async with translated():
            done = await self._scripts["fenced"](keys=[self._keys.leader, key], args=[fence, command, *arguments])
        if int(done) < 0:
            raise LeadLost("another beat leads")
