"""A backfill that somebody asks for: what would become of it, told before it begins."""

from collections.abc import Sequence
from dataclasses import dataclass

from worker.domain.errors import InvalidInput
from worker.domain.schedule import Schedule
from worker.engine import sweeping
from worker.engine.backfilling import Wish, find_fires, key_of, make_backfill
from worker.engine.definitions import Backfill
from worker.engine.prospects import Prospect, look_ahead
from worker.engine.runtime import Engine
from worker.store.items import Command

UNASKED = 10_000
"""Fire times that are run without being asked whether that is meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A backfill that was asked for, and what would become of it."""

    backfill: Backfill
    key: str
    prospects: Sequence[Prospect]
    notes: Sequence[str]
    """What a person should know of it, as sentences."""
    known: bool
    """It was begun before."""

    @property
    def idle(self) -> bool:
        """Whether there is nothing to run."""
        return not self.known and not any(prospect.runs for prospect in self.prospects)


async def plan_backfill(engine: Engine, schedule: Schedule, wish: Wish, unless: str | None) -> Planned:
    """Find the fire times of a range, and what would become of each. Raises InvalidInput.

    `unless` is what has to be said to run more than `UNASKED`; None if it was said.
    """
    found = find_fires(schedule, wish)
    notes = [f"Left out: {each}." for each in found.left_out]
    if not found.fires:
        raise InvalidInput(f"{schedule.name} has no fire time from {wish.begin.isoformat()} to {wish.end.isoformat()}")
    if len(found.fires) > UNASKED and unless:
        raise InvalidInput(f"there are {len(found.fires):,} fire times in this range; say {unless} to run so many")
    backfill = make_backfill(schedule, wish, found.fires)
    if backfill.coalesced and not schedule.target.uses & {"window_start", "window_end"}:
        notes.append("Its config uses neither window_start nor window_end: the one run is not told of the range.")
    key = wish.key or key_of(backfill)
    return Planned(
        backfill=backfill,
        key=key,
        prospects=await look_ahead(engine, schedule, backfill),
        notes=notes,
        known=await sweeping.begun_before(engine, backfill, key),
    )


async def begin_backfill(
    engine: Engine, schedule: Schedule, planned: Planned, commands: Sequence[Command] = (), *, by: str = ""
) -> tuple[str, bool]:
    """Begin it; gives its id, and whether it is new. `commands` are plain writes that go with it.

    Raises InvalidInput.
    """
    await sweeping.first_fire(engine, schedule, planned.backfill)
    return await sweeping.start_backfill(engine, planned.backfill, planned.key, commands, by=by)
