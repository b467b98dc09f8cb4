"""The API keys: their secrets only as digests, and changed only as they were seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from redis.asyncio import Redis

from worker.domain.addresses import neighbourhood
from worker.domain.apikey import ApiKey
from worker.store import scripts
from worker.store.codec import instant, milliseconds
from worker.store.connection import of_time, text, translated
from worker.store.items import Command
from worker.store.keys import Keys

REVISION = "revision"
USED = "used|"
"""Fields of the hash that are no keys: how often it was changed, and when a key was used last (epoch ms)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """All keys, oldest first, as they were `now`, at one `revision`."""

    now: datetime
    keys: tuple[ApiKey, ...]
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    """What is known of a call: the key whose id it named, and for how long its address is locked out.

    `any` tells whether there was ever a key.
    """

    now: datetime
    locked: timedelta
    key: ApiKey | None
    any: bool


class KeyStore:
    """The API keys of one installation."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self.redis = redis
        self.keys = keys
        self._scripts = scripts.load(redis)

    async def ring(self) -> Ring:
        """Read all keys, also those that are revoked."""
        async with translated(), self.redis.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.hgetall(self.keys.api_keys)
            time, found = await pipe.execute()
        plain = {text(name): value for name, value in found.items()}
        revision = int(plain.pop(REVISION, 0))
        ids = [name for name in plain if not name.startswith(USED)]
        read = sorted((_decode(name, plain[name], plain.get(USED + name)) for name in ids), key=_age)
        return Ring(now=of_time(time), keys=tuple(read), revision=revision)

    async def knock(self, identity: str, address: str) -> Knock:
        """Look for a key, whatever its standing, and at its caller's address: each call does, so it is one question."""
        names = [self.keys.guesses(neighbourhood(address)), self.keys.api_keys]
        async with translated():
            now, locked, data, used, exists = await self._scripts["knock"](keys=names, args=[identity, USED + identity])
        key = _decode(identity, data, used) if identity and data else None
        left = timedelta(milliseconds=int(locked))
        return Knock(now=instant(int(now)), locked=left, key=key, any=bool(exists))

    async def any(self) -> bool:
        """Tell whether there was ever a key."""
        async with translated():
            return bool(await self.redis.exists(self.keys.api_keys))

    async def change(self, revision: int, keys: Sequence[ApiKey], told: Command) -> bool:
        """Write keys, and the audit entry of it, if nobody has changed any since this `revision`."""
        words = [word for key in keys for word in (key.id, _encode(key))]
        async with translated():
            done = await self._scripts["rekey"](
                keys=[self.keys.api_keys], args=[str(revision), orjson.dumps(told).decode(), *words]
            )
        return bool(done)

    async def used(self, identity: str, now: datetime) -> None:
        """Remember when a key was used last."""
        async with translated():
            await self.redis.hset(self.keys.api_keys, USED + identity, str(milliseconds(now)))


def _age(key: ApiKey) -> tuple[datetime, str]:
    return key.created, key.id


def _encode(key: ApiKey) -> str:
    plain = {
        "name": key.name,
        "digest": key.digest,
        "scopes": key.scopes,
        "rate": key.rate,
        "created": key.created,
        "by": key.by,
        "expires": key.expires,
        "revoked": key.revoked,
    }
    return orjson.dumps({name: value for name, value in plain.items() if value is not None}).decode()


def _decode(identity: str, data: bytes | str, used: bytes | str | None) -> ApiKey:
    value: Mapping[str, Any] = orjson.loads(data)
    expires, revoked = value.get("expires"), value.get("revoked")
    return ApiKey(
        id=identity,
        name=value["name"],
        digest=value["digest"],
        scopes=tuple(value["scopes"]),
        rate=value["rate"],
        created=datetime.fromisoformat(value["created"]),
        by=value["by"],
        expires=datetime.fromisoformat(expires) if expires else None,
        revoked=datetime.fromisoformat(revoked) if revoked else None,
        last_used=instant(int(used)) if used else None,
    )
