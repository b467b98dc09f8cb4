"""Everything that is defined: by the schedule files, and over the API."""

import asyncio
import logging
from collections.abc import Mapping

from worker.domain.errors import StoreUnavailable
from worker.engine.trouble import Trouble
from worker.source import ApiEntry, Definitions, Source
from worker.store.booked import Booked, BookedStore

logger = logging.getLogger("zenbeat.book")

LOOK_SECONDS = 1.0
"""How soon it is looked again whether anything changed."""

FAULT_SECONDS = 60.0

MISSING = "what was made over the API cannot be read from Redis; what was read last counts"


class Book:
    """Reads both. To look whether anything changed costs one GET and a few stats."""

    def __init__(self, source: Source, store: BookedStore) -> None:
        self._source = source
        self._store = store
        self._revision: str | None = None
        self._trouble = Trouble(logger)
        self._lock = asyncio.Lock()
        self.rows: Mapping[str, Booked] = {}
        """What was made over the API, as it was read last."""

    async def read(self) -> Definitions:
        """Give what is defined now: the same object as before if nothing changed. Raises StoreUnavailable."""
        await self._renew()
        return self._source.read()

    async def read_on(self) -> Definitions:
        """Give what is defined, and go on with what was read last of what Redis does not tell; that is a fault then."""
        try:
            await self._renew()
        except StoreUnavailable as error:
            self._trouble.met(str(error))
            self._revision = None
            self._source.book(_entries(self.rows), MISSING)
        else:
            self._trouble.over()
        return self._source.read()

    async def watch(self) -> None:
        """Look again and again, as long as the process lives, also while nobody asks.

        A change of a file counts from the second look on; and who asks then does not wait until it is read.
        """
        while True:
            try:
                await self.read_on()
                await asyncio.sleep(LOOK_SECONDS)
            except Exception:
                # A fault of ours: who asks is told so, and what else this process does goes on.
                logger.exception("not read")
                await asyncio.sleep(FAULT_SECONDS)

    async def _renew(self) -> None:
        # Of two who read at once, the one that was answered first must not have the last word.
        async with self._lock:
            if await self._store.revision() == self._revision:
                return
            shelf = await self._store.all()
            self._source.book(_entries(shelf.rows))
            self._revision, self.rows = shelf.revision, shelf.rows

    def stand_by(self) -> None:
        """Keep the files read, so that to begin takes no longer than it must."""
        self._source.read()

    def check(self, name: str, entry: ApiEntry) -> Definitions:
        """Give what would be defined with this in place of what was made over the API under this name."""
        return self._source.check(name, entry)


def _entries(rows: Mapping[str, Booked]) -> dict[str, ApiEntry]:
    return {
        name: ApiEntry(words=dict(row.entry), mark=row.created, unreadable=row.unreadable) for name, row in rows.items()
    }
