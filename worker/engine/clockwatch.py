"""Sees when Redis' clock, by which everything goes, jumps."""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from worker.domain.catchup import ON_TIME
from worker.domain.duration import format_duration

logger = logging.getLogger("zenbeat.beat")

ALARMING = timedelta(hours=3)
"""A jump farther than this is no correction, and no time zone that was set wrongly."""


class ClockWatch:
    """Compares what Redis says with how much time went by here."""

    def __init__(self, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._elapsed = elapsed
        self._last: tuple[datetime, float] | None = None
        self.alarm = ""
        """What was last alarming, for the heartbeat."""

    def jumped(self, now: datetime) -> bool:
        """Tell whether the clock has jumped since the last call, by more than a late answer explains."""
        before, self._last = self._last, (now, self._elapsed())
        if before is None:
            return False
        went_by = timedelta(seconds=self._last[1] - before[1])
        jump = now - before[0] - went_by
        if abs(jump) <= ON_TIME:
            return False
        way = "forward" if jump > timedelta() else "back"
        told = (
            f"the clock of Redis has jumped {way} by {format_duration(_round(abs(jump)))}, to {now:%Y-%m-%d %H:%M:%S}Z"
        )
        if abs(jump) > ALARMING:
            self.alarm = told
            logger.error("clock jumped", extra={"reason": f"{told}: see that its host keeps its time by NTP"})
        else:
            logger.warning("clock jumped", extra={"reason": told})
        return True


def _round(duration: timedelta) -> timedelta:
    return timedelta(seconds=round(duration.total_seconds()))
