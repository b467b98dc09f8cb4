"""The door of the API: whether it is closed, and who is let in."""

from dataclasses import replace
from datetime import datetime, timedelta

from worker.domain.apikey import ApiKey, matches, split
from worker.engine.refusing import Call, Refusing
from worker.engine.runtime import Engine

USED_EVERY = timedelta(minutes=1)
"""How true `last_used` is; a write for each call would be too much."""

UNKNOWN = "this API key is not known, has expired or was revoked"
"""One sentence for all: who guesses does not learn which."""

MISSING = "this needs an API key: as a bearer token in the header Authorization, or as X-Api-Key"


class Keyring:
    """Lets callers in by their keys. One for each process: it remembers that there was ever a key."""

    def __init__(self, engine: Engine) -> None:
        self.refusing = Refusing(engine)
        self._store = engine.apikeys
        self._clock = engine.clock
        self._closed = False

    async def closed(self) -> bool:
        """Tell whether a key is needed: there was ever one, whatever became of it.

        Once it is so, it stays so for this process: a Redis that has lost its memory does not open the door.
        """
        self._closed = self._closed or await self._store.any()
        return self._closed

    async def admit(self, text: str | None, call: Call) -> ApiKey | None:
        """Find the key that a call brought; None for a call without one, as long as there was never a key.

        Raises CallRefused: `locked` before anything is compared, `unknown` for a wrong key or none, `throttled`.
        """
        identity, secret = split(text or "") or ("", "")
        found = await self._store.knock(identity, call.address)
        self._clock.hear(found.now)
        await self.refusing.check_lock(found.locked, call)
        self._closed = self._closed or found.any
        if text is None:
            await self._check_open(call)
            return None
        if found.key is None or not matches(found.key.digest, secret):
            inside = f"the secret is not that of a key {identity}" if identity else "it does not look like a key"
            raise await self.refusing.wrong(replace(call, key_id=identity), UNKNOWN, inside)
        return await self._opened(found.key, found.now, call)

    async def recall(self, identity: str, call: Call) -> ApiKey:
        """Find the key with which somebody logged in. Raises CallRefused: `unknown` once it is no key any more."""
        found = await self._store.knock(identity, call.address)
        self._clock.hear(found.now)
        self._closed = self._closed or found.any
        if found.key is None:
            raise await self.refusing.stale(replace(call, key_id=identity), UNKNOWN, "the key is not there any more")
        return await self._opened(found.key, found.now, call)

    async def _check_open(self, call: Call) -> None:
        if self._closed:
            raise await self.refusing.without(call, MISSING)

    async def _opened(self, key: ApiKey, now: datetime, call: Call) -> ApiKey:
        known = replace(call, who=key.name, key_id=key.id)
        if not key.active(now):
            raise await self.refusing.stale(known, UNKNOWN, f"the key is {key.standing(now)}")
        await self.refusing.check_rate(f"key:{key.id}", key.rate, known)
        if key.last_used is None or now - key.last_used >= USED_EVERY:
            await self._store.used(key.id, now)
        return key
