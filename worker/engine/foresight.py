"""When schedules are due next, worked out once: it counts until it has passed."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from worker.domain.schedule import Schedule

SLOT = timedelta(minutes=5)
"""Of the fires to come, one is given for each such stretch: what is due every second has more than anybody looks at."""

AT_ONCE = 50
"""Schedules that are worked out before others on this event loop have their turn."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class _Known:
    revision: str
    after: datetime
    fire: datetime | None

    def holds(self, schedule: Schedule, after: datetime) -> bool:
        """Tell whether it is still the first fire after an instant."""
        return self.revision == schedule.revision and self.after <= after and (self.fire is None or after < self.fire)


@dataclass(frozen=True, slots=True)
class _Stretch:
    revision: str
    fires: Sequence[datetime]
    begin: datetime
    end: datetime


class Foresight:
    """Keeps what was worked out; one for each process."""

    def __init__(self) -> None:
        self._first: dict[str, _Known] = {}
        self._stretches: dict[str, _Stretch] = {}

    async def first(self, asked: Iterable[tuple[Schedule, datetime]]) -> Mapping[str, datetime]:
        """Give the first fire of each schedule after its instant; those without one are left out."""
        found = {}
        for number, (schedule, after) in enumerate(asked):
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
            fire = self._next(schedule, after)
            if fire is not None:
                found[schedule.name] = fire
        return found

    def _next(self, schedule: Schedule, after: datetime) -> datetime | None:
        known = self._first.get(schedule.name)
        if known is None or not known.holds(schedule, after):
            known = self._first[schedule.name] = _Known(schedule.revision, after, schedule.timing.next(after))
        return known.fire

    def coming(self, schedule: Schedule, after: datetime, until: datetime) -> list[datetime]:
        """Give the fires in `(after, until]`, oldest first: of each `SLOT` the first."""
        known = self._stretches.get(schedule.name)
        if known is None or known.revision != schedule.revision or not known.begin <= after <= known.end:
            known = _Stretch(schedule.revision, (), after, after)
        if until > known.end:
            more = _thinned(schedule, known.fires[-1] if known.fires else None, known.end, until)
            fires = [fire for fire in known.fires if fire > after] + more
            known = _Stretch(schedule.revision, fires, after, until)
            self._stretches[schedule.name] = known
        return [fire for fire in known.fires if after < fire <= until]

    def keep(self, names: Iterable[str]) -> None:
        """Forget what is known of other schedules than these."""
        for gone in self._first.keys() - set(names):
            del self._first[gone]
            self._stretches.pop(gone, None)


def _thinned(schedule: Schedule, last: datetime | None, after: datetime, until: datetime) -> list[datetime]:
    found = []
    fire = schedule.timing.next(after if last is None else max(after, _slot_end(last)))
    while fire is not None and fire <= until:
        found.append(fire)
        fire = schedule.timing.next(_slot_end(fire))
    return found


def _slot_end(fire: datetime) -> datetime:
    return _EPOCH + ((fire - _EPOCH) // SLOT + 1) * SLOT - _TICK
