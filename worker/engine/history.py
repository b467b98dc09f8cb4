"""What Redis knows of a schedule's past, put together: how far it was considered, since when, and what was decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from worker.domain.coverage import undecided
from worker.domain.schedule import Schedule
from worker.store.codec import instant
from worker.store.cursors import Cursor, CursorStore

LOOKED_AT = 200
"""Decisions that are looked at for each schedule, the newest, to see whether one is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What was considered without a break, from the one instant to the other, and why it began anew there."""

    begin: datetime
    end: datetime
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The past of one schedule; `cursor` is None if no beat has considered it yet. Entries are oldest first."""

    schedule: Schedule
    cursor: Cursor | None
    spans: Sequence[Span]
    entries: Sequence[dict[str, Any]]

    def entry(self, moment: datetime) -> dict[str, Any] | None:
        """Find the decision for an instant."""
        return next((entry for entry in self.entries if datetime.fromisoformat(entry["fire_time"]) == moment), None)

    def undecided(self) -> list[datetime]:
        """Give the fire times that were considered and have no decision on record. There should be none."""
        if self.cursor is None or not self.spans or self.cursor.revision != self.schedule.revision:
            return []
        limit = self.schedule.max_runs
        if limit is not None and self.cursor.taken >= limit:
            return []
        known = {datetime.fromisoformat(entry["fire_time"]): int(entry.get("earlier", 0)) for entry in self.entries}
        return undecided(self.schedule.timing, self.spans[-1].begin, self.cursor.at, known)


async def read_history(cursors: CursorStore, schedule: Schedule, entries: int) -> History:
    """Read a schedule's past, with its newest entries."""
    cursor = (await cursors.some([schedule.name])).get(schedule.name)
    found = await cursors.spans(schedule.name)
    ledger = await cursors.ledger(schedule.name, entries)
    return History(
        schedule=schedule,
        cursor=cursor,
        spans=[_span(span, cursor) for span in found] if cursor else [],
        entries=ledger[::-1],
    )


async def read_histories(cursors: CursorStore, schedules: Sequence[Schedule]) -> list[History]:
    """Read the past of each schedule as far as it takes to see whether a decision is missing."""
    return [await read_history(cursors, schedule, LOOKED_AT) for schedule in schedules]


def _span(span: dict[str, str], cursor: Cursor) -> Span:
    end = instant(int(span["till"])) if "till" in span else cursor.at
    return Span(begin=instant(int(span["from"])), end=end, why=span["why"])
