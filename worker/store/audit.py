"""The audit log: every change that somebody made, and every call that was refused."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

import orjson
from redis.asyncio import Redis

from worker.logs import SECRET, clean
from worker.store.connection import text, translated
from worker.store.items import Command, flat
from worker.store.keys import Keys

MOST = 100_000
"""Entries that are kept of each stream."""

LONGEST = 1_000
"""Characters of a field."""

STATES = ("before", "after")
LONGEST_STATE = 10_000
"""Characters of a state; of what is longer, only the hash is kept."""


class Result(StrEnum):
    """What became of it."""

    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """Who did what, from where, and what it changed.

    `action` is a word such as `key.create`, `schedule.pause` or `call`, and `what` is what it was done to: a name, or
    the method and path of a call. `who` is the name of an API key, `hook:<name>` or `cli:<user>`, and empty where
    nobody knows. `before` and `after` are JSON. `id` is given by Redis; in time order.
    """

    at: datetime
    action: str
    what: str
    who: str = ""
    key_id: str = ""
    address: str = ""
    result: Result = Result.DONE
    reason: str = ""
    request_id: str = ""
    before: str = ""
    after: str = ""
    id: str = ""


class AuditStore:
    """The audit log. Refused calls have a stream of their own: a flood of them washes no change away."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self.redis = redis
        self.keys = keys

    def add(self, audited: Audited) -> Command:
        """Give the command that writes an entry, to go with the change itself. What is secret is blotted out."""
        stream = self.keys.refusals if audited.result is Result.REFUSED else self.keys.audit
        return ("XADD", stream, "MAXLEN", "~", MOST, "*", *flat(_form(audited)))

    async def tell(self, audited: Audited) -> None:
        """Write an entry by itself."""
        async with translated():
            await self.redis.execute_command(*self.add(audited))  # type: ignore[no-untyped-call]

    async def newest(self, count: int, before_id: str = "") -> list[Audited]:
        """Read the newest entries, newest first; `before_id` is the last entry of the page before.

        It gives one or two more where a page would end between entries of one id.
        """
        end = f"({before_id}" if before_id else "+"
        async with translated(), self.redis.pipeline(transaction=False) as pipe:
            for stream in (self.keys.audit, self.keys.refusals):
                pipe.xrevrange(stream, max=end, count=count)
            streams = await pipe.execute()
        found = sorted((_read(*row) for rows in streams for row in rows), key=_order, reverse=True)
        last = found[count - 1].id if len(found) >= count else ""
        return [*found[:count], *(one for one in found[count:] if one.id == last)]


def _form(audited: Audited) -> Mapping[str, Any]:
    plain = {one.name: getattr(audited, one.name) for one in fields(audited)}
    short = {name: clean(value)[:LONGEST] for name, value in plain.items() if name not in {"at", *STATES}}
    told = {"at": audited.at, **short, **{name: _state(plain[name]) for name in STATES}}
    return {name: value or None for name, value in told.items()}


def _state(state: str) -> str:
    """Shorten JSON to JSON."""
    if len(state) > LONGEST_STATE:
        return orjson.dumps({"sha256": sha256(state.encode()).hexdigest(), "characters": len(state)}).decode()
    return SECRET.sub("***", state)


def _read(identity: object, found: Mapping[Any, Any]) -> Audited:
    plain = {text(name): text(value) for name, value in found.items()}
    known = {one.name for one in fields(Audited)}
    told: dict[str, Any] = {name: value for name, value in plain.items() if name in known}
    told |= {"at": datetime.fromisoformat(plain["at"]), "result": Result(plain["result"]), "id": text(identity)}
    return Audited(**told)


def _order(audited: Audited) -> tuple[int, ...]:
    return tuple(map(int, audited.id.split("-")))
