"""Messages that nobody could read, kept for a person to look at."""

from collections.abc import Mapping

from redis.asyncio import Redis

from worker.store.connection import translated
from worker.store.keys import Keys

MOST = 1_000


async def put_away(redis: Redis, keys: Keys, entry: Mapping[str, str]) -> None:
    """Keep an unreadable message: `reason`, `headers`, `body`, shortened."""
    async with translated():
        await redis.xadd(keys.unreadable, dict(entry.items()), maxlen=MOST, approximate=True)
