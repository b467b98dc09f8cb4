"""Schedules as they are listed: those that somebody looks for, in order, and all that is known of one page of them."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from worker.domain.cronwords import in_words
from worker.domain.errors import Fault
from worker.domain.schedule import ManagedBy, Schedule
from worker.domain.standing import Standing
from worker.engine.briefs import Brief, first_fires, read_briefs
from worker.engine.brokenfiles import read_broken
from worker.engine.foresight import Foresight
from worker.engine.runtime import Engine
from worker.engine.standings import Seen, read_standings
from worker.source import Definitions, file_of
from worker.store.booked import Booked

PAGE = 50
"""Schedules on a page."""


class Sort(StrEnum):
    """What schedules are put in order by."""

    NAME = "name"
    NEXT = "next"
    """When they are due; those that are not, last."""
    STATE = "state"
    """What somebody should look at first; see `ORDER`."""


ORDER = (
    Standing.BROKEN,
    Standing.FAILING,
    Standing.LATE,
    Standing.PAUSED,
    Standing.RUNNING,
    Standing.NEW,
    Standing.OK,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody looks for; what is empty is not asked about."""

    text: str = ""
    """Each of its words is in the name, the pipeline, a tag, or in what says when it is due."""
    standings: frozenset[Standing] = frozenset()
    pipeline: str = ""
    managed_by: ManagedBy | None = None
    sort: Sort = Sort.NAME
    page: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One schedule in the list."""

    name: str
    schedule: Schedule | None
    """None if it cannot be used as it is."""
    pipeline: str
    managed_by: ManagedBy
    place: str
    standing: Standing
    when: str
    """In words, if that could be done well."""
    next: datetime | None
    seen: Seen
    reason: str = ""
    """Why it is late or paused, where that was said."""
    faults: Sequence[Fault] = ()
    """What is wrong with its file, or with itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A page of schedules, and what it is a page of."""

    rows: Sequence[Listed] = ()
    page: int = 1
    pages: int = 1
    found: int = 0
    total: int = 0
    standings: Mapping[Standing, int] = field(default_factory=dict)
    """How those stand that fit, whatever standing was asked for."""
    pipelines: Sequence[str] = ()
    """Of all schedules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A schedule before anything was read of it."""

    name: str
    schedule: Schedule | None
    pipeline: str
    managed_by: ManagedBy
    place: str

    def fits(self, wanted: Wanted, words: Collection[str]) -> bool:
        """Tell whether it is looked for, as far as its definition tells."""
        if wanted.pipeline not in ("", self.pipeline) or wanted.managed_by not in (None, self.managed_by):
            return False
        return not words or all(word in self._said for word in words)

    @property
    def _said(self) -> str:
        said = [self.name, self.pipeline]
        if self.schedule is not None:
            said += [self.schedule.when, in_words(self.schedule), *_tags(self.schedule)]
        return " ".join(said).lower()


async def list_schedules(
    engine: Engine,
    definitions: Definitions,
    rows: Mapping[str, Booked],
    foresight: Foresight,
    wanted: Wanted,
    now: datetime,
) -> Listing:
    """Read a page of those that are looked for; `rows` are what was made over the API. Raises StoreUnavailable."""
    entries = await _entries(engine, definitions, rows)
    words = wanted.text.lower().split()
    fitting = {entry.name: entry for entry in entries if entry.fits(wanted, words)}
    broken = frozenset(name for name, entry in fitting.items() if entry.schedule is None)
    briefs = await read_briefs(engine, list(fitting), broken, now)
    names = [name for name in fitting if not wanted.standings or briefs[name].standing in wanted.standings]
    nexts: Mapping[str, datetime] = {}
    if wanted.sort is Sort.NEXT:
        nexts = await first_fires(foresight, _sound(fitting, names), briefs, now)
    names.sort(key=lambda name: (*_rank(wanted.sort, briefs[name], nexts.get(name)), name))
    pages = max(1, -(-len(names) // PAGE))
    page = min(wanted.page, pages)
    shown = names[(page - 1) * PAGE : page * PAGE]
    if wanted.sort is not Sort.NEXT:
        nexts = await first_fires(foresight, _sound(fitting, shown), briefs, now)
    seen = await read_standings(engine, shown, now)
    return Listing(
        rows=[_listed(fitting[name], briefs[name], seen[name], nexts.get(name), definitions.faults) for name in shown],
        page=page,
        pages=pages,
        found=len(names),
        total=len(entries),
        standings=Counter(brief.standing for brief in briefs.values()),
        pipelines=sorted({entry.pipeline for entry in entries if entry.pipeline}),
    )


async def _entries(engine: Engine, definitions: Definitions, rows: Mapping[str, Booked]) -> list[_Entry]:
    found = [
        _Entry(
            name=schedule.name,
            schedule=schedule,
            pipeline=schedule.target.pipeline,
            managed_by=schedule.managed_by,
            place=schedule.place,
        )
        for schedule in definitions.schedules
    ]
    unusable = {name: row for name, row in rows.items() if name not in definitions.named}
    for name, row in unusable.items():
        found.append(_broken(name, file_of(name), ManagedBy.API, row.entry.get("pipeline")))
    for name, file in (await read_broken(engine, definitions)).items():
        if name not in unusable:
            found.append(_broken(name, file, ManagedBy.FILE, None))
    return found


def _broken(name: str, place: str, managed_by: ManagedBy, pipeline: Any) -> _Entry:
    known = pipeline if isinstance(pipeline, str) else ""
    return _Entry(name=name, schedule=None, pipeline=known, managed_by=managed_by, place=place)


def _tags(schedule: Schedule) -> list[str]:
    layers = (schedule.target.config_template.get("tags"), schedule.target.config.get("tags"))
    return [tag for tags in layers if isinstance(tags, list) for tag in tags if isinstance(tag, str)]


def _sound(entries: Mapping[str, _Entry], names: Iterable[str]) -> Iterator[Schedule]:
    return (schedule for name in names if (schedule := entries[name].schedule) is not None)


def _rank(sort: Sort, brief: Brief, due: datetime | None) -> tuple[float, ...]:
    if sort is Sort.STATE:
        return (ORDER.index(brief.standing),)
    if sort is Sort.NEXT:
        return (due.timestamp() if due else float("inf"),)
    return ()


def _listed(entry: _Entry, brief: Brief, seen: Seen, due: datetime | None, faults: Sequence[Fault]) -> Listed:
    file = entry.place.rpartition(":")[0] if entry.schedule and entry.managed_by is ManagedBy.FILE else entry.place
    return Listed(
        name=entry.name,
        schedule=entry.schedule,
        pipeline=entry.pipeline,
        managed_by=entry.managed_by,
        place=entry.place,
        standing=brief.standing,
        when=in_words(entry.schedule) if entry.schedule else "",
        next=due,
        seen=seen,
        reason=brief.reason,
        faults=[fault for fault in faults if fault.file == file],
    )
