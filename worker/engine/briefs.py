"""How each of many schedules stands, and no more: read so that a thousand of them take no time to speak of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from worker.domain.alert import AlertKind
from worker.domain.pause import Pause
from worker.domain.results import FAILING, KEPT, Result, streak
from worker.domain.schedule import Schedule
from worker.domain.standing import Standing, standing_of
from worker.engine.foresight import Foresight
from worker.engine.runtime import Engine
from worker.engine.standings import AT_ONCE, MOMENT
from worker.store.cursors import Cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What it takes to tell how a schedule stands, and when it may be due."""

    standing: Standing
    reason: str
    """Why it is late or paused, where that was said."""
    pause: Pause | None
    cursor: Cursor | None
    going: Sequence[str]
    """Triggers that are on their way, or whose runs are going on."""

    def opening(self, schedule: Schedule, now: datetime) -> datetime | None:
        """Give the instant after which it may be due; None if it is not, as far as is known."""
        if schedule.max_runs is not None and self.cursor is not None and self.cursor.taken >= schedule.max_runs:
            return None
        if self.pause is None:
            return now
        return self.pause.until - MOMENT if self.pause.until else None


async def read_briefs(engine: Engine, names: Sequence[str], broken: frozenset[str], now: datetime) -> dict[str, Brief]:
    """Read it for each of `names`; those that are `broken` have no sound definition. Raises StoreUnavailable."""
    pauses = await engine.pauses.holding(now)
    late = {each.schedule: each.reason for each in await engine.alerts.incidents() if each.kind is AlertKind.LATE}
    cursors = await engine.cursors.some(names)
    going = await engine.results.going()
    results = await _newest_results(engine, names)
    found = {}
    for name in names:
        pause, cursor = pauses.get(name), cursors.get(name)
        standing = standing_of(
            paused=pause is not None,
            late=name in late,
            running=name in going,
            fired=cursor is not None and cursor.taken > 0,
            results=results[name],
        )
        found[name] = Brief(
            standing=Standing.BROKEN if name in broken else standing,
            reason=((pause.why if pause else late.get(name)) or ""),
            pause=pause,
            cursor=cursor,
            going=going.get(name, ()),
        )
    return found


async def first_fires(
    foresight: Foresight, schedules: Iterable[Schedule], briefs: Mapping[str, Brief], now: datetime
) -> Mapping[str, datetime]:
    """Give when each is due next, as far as is known; those that are not are left out."""
    openings = ((schedule, briefs[schedule.name].opening(schedule, now)) for schedule in schedules)
    return await foresight.first((schedule, opening) for schedule, opening in openings if opening is not None)


async def _newest_results(engine: Engine, names: Sequence[str]) -> Mapping[str, Sequence[Result]]:
    """Read so many results of each that its streak of failures is known as far as it matters."""
    found: dict[str, Sequence[Result]] = {}
    for start in range(0, len(names), AT_ONCE):
        found |= await engine.results.of(names[start : start + AT_ONCE], FAILING)
    unclear = [name for name, results in found.items() if _is_unclear(results)]
    for start in range(0, len(unclear), AT_ONCE):
        found |= await engine.results.of(unclear[start : start + AT_ONCE], KEPT)
    return found


def _is_unclear(results: Sequence[Result]) -> bool:
    """Tell whether older results matter: what was stopped neither adds to a streak nor ends it."""
    return len(results) == FAILING and not any(each.good for each in results) and streak(results) < FAILING
