"""What names at ZenML stand for, kept in Redis for all processes; past its freshness too, for when ZenML is away."""

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

import orjson
from redis.asyncio import Redis

from worker.store.connection import translated
from worker.store.keys import Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """What is looked up: of which kind, in which project, by which words."""

    kind: str
    project: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        # Quoted, so that ("a/b", "c") and ("a", "b/c") are two names.
        return "/".join(quote(word, safe="") for word in self.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is kept under a name: what was found, or the sentence that says that there is nothing."""

    found: bytes | None = None
    missing: str = ""
    age: timedelta = timedelta()
    """By Redis' clock, so that no two machines need agree."""


class NameCache:
    """Keeps entries in Redis. Raises StoreUnavailable."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys

    async def read(self, name: Name) -> Entry | None:
        """Read an entry, with its age; None if there is none or it cannot be read."""
        key = self._key(name)
        # One MULTI, so that age and value belong together.
        async with translated(), self._redis.pipeline(transaction=True) as both:
            both.get(key)
            both.pttl(key)
            value, left = await both.execute()
        return _decoded(value, left) if value else None

    async def keep(self, name: Name, entry: Entry, keep_for: timedelta) -> None:
        """Write an entry, for `keep_for`; its age counts from now."""
        keep = _milliseconds(keep_for)
        head = orjson.dumps({"keep": keep, "missing": entry.missing})
        async with translated():
            await self._redis.set(self._key(name), head + b"\n" + (entry.found or b""), px=keep)

    async def drop(self, name: Name) -> None:
        """Remove an entry."""
        async with translated():
            await self._redis.delete(self._key(name))

    async def lock(self, name: Name, token: str, hold: timedelta) -> bool:
        """Try to be the one process that looks this up; the lock ends by itself after `hold`."""
        async with translated():
            return bool(await self._redis.set(self._lock_key(name), token, nx=True, px=_milliseconds(hold)))

    async def unlock(self, name: Name) -> None:
        """Let others look this up. Whose lock it is does not matter: the worst that follows is one look-up more."""
        async with translated():
            await self._redis.delete(self._lock_key(name))

    def _key(self, name: Name) -> str:
        return self._keys.resolution(name.kind, quote(name.project, safe=""), str(name))

    def _lock_key(self, name: Name) -> str:
        return self._keys.resolution_lock(name.kind, quote(name.project, safe=""), str(name))


def _milliseconds(duration: timedelta) -> int:
    return max(round(duration.total_seconds() * 1000), 1)


def _decoded(value: bytes, left: int) -> Entry | None:
    head, _, found = value.partition(b"\n")
    try:
        told = orjson.loads(head)
        age = timedelta(milliseconds=max(told["keep"] - left, 0))
        return Entry(found=found or None, missing=told["missing"], age=age)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
