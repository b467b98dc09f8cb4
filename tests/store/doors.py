"""The stores of the doors on one connection."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from worker.domain.apikey import ApiKey, digest_of
from worker.store.apikeys import KeyStore
from worker.store.audit import Audited, AuditStore
from worker.store.connection import connect
from worker.store.keys import Keys
from worker.store.throttles import LockOut, ThrottleStore

AT = datetime(2026, 11, 1, tzinfo=UTC)


class Doors:
    """Keys, rates, lock-outs and the audit log."""

    def __init__(self, url: str, lock_out: LockOut | None = None) -> None:
        self.redis = connect(url)
        self.keys = Keys()
        self.apikeys = KeyStore(self.redis, self.keys)
        self.audit = AuditStore(self.redis, self.keys)
        self.throttles = ThrottleStore(self.redis, self.keys, lock_out)

    async def write(self, *keys: ApiKey, revision: int | None = None, action: str = "key.create") -> bool:
        known = (await self.apikeys.ring()).revision if revision is None else revision
        return await self.apikeys.change(known, keys, self.audit.add(audited(action)))


Body = Callable[[Doors], Awaitable[None]]


def audited(action: str, **fields: Any) -> Audited:
    return Audited(**{"at": AT, "action": action, "what": "ci", "who": "cli:ann", **fields})


def key(identity: str, name: str = "ci", **fields: Any) -> ApiKey:
    plain = {"digest": digest_of(identity), "scopes": ("read",), "rate": 60, "created": AT, "by": "cli:ann"}
    return ApiKey(**{"id": identity, "name": name, **plain, **fields})
