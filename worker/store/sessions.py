"""Who is logged in to the dashboard: in Redis, so that every API process knows, under digests of what cookies hold."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe

import orjson
from redis.asyncio import Redis

from worker.store.codec import duration_ms, instant, milliseconds
from worker.store.connection import translated
from worker.store.keys import Keys

IDLE = timedelta(hours=1)
"""After so long without a page, somebody has to log in again."""

LONGEST = timedelta(hours=12)
"""And after so long in any case."""

TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody who is logged in. `token` is what the cookie holds, `csrf` what every form has to bring along."""

    token: str
    key_id: str
    csrf: str
    begun: datetime


class SessionStore:
    """The sessions of one installation."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self.redis = redis
        self.keys = keys

    async def begin(self, key_id: str, now: datetime) -> Session:
        """Begin one, for who has shown a key."""
        session = Session(token=token_urlsafe(TOKEN_BYTES), key_id=key_id, csrf=token_urlsafe(TOKEN_BYTES), begun=now)
        said = {"key_id": key_id, "csrf": session.csrf, "begun": milliseconds(now)}
        async with translated():
            await self.redis.set(self._key(session.token), orjson.dumps(said), px=IDLE)
        return session

    async def find(self, token: str, now: datetime) -> Session | None:
        """Find one, and let it last on from now; None if there is none, or not any more."""
        key = self._key(token)
        async with translated():
            found = await self.redis.getex(key, px=IDLE)
        if found is None:
            return None
        said = orjson.loads(found)
        session = Session(token=token, key_id=said["key_id"], csrf=said["csrf"], begun=instant(int(said["begun"])))
        left = session.begun + LONGEST - now
        if left <= timedelta():
            await self.end(token)
            return None
        if left < IDLE:
            async with translated():
                await self.redis.pexpire(key, duration_ms(left))
        return session

    async def end(self, token: str) -> None:
        """End one: its cookie opens nothing any more."""
        async with translated():
            await self.redis.delete(self._key(token))

    def _key(self, token: str) -> str:
        return self.keys.session(sha256(token.encode()).hexdigest())
