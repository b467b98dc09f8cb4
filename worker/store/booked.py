"""The schedules that were made over the API: what each says, since when, and who wrote it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from redis.asyncio import Redis

from worker.domain.alert import AlertKind
from worker.store import scripts
from worker.store.connection import text, translated
from worker.store.items import Command
from worker.store.keys import Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """One of them as Redis has it."""

    name: str
    entry: Mapping[str, Any]
    """What it says, in the words of a schedule file."""
    created: str
    """ISO 8601. It tells a schedule from an earlier one of its name."""
    changed: str
    by: str
    tag: str
    """Changes whenever any of it does."""
    unreadable: str = ""
    """Why nothing of it can be read, if so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A schedule in the form in which Redis keeps and compares it."""

    row: bytes
    tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """All of them at one time."""

    revision: str
    rows: Mapping[str, Booked]


class BookedStore:
    """The schedules made over the API, of one shard."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self.redis = redis
        self.keys = keys
        self._scripts = scripts.load(redis)

    async def revision(self) -> str:
        """Give what changes whenever one of them does; "" where there never was any."""
        async with translated():
            found = await self.redis.get(self.keys.booked_revision)
        return text(found) if found else ""

    async def all(self) -> Shelf:
        """Read all of them, and their revision, as of one instant."""
        async with translated(), self.redis.pipeline(transaction=True) as pipe:
            pipe.get(self.keys.booked_revision)
            pipe.hgetall(self.keys.booked)
            revision, rows = await pipe.execute()
        found = {text(name): read(text(name), row) for name, row in rows.items()}
        return Shelf(revision=text(revision) if revision else "", rows=dict(sorted(found.items())))

    async def put(self, name: str, written: Written, expected: str, commands: Sequence[Command] = ()) -> bool:
        """Write one, in place of what has the tag `expected` ("" for none). False if that is not there (any more).

        `commands` are plain writes that go with it.
        """
        return await self._write(name, expected, written.row, commands)

    async def remove(self, name: str, expected: str, commands: Sequence[Command] = ()) -> bool:
        """Take away the one that has the tag `expected`, and all by which a later one of its name would go on from it.

        The ledger stays. What was taken away already is no failure. False if there is another one by now.
        """
        return await self._write(name, expected, b"", [*self._forgets(name), *commands])

    async def _write(self, name: str, expected: str, row: bytes, commands: Sequence[Command]) -> bool:
        async with translated():
            done = await self._scripts["book"](
                keys=[self.keys.booked, self.keys.booked_revision],
                args=[name, expected, row, orjson.dumps(list(commands))],
            )
        return bool(int(done))

    def _forgets(self, name: str) -> list[Command]:
        keys = self.keys
        hashes = (keys.cursors, keys.spans, keys.paused, keys.resumed, keys.joins, keys.expected, keys.successes)
        incidents = [f"{kind}|{name}" for kind in AlertKind]
        return [
            *(("HDEL", key, name) for key in hashes),
            ("HDEL", keys.incidents, *incidents),
            ("DEL", keys.results(name)),
        ]


def written(entry: Mapping[str, Any], *, created: str, changed: str, by: str) -> Written:
    """Give a schedule in the form in which it is kept. The entry has to be one that JSON can carry."""
    row = orjson.dumps({"entry": entry, "created": created, "changed": changed, "by": by})
    return Written(row=row, tag=_tag(row))


def read(name: str, row: bytes) -> Booked:
    """Read one. What cannot be read is told, and hinders nobody else."""
    try:
        value = orjson.loads(row)
        return Booked(
            name=name,
            entry=dict(value["entry"]),
            created=str(value["created"]),
            changed=str(value["changed"]),
            by=str(value["by"]),
            tag=_tag(row),
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        why = f"what Redis has of it cannot be read: {error or type(error).__name__}"
        return Booked(name=name, entry={}, created="", changed="", by="", tag=_tag(row), unreadable=why)


def _tag(row: bytes) -> str:
    # As the script computes it.
    return hashlib.sha1(row, usedforsecurity=False).hexdigest()
