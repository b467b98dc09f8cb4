"""Schedules as lines of a timeline: which come first, what became of their last fires, and which come next."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.domain.errors import Fault
from worker.domain.pause import PauseCause
from worker.domain.schedule import Schedule
from worker.domain.standing import Standing
from worker.engine.briefs import Brief
from worker.engine.foresight import Foresight
from worker.engine.runtime import Engine
from worker.engine.timelines import Mark, read_failures, read_pasts
from worker.source import Definitions, file_of

REACH = timedelta(hours=6)
"""How far a timeline reaches back, and ahead."""

TROUBLE = (Standing.BROKEN, Standing.FAILING, Standing.LATE)
"""What is looked at first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One schedule on the timeline."""

    name: str
    standing: Standing
    reason: str = ""
    """Why it stands so, where that is known."""
    trigger: str | None = None
    """The one whose failure the reason tells of."""
    marks: Sequence[Mark] = ()
    """From `REACH` ago, oldest first."""
    cut: bool = False
    """There are older marks, which were not read."""
    coming: Sequence[datetime] = ()
    """Until `REACH` from now; where it is due more often than each `foresight.SLOT`, one for each slot."""
    next: datetime | None = None


def in_order(briefs: Mapping[str, Brief], firsts: Mapping[str, datetime]) -> list[str]:
    """Put schedules in order: trouble, what has paused itself, what runs, and then what is due next."""

    def place(name: str) -> tuple[int, float, str]:
        due = firsts.get(name)
        return _rank(briefs[name]), due.timestamp() if due else float("inf"), name

    return sorted(briefs, key=place)


def _rank(brief: Brief) -> int:
    if brief.standing in TROUBLE:
        return TROUBLE.index(brief.standing)
    if brief.pause is not None and brief.pause.cause is PauseCause.FAILURES:
        return len(TROUBLE)
    return len(TROUBLE) + (1 if brief.standing is Standing.RUNNING else 2)


async def read_lines(
    engine: Engine,
    definitions: Definitions,
    briefs: Mapping[str, Brief],
    firsts: Mapping[str, datetime],
    foresight: Foresight,
    now: datetime,
) -> list[Line]:
    """Read the lines of these schedules. Raises StoreUnavailable."""
    pasts = await read_pasts(engine, briefs, now - REACH)
    failures = await read_failures(engine, [name for name in briefs if briefs[name].standing is Standing.FAILING])
    return [
        Line(
            name=name,
            standing=brief.standing,
            reason=_why(name, brief, failures.get(name), definitions.faults),
            trigger=failures[name].trigger if name in failures else None,
            marks=pasts[name].marks,
            cut=pasts[name].cut,
            coming=_coming(definitions.named.get(name), brief, foresight, now),
            next=firsts.get(name),
        )
        for name, brief in briefs.items()
    ]


def _coming(schedule: Schedule | None, brief: Brief, foresight: Foresight, now: datetime) -> Sequence[datetime]:
    opening = brief.opening(schedule, now) if schedule is not None else None
    if schedule is None or opening is None:
        return ()
    coming = foresight.coming(schedule, opening, now + REACH)
    if schedule.max_runs is None or brief.cursor is None:
        return coming
    return coming[: max(0, schedule.max_runs - brief.cursor.taken)]


def _why(name: str, brief: Brief, failure: Mark | None, faults: Iterable[Fault]) -> str:
    if brief.standing is Standing.BROKEN:
        return next((fault.message for fault in faults if fault.file == file_of(name)), "")
    if failure is not None:
        return failure.reason or f"last: {failure.word}"
    return brief.reason
