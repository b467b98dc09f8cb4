"""What Redis knows of many schedules at once: whether each is paused, what is running, how its last runs ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from worker.domain.alert import AlertKind
from worker.domain.catchup import upcoming
from worker.domain.pause import Pause
from worker.domain.results import Result
from worker.domain.schedule import Schedule
from worker.domain.standing import Standing, standing_of
from worker.engine.runtime import Engine
from worker.store.cursors import Cursor

AT_ONCE = 200
"""Schedules that are asked for in one pipeline."""

MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Going:
    """A trigger of a schedule that is on its way, or whose run is going on."""

    trigger: str
    run_id: str | None
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What Redis knows of one schedule."""

    cursor: Cursor | None
    last: dict[str, Any] | None
    """The newest entry of its ledger."""
    pause: Pause | None
    results: Sequence[Result]
    """Newest first."""
    late: bool
    going: Sequence[Going]

    @property
    def standing(self) -> Standing:
        """How it stands, if its file is sound."""
        return standing_of(
            paused=self.pause is not None,
            late=self.late,
            running=bool(self.going),
            fired=self.cursor is not None and self.cursor.taken > 0,
            results=self.results,
        )


def next_fires(schedule: Schedule, seen: Seen | None, now: datetime, count: int) -> list[datetime]:
    """Give when it is due next, as far as that is known: not before its pause ends, nor beyond its `max_runs`."""
    if seen is not None and schedule.max_runs is not None and seen.cursor is not None:
        count = min(count, max(0, schedule.max_runs - seen.cursor.taken))
    if seen is None or seen.pause is None:
        return upcoming(schedule.timing, now, count)
    return upcoming(schedule.timing, seen.pause.until - MOMENT, count) if seen.pause.until else []


async def read_standings(engine: Engine, names: Sequence[str], now: datetime) -> dict[str, Seen]:
    """Read it, with a few questions for all of them."""
    pauses = await engine.pauses.holding(now)
    late = {each.schedule for each in await engine.alerts.incidents() if each.kind is AlertKind.LATE}
    cursors = await engine.cursors.some(names)
    going = await _going(engine, set(names))
    found = {}
    for start in range(0, len(names), AT_ONCE):
        some = names[start : start + AT_ONCE]
        newest = await engine.cursors.newest(some)
        results = await engine.results.of(some)
        for name in some:
            found[name] = Seen(
                cursor=cursors.get(name),
                last=newest.get(name),
                pause=pauses.get(name),
                results=results[name],
                late=name in late,
                going=going.get(name, ()),
            )
    return found


async def _going(engine: Engine, names: set[str]) -> dict[str, list[Going]]:
    pairs = [(name, each) for name, ids in (await engine.results.going()).items() if name in names for each in ids]
    found: dict[str, list[Going]] = {}
    for start in range(0, len(pairs), AT_ONCE):
        some = pairs[start : start + AT_ONCE]
        rows = await engine.triggers.get([identity for _, identity in some])
        for (name, identity), row in zip(some, rows, strict=True):
            going = Going(trigger=identity, run_id=row.get("run_id"), state=row.get("state", "unknown"))
            found.setdefault(name, []).append(going)
    return found
