"""The fire times to come, with what keeps them from starting anything, and what the clocks do around them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from worker.domain.catchup import upcoming
from worker.domain.moments import clock_change
from worker.domain.schedule import Schedule
from worker.domain.zones import find_zone
from worker.engine.standings import Seen

SHOWN = 10

MOST_LOOKED_AT = 500
"""Fire times on skipped days that are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComingFire:
    """A fire time, or those of a skipped day together."""

    at: datetime
    clocks: str
    """What the clocks do near it; "" if nothing."""
    starts: datetime | None
    """When it would start, where jitter moves that."""
    held: str
    """Why nothing would start; "" if it would."""
    count: int = 1


def coming(schedule: Schedule, seen: Seen, now: datetime) -> list[ComingFire]:
    """Give the next fire times, oldest first, and the skipped days among them."""
    fires = upcoming(schedule.timing, now, SHOWN)
    found = [_fire(schedule, seen, fire, number) for number, fire in enumerate(fires)]
    # Behind the last one of all nothing is due, and nothing is skipped that would be.
    skipped = _skipped(schedule, now, fires[-1]) if fires else ()
    return sorted([*found, *skipped], key=lambda each: each.at)


def _fire(schedule: Schedule, seen: Seen, fire: datetime, number: int) -> ComingFire:
    jitter = schedule.timing.jitter > timedelta()
    return ComingFire(
        at=fire,
        clocks=clock_change(fire, schedule.timezone),
        starts=schedule.timing.jittered(fire, schedule.name) if jitter else None,
        held=_held(schedule, seen, fire, number),
    )


def _held(schedule: Schedule, seen: Seen, fire: datetime, number: int) -> str:
    if seen.pause is not None and seen.pause.covers(fire):
        return "paused"
    taken = seen.cursor.taken if seen.cursor is not None else 0
    # What a pause lets go does not count, so that this is when it would be used up at the soonest.
    if schedule.max_runs is not None and seen.pause is None and taken + number >= schedule.max_runs:
        return f"max_runs: {schedule.max_runs}"
    return ""


def _skipped(schedule: Schedule, now: datetime, until: datetime) -> Iterator[ComingFire]:
    days: dict[date, list[datetime]] = {}
    zone = find_zone(schedule.timezone)
    for fire in schedule.timing.skipped(now, until, MOST_LOOKED_AT):
        days.setdefault(fire.astimezone(zone).date(), []).append(fire)
    for fires in days.values():
        yield ComingFire(at=fires[0], clocks="", starts=None, held="skip_dates", count=len(fires))
