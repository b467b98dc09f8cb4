"""What has happened, until what follows from it is on record."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis.asyncio import Redis

from worker.store.codec import instant
from worker.store.connection import text, translated
from worker.store.items import Command, flat
from worker.store.keys import Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened. Its `kind` says what `fields` there are:

    a `Fate`, `dead`, `cancelled`: a trigger, or its run, has ended (`trigger`); or a run that zenbeat did not start
        (`run_id run_name pipeline pipeline_id project ended url`)
    `follow`: what a schedule waits for has ended (`schedule`, `upstream` as JSON, `index` among its upstreams)
    `missed`: fire times of a schedule passed without a run (`schedule fire_time count reason`)
    `paused`, `resumed`: a schedule was, by a person (`schedule reason`)
    """

    id: str
    kind: str
    fields: Mapping[str, str]

    @property
    def at(self) -> datetime:
        """When it was noticed; hardly two events have the same, for each stands for an entry in a ledger."""
        milli, _, sequence = self.id.partition("-")
        return instant(int(milli) + int(sequence))


class EventStore:
    """The events of one server."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self.redis = redis
        self.keys = keys

    async def oldest(self, count: int) -> list[Event]:
        """Give what is not seen to, oldest first."""
        async with translated():
            rows = await self.redis.xrange(self.keys.events, count=count)
        return [_event(text(identity or b""), fields or {}) for identity, fields in rows or ()]

    async def count(self) -> int:
        """Count what is not seen to."""
        async with translated():
            return int(await self.redis.xlen(self.keys.events))

    def taken(self, event: Event) -> Command:
        """Give the command that takes an event away; it answers 0 where it is gone."""
        return ("XDEL", self.keys.events, event.id)

    def add(self, kind: str, **fields: Any) -> Command:
        """Give the command that adds an event."""
        return add_event(self.keys, kind, **fields)


def add_event(keys: Keys, kind: str, **fields: Any) -> Command:
    """Give the command that adds an event, where there are only the keys."""
    return ("XADD", keys.events, "*", *flat({"kind": kind, **fields}))


def _event(identity: str, fields: Mapping[Any, Any]) -> Event:
    plain = {text(key): text(value) for key, value in fields.items()}
    return Event(id=identity, kind=plain.pop("kind", ""), fields=plain)
