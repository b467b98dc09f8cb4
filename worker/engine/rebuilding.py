"""What a Redis that has lost everything knew of the schedules, asked of ZenML: runs carry names and tags that tell."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from worker.domain.catchup import ON_TIME
from worker.domain.errors import Refused, ZenMLError
from worker.domain.schedule import Overlap, Schedule, catchup_window
from worker.domain.trigger import fire_time_of, schedule_tag
from worker.engine.trouble import Trouble
from worker.zenml.client import ZenML
from worker.zenml.models import Run

logger = logging.getLogger("zenbeat.scheduler")

AT_ONCE = 8
"""Schedules that are asked after side by side."""

FEW = 20
"""Runs of a schedule that are looked at: one is enough, but not each is what its name or tag says."""

MOST = 500
"""Runs that are counted for `max_runs`: what one answer of ZenML holds."""

AGAIN_SECONDS = 5.0
"""Between two rounds of questions while ZenML does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """Where to begin with a schedule that Redis does not know, and why there."""

    at: datetime
    reason: str
    taken: int = 0
    """How many fires before it have a run: they count for `max_runs`."""
    going: tuple[datetime, ...] = ()
    """Fires before it whose runs are going on: its overlap policy has to know of them."""


class Rebuilder:
    """Tells schedules that are new from those that Redis has forgotten."""

    def __init__(self, zenml: ZenML, clock: Callable[[], float] = time.monotonic) -> None:
        self._zenml = zenml
        self._clock = clock
        self._trouble = Trouble(logger)
        self._asked = float("-inf")

    async def begin(self, schedules: Sequence[Schedule], now: datetime) -> dict[str, Beginning]:
        """Give where to begin with each schedule; one that ZenML has to be asked for, and does not answer, is left out.

        A schedule without a run is new, and begins at `now`. Any other goes back as far as its policy would make up
        for: what was started since then is found by its name before it is sent, so that nothing is doubled; what was on
        record and not sent is due once more, so that nothing is lost.
        """
        busy = [schedule for schedule in schedules if _has_a_past(schedule, now)]
        waiting = {schedule.name for schedule in busy}
        quiet = {schedule.name: _first(now) for schedule in schedules if schedule.name not in waiting}
        if not busy or self._clock() - self._asked < AGAIN_SECONDS:
            return quiet
        limit = asyncio.Semaphore(AT_ONCE)

        async def ask(schedule: Schedule) -> Beginning | None:
            async with limit:
                return await self._ask(schedule, now)

        self._asked = self._clock()
        answers = await asyncio.gather(*(ask(schedule) for schedule in busy))
        known = {schedule.name: answer for schedule, answer in zip(busy, answers, strict=True) if answer is not None}
        if len(known) == len(busy):
            self._asked = float("-inf")
            self._trouble.over()
        return {**quiet, **known}

    async def _ask(self, schedule: Schedule, now: datetime) -> Beginning | None:
        try:
            fires = await self._fires(schedule)
            going = await self._going(schedule) if fires else []
        except ZenMLError as error:
            self._trouble.met(
                f"Redis is empty, and whether schedules ran before cannot be asked of ZenML ({error}); "
                "those that may have are not considered yet"
            )
            return None
        if not fires:
            return _first(now)
        logger.warning("rebuilt from ZenML", extra={"schedule": schedule.name, "reason": "Redis does not know it"})
        at = min(now, max(_since(schedule, now), min(fires)))
        return Beginning(
            at=at,
            reason="Redis had lost its memory: what ZenML has no run for is due once more",
            taken=sum(fire <= at for fire in fires),
            going=tuple(fire for fire in going if fire <= at),
        )

    async def _fires(self, schedule: Schedule) -> set[datetime]:
        """Give fire times that the schedule ran for, the oldest; as many as count for its `max_runs`."""
        tag, prefix = schedule_tag(schedule.name), f"{schedule.name}-"
        count = min(max(FEW, schedule.max_runs or 0), MOST)
        try:
            runs = await self._zenml.oldest_runs(tag, prefix, count, schedule.target.project)
        except Refused:  # no such project: then there are no runs in it
            return set()
        return set(_fire_times(runs, schedule))

    async def _going(self, schedule: Schedule) -> list[datetime]:
        """Give the fire times whose runs are going on, where that matters."""
        if schedule.overlap is Overlap.ALLOW:
            return []
        runs = await self._zenml.unfinished_runs(schedule_tag(schedule.name), schedule.target.project)
        return _fire_times(runs, schedule)


def _fire_times(runs: Sequence[Run], schedule: Schedule) -> list[datetime]:
    fires = (fire_time_of(run.name, schedule.name) for run in runs)
    return [fire for fire in fires if fire is not None]


def _first(now: datetime) -> Beginning:
    return Beginning(at=now, reason="seen for the first time")


def _since(schedule: Schedule, now: datetime) -> datetime:
    return now - max(catchup_window(schedule, now), ON_TIME)


def _has_a_past(schedule: Schedule, now: datetime) -> bool:
    """Tell whether what came before matters: for its counts, for its overlaps, or because it is made up for."""
    return schedule.max_runs is not None or schedule.overlap is not Overlap.ALLOW or _recent(schedule, now)


def _recent(schedule: Schedule, now: datetime) -> bool:
    """Tell whether anything was due that could have been on record when Redis lost its memory."""
    return schedule.timing.last(now, _since(schedule, now)) is not None
