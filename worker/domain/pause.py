"""A schedule that starts nothing, until somebody lets it go on."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class PauseCause(StrEnum):
    """What paused a schedule."""

    PERSON = "person"
    """By hand."""
    FAILURES = "failures"
    """`pause_after` failures in a row."""
    MAX_RUNS = "max_runs"
    """It has had as many runs as it may."""
    END_TIME = "end_time"
    """Its `end_time` has passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Since when a schedule is paused, who did it, why, and until when."""

    since: datetime
    by: str
    why: str = ""
    until: datetime | None = None
    """It goes on by itself then; None is when somebody resumes it."""
    cause: PauseCause = PauseCause.PERSON

    def covers(self, moment: datetime) -> bool:
        """Tell whether the schedule is paused at this moment."""
        return self.since <= moment and (self.until is None or moment < self.until)

    def over(self, now: datetime) -> bool:
        """Tell whether it has ended by itself."""
        return self.until is not None and self.until <= now

    def __str__(self) -> str:
        until = f" until {self.until:%Y-%m-%d %H:%M}Z" if self.until else ""
        why = f": {self.why}" if self.why else ""
        return f"paused since {self.since:%Y-%m-%d %H:%M}Z{until} by {self.by}{why}"
