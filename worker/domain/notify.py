"""Who is told of what about a schedule, and when not."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from worker.domain.alert import AlertKind
from worker.domain.zones import find_zone, local_instants

USUAL = frozenset(AlertKind) - {AlertKind.SUCCESS}
"""What is told of where a person does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """The alerts of one schedule."""

    to: tuple[str, ...]
    """Receivers: names of ZENBEAT_RECEIVERS, or URLs."""
    on: frozenset[AlertKind] = USUAL
    quiet: tuple[time, time] | None = None
    """From when to when, on the clock of the schedule's zone, nobody is told; it is told afterwards."""

    def loud_at(self, now: datetime, timezone: str) -> datetime:
        """Give the instant (UTC) from which on may be told what happens now: now, or the end of the quiet hours."""
        if self.quiet is None or self.quiet[0] == self.quiet[1]:
            return now
        begin, end = self.quiet
        zone = find_zone(timezone)
        wall = now.astimezone(zone)
        clock = wall.time()
        within = begin <= clock < end if begin < end else clock >= begin or clock < end
        if not within:
            return now
        day = wall.date() + timedelta(days=1 if clock >= end else 0)
        ends = local_instants(datetime.combine(day, end), zone, gap="shift", fold="both")
        return next((moment for moment in ends if moment > now), now)
