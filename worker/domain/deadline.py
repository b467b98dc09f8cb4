"""By when a run has to be completed."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from worker.domain.zones import find_zone, local_instants


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """A time of day in the schedule's zone, the first one after the fire, or a length of time after the fire."""

    at: time | None = None
    after: timedelta | None = None
    """Exactly one of at and after."""

    def instant(self, fire_time: datetime, timezone: str) -> datetime:
        """Give the instant (UTC) by which the run of a fire time has to be completed."""
        if self.after is not None:
            return fire_time + self.after
        assert self.at is not None  # noqa: S101 - one of the two is given
        zone = find_zone(timezone)
        day = fire_time.astimezone(zone).date()
        for days in range(3):
            wall = datetime.combine(day + timedelta(days=days), self.at)
            for moment in local_instants(wall, zone, gap="shift", fold="both"):
                if moment > fire_time:
                    return moment
        raise AssertionError("within three days there is such a time of day")
