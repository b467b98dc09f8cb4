"""From a range of a schedule's past to the backfill that runs it: which fire times, in which order, and how fast."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice

from worker.domain.duration import format_duration
from worker.domain.errors import InvalidInput
from worker.domain.schedule import Overlap, Schedule
from worker.domain.timing import SHORTEST_INTERVAL
from worker.engine.definitions import Backfill, encode_backfill, mark_of
from worker.engine.planner import previous

MOST = 1_000_000
"""Fire times of one backfill."""

LOWER = 10
"""By how much a backfill goes behind what is due now, in steps of priority."""

MOMENT = timedelta(microseconds=1)


class Order(StrEnum):
    """In which order fire times are run."""

    OLDEST = "oldest"
    NEWEST = "newest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants to be run of a schedule's past. Both ends of the range are included."""

    begin: datetime
    end: datetime
    every: timedelta | None = None
    """Fire times at this distance, counted from `begin`, instead of the schedule's own."""
    overlap: Overlap | None = None
    max_parallel: int | None = None
    order: Order = Order.OLDEST
    coalesce: bool = False
    force: bool = False
    key: str | None = None
    """None: the same range and options are the same backfill."""
    priority: int | None = None
    """None: as `LOWER` says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The fire times of a range, and what of the range is none."""

    fires: Sequence[datetime]
    """Oldest first."""
    left_out: Sequence[str]
    """Sentences."""


def find_fires(schedule: Schedule, wish: Wish) -> Found:
    """Give the fire times of a range. Raises InvalidInput if there are none that a clock gives, or far too many."""
    if wish.begin > wish.end:
        raise InvalidInput(f"the range ends before it begins: {wish.begin.isoformat()} is after {wish.end.isoformat()}")
    if wish.every is not None and wish.every < SHORTEST_INTERVAL:
        raise InvalidInput(f"every {format_duration(wish.every)} is too short; the shortest interval is 1s")
    if wish.every is None and schedule.after is not None:
        raise InvalidInput(
            f"{schedule.name} has no fire times of its own, it is due {schedule.when};"
            " say how far apart they are meant to be (every)"
        )
    if wish.every is None:
        fires = list(islice(schedule.timing.between(wish.begin - MOMENT, wish.end), MOST + 1))
        skipped = len(schedule.timing.skipped(wish.begin - MOMENT, wish.end, MOST))
    else:
        counted = list(islice(_counted(wish, wish.every), MOST + 1))
        fires = [fire for fire in counted if schedule.timing.is_open(fire)]
        skipped = len(counted) - len(fires)
    if len(fires) > MOST:
        raise InvalidInput(f"there are more than {MOST:,} fire times in this range; take a smaller one")
    return Found(fires=fires, left_out=list(_left_out(schedule, wish, skipped)))


def _counted(wish: Wish, every: timedelta) -> Iterator[datetime]:
    fire = wish.begin
    while fire <= wish.end:
        yield fire
        fire += every


def _left_out(schedule: Schedule, wish: Wish, skipped: int) -> Iterator[str]:
    timing = schedule.timing
    if timing.start_time is not None and wish.begin < timing.start_time:
        yield f"what lies before its start_time, {timing.start_time.isoformat()}"
    if timing.end_time is not None and wish.end > timing.end_time:
        yield f"what lies after its end_time, {timing.end_time.isoformat()}"
    if timing.skip_dates and skipped:
        yield f"{skipped} fire time{'s' if skipped > 1 else ''} on days among skip_dates"


def make_backfill(schedule: Schedule, wish: Wish, fires: Sequence[datetime]) -> Backfill:
    """Make the backfill of fire times, oldest first. Raises InvalidInput for what makes no sense together."""
    at_once = _at_once(schedule, wish)
    backfill = Backfill(
        schedule=schedule.name,
        fires=tuple(reversed(fires) if wish.order is Order.NEWEST else fires),
        priority=schedule.priority - LOWER if wish.priority is None else wish.priority,
        max_parallel=at_once,
    )
    if wish.coalesce:
        backfill = _coalesced(schedule, wish, backfill, fires)
    # Another key is another wish, and runs once more what was run before.
    return replace(backfill, forced=wish.key or key_of(backfill)) if wish.force else backfill


def _coalesced(schedule: Schedule, wish: Wish, backfill: Backfill, fires: Sequence[datetime]) -> Backfill:
    if schedule.sweep is not None:
        raise InvalidInput(
            f"{schedule.name} begins a sweep at each fire time; sweeps have no window to be coalesced over"
        )
    if len(fires) < 2:
        return backfill  # it is the run of its fire time itself
    before = fires[0] - wish.every if wish.every else previous(schedule, fires[0])
    return replace(backfill, fires=tuple(fires[-1:]), window_start=before or fires[0], coalesced=tuple(fires[:-1]))


def _at_once(schedule: Schedule, wish: Wish) -> int | None:
    """Say how many may run at once; None is as many as the limits allow."""
    overlap = wish.overlap
    if overlap is None:
        # Who says how many at once has thought of it.
        side_by_side = schedule.overlap is Overlap.ALLOW or wish.max_parallel is not None
        overlap = Overlap.ALLOW if side_by_side else Overlap.BUFFER_ALL
    if overlap not in {Overlap.ALLOW, Overlap.BUFFER_ALL}:
        raise InvalidInput(
            f"overlap {overlap} would let all but one go; a backfill runs them side by side (allow),"
            " or one after the other (buffer_all)"
        )
    if overlap is Overlap.ALLOW:
        return wish.max_parallel
    if wish.max_parallel not in {None, 1}:
        raise InvalidInput(f"overlap buffer_all is one after the other, and max_parallel is {wish.max_parallel}")
    return 1


def key_of(backfill: Backfill) -> str:
    """Give the key of a backfill for which no other was given: the same fire times and options have the same."""
    return mark_of(encode_backfill(backfill))[1][:16]
