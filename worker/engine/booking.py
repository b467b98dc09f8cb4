"""Schedules made over the API: checked like those of files, written only by who has seen what is there."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from worker.domain.errors import Conflict, Fault, InvalidInput
from worker.domain.schedule import ManagedBy, Schedule
from worker.engine.book import Book
from worker.engine.runtime import Engine
from worker.engine.standings import Seen, next_fires, read_standings
from worker.source import ApiEntry, Definitions, file_of
from worker.store.booked import Booked, Written, written
from worker.store.items import Command

MOST = 10_000
"""Schedules that may be made over the API."""

TOLD = 5
"""Fires that a change tells of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """When a schedule is due next, as it was and as it will be."""

    before: Sequence[datetime] = ()
    after: Sequence[datetime] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A change that was asked for, checked and not written yet."""

    name: str
    entry: Mapping[str, Any] | None
    """None takes the schedule away."""
    replaces: Booked | None
    consequence: Consequence
    at: datetime
    warnings: Sequence[str] = ()


Telling = Callable[[Draft], Command]
"""Makes the audit log's entry for a change."""


def draft(
    book: Book,
    definitions: Definitions,
    name: str,
    words: Any,
    *,
    replaces: Booked | None,
    seen: Seen | None,
    now: datetime,
) -> Draft:
    """Check a schedule that somebody wants to be there under this name, new or in place of one that was seen.

    Raises InvalidInput with every fault, its path relative to the entry; Conflict if a file has the name.
    """
    check_free(definitions, name)
    if replaces is None and len(book.rows) >= MOST:
        raise Conflict(f"{MOST:,} schedules were made over the API, and no more can be; write files for so many")
    if name and isinstance(words, dict):
        words = {"name": name, **words}
    mark = replaces.created if replaces else now.isoformat()
    would_be = book.check(name, ApiEntry(words=words, mark=mark))
    if faults := _own(would_be.faults, name):
        raise InvalidInput(faults)
    schedule = would_be.named.get(name)
    # What is changed counts from now on, and keeps how often it fired; what is new has no past.
    seen = seen if replaces else None
    before = _fires(definitions.named.get(name), seen, now) if replaces else []
    return Draft(
        name=name,
        entry=words,
        replaces=replaces,
        consequence=Consequence(before=before, after=_fires(schedule, seen, now)),
        at=now,
        warnings=[warning.message for warning in _own(would_be.warnings, name)],
    )


def draft_removal(definitions: Definitions, row: Booked, seen: Seen | None, now: datetime) -> Draft:
    """Check that a schedule can be taken away. Raises Conflict if a file has its name, or others follow it."""
    check_free(definitions, row.name)
    followers = [each.name for each in definitions.schedules if _follows(each, row.name)]
    if followers:
        sentence = f"{', '.join(followers)} would wait for {row.name} in vain; change or delete what follows it first"
        raise Conflict(sentence, {"followers": followers})
    before = _fires(definitions.named.get(row.name), seen, now)
    return Draft(name=row.name, entry=None, replaces=row, consequence=Consequence(before=before), at=now)


def check_free(definitions: Definitions, name: str) -> None:
    """See that no file has a schedule of this name. Raises Conflict, which says which one has."""
    known = definitions.named.get(name)
    if known is not None and known.managed_by is ManagedBy.FILE:
        raise Conflict(
            f"{name} is defined in {known.place}, and is changed there",
            {"managed_by": ManagedBy.FILE.value, "place": known.place},
        )


async def write(engine: Engine, wanted: Draft, by: str, telling: Telling) -> str | None:
    """Do it, with the entry of the audit log in the same step. Gives the new tag; None if somebody else was first.

    Of a schedule that was taken away the tag is "".
    """
    tag = wanted.replaces.tag if wanted.replaces else ""
    commands = [telling(wanted)]
    if wanted.entry is None:
        return "" if await engine.booked.remove(wanted.name, tag, commands) else None
    row = _row(wanted, by)
    return row.tag if await engine.booked.put(wanted.name, row, tag, commands) else None


def _row(wanted: Draft, by: str) -> Written:
    at = wanted.at.isoformat()
    created = wanted.replaces.created if wanted.replaces else at
    return written(wanted.entry or {}, created=created or at, changed=at, by=by)


async def seen_of(engine: Engine, name: str, now: datetime) -> Seen:
    """Read what Redis knows of a schedule."""
    return (await read_standings(engine, [name], now))[name]


def _fires(schedule: Schedule | None, seen: Seen | None, now: datetime) -> list[datetime]:
    return next_fires(schedule, seen, now, TOLD) if schedule is not None else []


def _follows(schedule: Schedule, name: str) -> bool:
    return schedule.after is not None and any(each.schedule == name for each in schedule.after.upstreams)


def _own(faults: Iterable[Fault], name: str) -> list[Fault]:
    """Give what was found in the entry itself."""
    own = file_of(name)
    return [fault for fault in faults if fault.file == own]
