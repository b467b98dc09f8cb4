"""What Redis' clock says, between two of its answers: the stamps of all processes go by one clock."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta


class RedisClock:
    """What Redis last said, and how long ago that was; `wall` until it has said something.

    A host whose own clock is wrong by hours stamps, waits and tells lateness like the others. Decisions do not need
    it: scripts ask Redis itself.
    """

    def __init__(self, wall: Callable[[], datetime], elapsed: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._elapsed = elapsed
        self._heard: tuple[datetime, float] | None = None

    def hear(self, now: datetime) -> None:
        """Take in what Redis says."""
        self._heard = (now, self._elapsed())

    def __call__(self) -> datetime:
        """Give the instant, in UTC."""
        if self._heard is None:
            return self._wall()
        said, at = self._heard
        return said + timedelta(seconds=self._elapsed() - at)
