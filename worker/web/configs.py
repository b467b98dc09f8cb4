"""The config template of a schedule beside the body that it makes at a fire time that somebody chooses."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.api.context import Context
from worker.api.instants import read_instant
from worker.domain.catchup import upcoming
from worker.domain.errors import InvalidInput
from worker.domain.schedule import Schedule
from worker.engine.rendering import body_at, written
from worker.web.sidebyside import Pair, beside

CHOICES = 5
LOOK_BACK = timedelta(days=366)
MOMENT = timedelta(microseconds=1)

MOST_LINES = 2_000
"""Lines that are shown of a body, which may be a megabyte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What was asked for, and what came of it."""

    fire: datetime | None
    """None if what was typed is no time."""
    typed: str
    """What is no time; what is one, stands among the choices, so that the next choice counts."""
    coming: Sequence[datetime]
    past: Sequence[datetime]
    written: bool
    """There is a config at all."""
    due: bool
    """The instant is a fire time of the schedule."""
    pairs: Sequence[Pair]
    faults: Sequence[str]
    longer: int
    """Lines that are not shown."""


async def rendered(
    context: Context, schedule: Schedule, now: datetime, fire: str, typed: str, fired: Sequence[datetime]
) -> Rendered:
    """Render the body for `typed`, a time in the schedule's zone, or else for `fire`, or else for the next fire time.

    `fired` are the fire times on record, the newest first. Whatever is wrong is among the faults.
    """
    coming = upcoming(schedule.timing, now, CHOICES)
    past = fired[:CHOICES] if schedule.after is not None else _past(schedule, now)
    default = next(iter([*coming, *past]), now)
    faults: list[str] = []
    chosen: datetime | None = None
    pairs: list[Pair] = []
    template = written(schedule)
    try:
        text = typed or fire
        chosen = read_instant(text, schedule.timezone, "fire time") if text else default
        body = await body_at(context.engine, schedule, chosen)
        pairs = beside(template, body)
    except InvalidInput as error:
        faults = [str(fault) for fault in error.faults]
        pairs = beside(template, template)
    return Rendered(
        fire=chosen,
        typed=typed if chosen is None else "",
        coming=coming,
        past=past,
        written=bool(template),
        due=chosen is not None and (chosen in fired or schedule.timing.next(chosen - MOMENT) == chosen),
        pairs=pairs[:MOST_LINES],
        faults=faults,
        longer=max(0, len(pairs) - MOST_LINES),
    )


def _past(schedule: Schedule, now: datetime) -> list[datetime]:
    found: list[datetime] = []
    edge = now
    while len(found) < CHOICES and (fire := schedule.timing.last(edge, now - LOOK_BACK)) is not None:
        found.append(fire)
        edge = fire - MOMENT
    return found
