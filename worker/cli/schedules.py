"""The schedules of this folder, for the commands that speak of them."""

import asyncio
from collections.abc import Iterable

from worker.cli.output import say
from worker.domain.errors import InvalidInput, StoreUnavailable
from worker.domain.nearest import did_you_mean
from worker.domain.schedule import Schedule
from worker.engine.book import Book
from worker.settings import Settings
from worker.source import Definitions, Source
from worker.store.booked import BookedStore
from worker.store.connection import connect
from worker.store.keys import Keys

PATIENCE = 2.0
"""Seconds that Redis has to answer."""


def read_schedules(settings: Settings) -> Definitions:
    """Read the schedule files and what was made over the API; faults are told on stderr, and what is sound serves.

    Without Redis the files serve.
    """
    source = Source(settings.schedules_dir, settle=False)
    try:
        definitions = asyncio.run(_read(source, settings))
    except StoreUnavailable as error:
        say(f"{error}: schedules made over the API are not known.")
        definitions = source.read()
    return _told(definitions)


def read_files(settings: Settings) -> Definitions:
    """Read the schedule files alone, for who asks for what the API does not make; their faults are told on stderr."""
    return _told(Source(settings.schedules_dir, settle=False).read())


def _told(definitions: Definitions) -> Definitions:
    for fault in definitions.faults:
        say(str(fault))
    return definitions


async def _read(source: Source, settings: Settings) -> Definitions:
    # Not with an engine, which is more than a look needs; and who wants the files need not wait long for Redis.
    redis = connect(settings.redis, answer_seconds=PATIENCE, again=1)
    try:
        return await Book(source, BookedStore(redis, Keys(prefix=settings.prefix))).read()
    finally:
        await redis.aclose()


def find_schedule(settings: Settings, name: str) -> Schedule:
    """Find the schedule of that name. Raises InvalidInput with the nearest name."""
    known = read_schedules(settings).named
    if name not in known:
        raise unknown_name(settings, name, known)
    return known[name]


def unknown_name(settings: Settings, name: str, known: Iterable[str]) -> InvalidInput:
    """Say that there is no schedule of that name, with the nearest."""
    hint = did_you_mean(name, known) or "; `zenbeat schedule list` shows what there is"
    return InvalidInput(f'there is no schedule "{name}" in {settings.schedules_dir}{hint}')
