"""How much there is of what, in one question; and single fields of many triggers, in another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from redis.asyncio import Redis

from worker.store.connection import text, translated
from worker.store.keys import Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Triggers by where they are, and the runs that have not ended."""

    ready: int = 0
    """May go now, as far as they are concerned."""
    delayed: int = 0
    """Wait for their time: retries, jitter, `not_before`."""
    held: int = 0
    """Wait for their overlap policy."""
    inflight: int = 0
    """Are with the workers."""
    following: int = 0
    """Have a run that goes on."""
    dead: int = 0

    @property
    def waiting(self) -> int:
        """Count what waits for whatever."""
        return self.ready + self.delayed + self.held


async def read_figures(redis: Redis, keys: Keys) -> Figures:
    """Count them."""
    names = Figures.__slots__
    async with translated(), redis.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.zcard(getattr(keys, name))
        return Figures(**dict(zip(names, map(int, await pipe.execute()), strict=True)))


async def read_fields(
    redis: Redis, keys: Keys, ids: Sequence[str], names: Sequence[str]
) -> Mapping[str, Mapping[str, str]]:
    """Read some fields of the hashes of triggers; what has no value is left out."""
    async with translated(), redis.pipeline(transaction=False) as pipe:
        for identity in ids:
            pipe.hmget(keys.trigger(identity), list(names))
        rows = await pipe.execute()
    return {
        identity: {name: text(value) for name, value in zip(names, row, strict=True) if value is not None}
        for identity, row in zip(ids, rows, strict=True)
    }
