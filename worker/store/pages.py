"""Pages out of a sorted set, newest first; what is added meanwhile moves none of them."""

from typing import Any, cast

from redis.asyncio import Redis

from worker.store.connection import text, translated


async def newest_first(redis: Redis, key: str, after: tuple[int, str] | None, count: int) -> list[tuple[str, int]]:
    """Give members and their scores that come after one of them, which may be gone by now; None is from the start."""
    async with translated():
        rank: Any = await redis.zrevrank(key, after[1]) if after else -1
        if after and rank is None:
            rows = await redis.zrevrangebyscore(key, f"({after[0]}", "-inf", start=0, num=count, withscores=True)
        else:
            rows = await redis.zrevrange(key, rank + 1, rank + count, withscores=True)
    return [(text(member), int(score)) for member, score in cast("list[tuple[bytes, float]]", rows)]
