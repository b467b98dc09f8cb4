"""Incidents, and the letters that tell of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
from redis.asyncio import Redis

from worker.domain.alert import Alert, AlertKind, as_plain, from_plain
from worker.store.codec import milliseconds
from worker.store.connection import text, translated
from worker.store.items import Command
from worker.store.keys import Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Something that is wrong with a schedule, from when it was noticed until it is well again."""

    kind: AlertKind
    schedule: str
    since: datetime
    reason: str
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """An alert on its way to one receiver."""

    id: str
    receiver: str
    alert: Alert
    written: datetime
    tries: int = 0


class AlertStore:
    """The incidents and letters of one shard."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self.redis = redis
        self.keys = keys

    async def incidents(self) -> list[Incident]:
        """Read everything that is wrong."""
        async with translated():
            found = await self.redis.hgetall(self.keys.incidents)
        return [_incident(text(name), value) for name, value in found.items()]

    async def of(self, schedule: str) -> dict[AlertKind, Incident]:
        """Read what is wrong with a schedule."""
        names = [f"{kind}|{schedule}" for kind in AlertKind]
        async with translated():
            found = await self.redis.hmget(self.keys.incidents, names)
        incidents = [_incident(name, value) for name, value in zip(names, found, strict=True) if value]
        return {incident.kind: incident for incident in incidents}

    def keep(self, incident: Incident) -> Command:
        """Give the command that writes an incident down."""
        value = {"since": incident.since, "reason": incident.reason, "count": incident.count}
        name = f"{incident.kind}|{incident.schedule}"
        return ("HSET", self.keys.incidents, name, orjson.dumps(value).decode())

    def end(self, incident: Incident) -> Command:
        """Give the command that ends an incident."""
        return ("HDEL", self.keys.incidents, f"{incident.kind}|{incident.schedule}")

    # --- letters

    def post(self, letter: Letter, ready: datetime) -> list[Command]:
        """Give the commands that put a letter into the outbox, to be sent when it is `ready`."""
        return [
            ("HSET", self.keys.letters, letter.id, _form(letter)),
            ("ZADD", self.keys.outbox, milliseconds(ready), letter.id),
        ]

    async def due(self, now: datetime, count: int) -> list[Letter]:
        """Give the letters that may be sent, the oldest first."""
        async with translated():
            found = await self.redis.zrangebyscore(self.keys.outbox, "-inf", milliseconds(now), start=0, num=count)
            ids = [text(identity) for identity in found]
            rows = await self.redis.hmget(self.keys.letters, ids) if ids else []
        return [_letter(identity, row) for identity, row in zip(ids, rows, strict=True) if row]

    async def waiting(self) -> int:
        """Count the letters that are not delivered yet."""
        async with translated():
            return int(await self.redis.zcard(self.keys.outbox))

    async def remove(self, letters: Sequence[Letter]) -> None:
        """Take letters out of the outbox: they were delivered, or given up."""
        ids = [letter.id for letter in letters]
        async with translated(), self.redis.pipeline(transaction=True) as pipe:
            pipe.zrem(self.keys.outbox, *ids)
            pipe.hdel(self.keys.letters, *ids)
            await pipe.execute()

    async def postpone(self, letters: Sequence[Letter], ready: datetime) -> None:
        """Try letters again later."""
        async with translated(), self.redis.pipeline(transaction=True) as pipe:
            for letter in letters:
                pipe.hset(self.keys.letters, letter.id, _form(replace(letter, tries=letter.tries + 1)))
                pipe.zadd(self.keys.outbox, {letter.id: milliseconds(ready)}, xx=True)
            await pipe.execute()


def _incident(name: str, value: bytes | str) -> Incident:
    kind, _, schedule = name.partition("|")
    plain: dict[str, Any] = orjson.loads(value)
    since = datetime.fromisoformat(plain["since"])
    return Incident(kind=AlertKind(kind), schedule=schedule, **{**plain, "since": since})


def _form(letter: Letter) -> str:
    plain = {
        "receiver": letter.receiver,
        "alert": as_plain(letter.alert),
        "written": letter.written,
        "tries": letter.tries,
    }
    return orjson.dumps(plain).decode()


def _letter(identity: str, row: bytes | str) -> Letter:
    plain = orjson.loads(row)
    return Letter(
        id=identity,
        receiver=plain["receiver"],
        alert=from_plain(plain["alert"]),
        written=datetime.fromisoformat(plain["written"]),
        tries=plain["tries"],
    )
