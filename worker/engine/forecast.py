"""How many fires the next day brings, minute by minute, and which schedules make the worst of them."""

import asyncio
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import nsmallest

from worker.domain.pause import Pause
from worker.domain.schedule import Schedule
from worker.domain.timing import Timing
from worker.engine.runtime import Engine
from worker.source import Definitions

MINUTE = timedelta(minutes=1)

HOURS = 25
"""From the beginning of this hour on, so that it reaches a day from now; the same for all who look within an hour."""

MINUTES = HOURS * 60

CROWDS = 60
"""Minutes, the fullest, of which it is known which schedules fall into them."""

NAMED = 8
"""Schedules of a minute that are named."""

_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What keeps a schedule from firing, besides its times."""

    quiet_until: datetime | None = None
    """The end of its pause."""
    left: int | None = None
    """How often it fires still, by its `max_runs`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """The fires of one minute."""

    fires: int
    schedules: int
    names: Sequence[str]
    """Some of them, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The fires from `start` on, a whole hour."""

    start: datetime
    counts: Sequence[int]
    """Fires of each minute."""
    crowds: Mapping[int, Crowd]
    """The fullest minutes, by their numbers."""
    schedules: int
    """How many are counted."""
    left_out: Mapping[str, int]
    """How many are not, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a forecast means for a server that takes so many launches in a minute."""

    fires: int
    """From now on."""
    peak: int
    """Fires of the fullest minute."""
    over: int
    """Minutes that bring more than the server takes."""
    longest_wait: timedelta
    """How long the last of a crowd waits, at the worst."""
    waits_at: datetime | None
    """When that is."""
    worst: Sequence[tuple[datetime, Crowd]]
    """Minutes that bring more than the server takes, the fullest first; where its rate is not known, the fullest."""


def foresee(
    schedules: Iterable[Schedule], start: datetime, now: datetime, bounds: Mapping[str, Bounds | None]
) -> Forecast:
    """Count the fires of the hours from `start` on. `bounds` has None for a schedule that does not fire at all.

    A jittered fire counts in the minute in which it is started. A pure function; of what is always due together, it
    works out the times once.
    """
    groups: dict[Hashable, _Group] = {}
    times = _Times(start)
    left_out = Counter[str]()
    for schedule in schedules:
        bound = bounds.get(schedule.name, Bounds())
        if schedule.timing.follows:
            left_out["follow others"] += 1
        elif bound is None:
            left_out["are paused"] += 1
        else:
            alone = bound != Bounds() or bool(schedule.timing.jitter)
            key: Hashable = schedule.name if alone else schedule.timing.pattern
            if key not in groups:
                groups[key] = _Group(_minutes(schedule, times, now, bound))
            groups[key].names.append(schedule.name)
    counts = [0] * MINUTES
    for group in groups.values():
        for minute, fires in group.minutes.items():
            counts[minute] += fires * len(group.names)
    return Forecast(
        start=start,
        counts=counts,
        crowds=_crowds(counts, groups.values(), (now - start) // MINUTE),
        schedules=sum(len(group.names) for group in groups.values()),
        left_out=left_out,
    )


@dataclass(slots=True)
class _Group:
    """Schedules that are always due together."""

    minutes: Mapping[int, int]
    names: list[str] = field(default_factory=list)


class _Times:
    """The fire times of the hours from `start` on, worked out once for all schedules that are due together."""

    def __init__(self, start: datetime) -> None:
        self.start = start
        self._until = start + MINUTES * MINUTE - _MOMENT
        self._known: dict[Hashable, list[datetime]] = {}

    def of(self, timing: Timing) -> list[datetime]:
        """Give those that may be started within these hours."""
        key = (timing.pattern, timing.jitter)
        if key not in self._known:
            self._known[key] = timing.instants(self.start - timing.jitter - _MOMENT, self._until)
        return self._known[key]


def _minutes(schedule: Schedule, times: _Times, now: datetime, bound: Bounds) -> Counter[int]:
    """Count the fires of a schedule by minute."""
    timing, fires = schedule.timing, times.of(schedule.timing)
    if bound.quiet_until is not None:
        fires = fires[bisect_left(fires, bound.quiet_until) :]
    if bound.left is not None:
        first = bisect_right(fires, now)
        fires = fires[first : first + bound.left]
    if timing.jitter:
        fires = [timing.jittered(fire, schedule.name) for fire in fires]
    counts = Counter((fire - times.start) // MINUTE for fire in fires)
    return Counter({minute: count for minute, count in counts.items() if 0 <= minute < MINUTES})


def _crowds(counts: Sequence[int], groups: Iterable[_Group], first: int) -> dict[int, Crowd]:
    fullest = nsmallest(CROWDS, (minute for minute in range(first, MINUTES) if counts[minute]), lambda m: -counts[m])
    names: dict[int, list[str]] = {minute: [] for minute in fullest}
    for group in groups:
        for minute in names.keys() & group.minutes.keys():
            names[minute] += group.names
    return {
        minute: Crowd(fires=counts[minute], schedules=len(names[minute]), names=nsmallest(NAMED, names[minute]))
        for minute in fullest
    }


def look_out(forecast: Forecast, now: datetime, rate: float | None, most: int = 6) -> Outlook:
    """Tell what a forecast means where the server takes `rate` launches a minute; None is not known."""
    first = (now - forecast.start) // MINUTE
    longest, at = _backlog(forecast.counts, first, rate) if rate else (0.0, None)
    crowds = sorted(forecast.crowds.items(), key=lambda each: (-each[1].fires, each[0]))
    worst = [(minute, crowd) for minute, crowd in crowds if minute >= first and (not rate or crowd.fires > rate)]
    return Outlook(
        fires=sum(forecast.counts[first:]),
        peak=max(forecast.counts[first:], default=0),
        over=sum(count > rate for count in forecast.counts[first:]) if rate else 0,
        longest_wait=timedelta(minutes=longest / rate) if rate else timedelta(),
        waits_at=forecast.start + at * MINUTE if at is not None else None,
        worst=[(forecast.start + minute * MINUTE, crowd) for minute, crowd in worst[:most]],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """A forecast that is made, or being made, and what it is of."""

    definitions: Definitions
    mark: Hashable
    task: "asyncio.Task[Forecast]"

    def of(self, definitions: Definitions, mark: Hashable) -> bool:
        # What is defined is the same object for as long as nothing changed.
        return self.definitions is definitions and self.mark == mark


def _backlog(counts: Sequence[int], first: int, rate: float) -> tuple[float, int | None]:
    """Give how many launches wait at the worst, and at the end of which minute."""
    waiting, longest, at = 0.0, 0.0, None
    for minute in range(first, MINUTES):
        waiting = max(0.0, waiting + counts[minute] - rate)
        if waiting > longest:
            longest, at = waiting, minute
    return longest, at


class Forecasts:
    """Keeps the forecast for all who look within one hour, as long as nothing is defined, paused or resumed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._made: _Made | None = None

    async def get(self, definitions: Definitions, now: datetime, patience: float | None = None) -> Forecast | None:
        """Give it; None if it is not made within `patience` seconds: it is gone on with, for whoever asks next.

        Nothing else has to wait for it. Raises StoreUnavailable.
        """
        start = now.replace(minute=0, second=0, microsecond=0)
        pauses = await self._engine.pauses.holding(now)
        mark = (start, frozenset((name, pause.until) for name, pause in pauses.items()))
        made = self._made
        if made is None or not made.of(definitions, mark):
            task = asyncio.create_task(self._make(definitions, start, now, pauses))
            self._made = made = _Made(definitions=definitions, mark=mark, task=task)
        await asyncio.wait([made.task], timeout=patience)
        if not made.task.done():
            return None
        if made.task.exception() is not None and self._made is made:
            self._made = None
        return made.task.result()

    async def _make(
        self, definitions: Definitions, start: datetime, now: datetime, pauses: Mapping[str, Pause]
    ) -> Forecast:
        bounds = await self._bounds(definitions, pauses)
        return await asyncio.to_thread(foresee, definitions.schedules, start, now, bounds)

    async def _bounds(self, definitions: Definitions, pauses: Mapping[str, Pause]) -> dict[str, Bounds | None]:
        limited = {each.name: each.max_runs for each in definitions.schedules if each.max_runs is not None}
        cursors = await self._engine.cursors.some(list(limited)) if limited else {}
        bounds: dict[str, Bounds | None] = {}
        for name, most in limited.items():
            cursor = cursors.get(name)
            bounds[name] = Bounds(left=max(0, most - (cursor.taken if cursor else 0)))
        for name, pause in pauses.items():
            bound = bounds.get(name) or Bounds()
            bounds[name] = Bounds(quiet_until=pause.until, left=bound.left) if pause.until else None
        return bounds
