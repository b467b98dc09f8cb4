"""What to do about the fire times that have come since a schedule was last considered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from worker.domain.duration import format_duration
from worker.domain.outcome import Decision
from worker.domain.schedule import CatchUp
from worker.domain.timing import Timing

ON_TIME = timedelta(seconds=10)
"""A fire that is later than this was missed, and the catch-up policy decides. Ticks come at least once a second."""

MOST_LISTED = 200
"""Missed fire times that get a ledger entry each; of older ones the ledger has one entry with their number."""

MOST_CAUGHT_UP = 1_000
"""Fires that `all` makes up for at once, the newest: a bound on what a long downtime can cost."""

MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """The decision for one fire time, with its reason where it does not fire."""

    fire_time: datetime
    decision: Decision
    reason: str = ""
    earlier: int = 0
    """How many fire times before this one it also stands for."""


def decide(
    timing: Timing, cursor: datetime, now: datetime, policy: CatchUp, window: Callable[[], timedelta]
) -> Sequence[Due]:
    """Decide every fire time in (cursor, now], oldest first.

    What is on time fires. What is late but within the window fires by policy: none of it, the latest, or all. `latest`
    means that at most one late fire is made up for, and none when something on time fires anyway. `window` is asked
    for only when something is late: to work it out costs more than all the rest.
    """
    first = timing.next(cursor)
    if first is None or first > now:
        return []
    punctual = list(timing.between(max(cursor, now - ON_TIME), now))
    if first > now - ON_TIME:  # the usual case, and the quick way
        return [Due(fire_time=fire, decision=Decision.FIRED) for fire in punctual]
    reach = window()
    opening = min(max(cursor, now - reach), now - ON_TIME)
    late = _late(timing, opening, now - ON_TIME, policy, has_punctual=bool(punctual))
    return [
        *_missed(
            timing, cursor, opening, f"due while nobody looked, before the catch-up window of {format_duration(reach)}"
        ),
        *late,
        *(Due(fire_time=fire, decision=Decision.FIRED) for fire in punctual),
    ]


def _late(timing: Timing, after: datetime, until: datetime, policy: CatchUp, *, has_punctual: bool) -> list[Due]:
    if policy is CatchUp.NONE:
        return _missed(timing, after, until, "nobody looked when it was due, and catchup is none")
    if policy is CatchUp.LATEST:
        newest = None if has_punctual else timing.last(until, after)
        reason = "nobody looked when it was due, and catchup: latest makes up for the newest only"
        if newest is None:
            return _missed(timing, after, until, reason)
        before = [due for due in _missed(timing, after, newest, reason) if due.fire_time < newest]
        return [*before, Due(fire_time=newest, decision=Decision.FIRED)]
    fires = _newest(timing, after, until, MOST_CAUGHT_UP)
    reason = f"more than {MOST_CAUGHT_UP} fires were late; the newest are made up for"
    surplus = _missed(timing, after, fires[0], reason) if len(fires) == MOST_CAUGHT_UP else []
    return [
        *(due for due in surplus if due.fire_time < fires[0]),
        *(Due(fire_time=fire, decision=Decision.FIRED) for fire in fires),
    ]


def _missed(timing: Timing, after: datetime, until: datetime, reason: str) -> list[Due]:
    """List the missed fire times in (after, until]: the newest one by one, older ones by their number."""
    fires = _newest(timing, after, until, MOST_LISTED)
    listed = [Due(fire_time=fire, decision=Decision.MISSED_DOWNTIME, reason=reason) for fire in fires]
    if len(fires) < MOST_LISTED:
        return listed
    # The oldest of those listed also stands for all before it.
    older = timing.count_between(after, fires[0], MOST_COUNTED) - 1
    if older > 0:
        more = f"{'at least ' if older >= MOST_COUNTED - 1 else ''}{older} earlier"
        told = f"{reason} (and {more})"
        listed[0] = Due(fire_time=fires[0], decision=Decision.MISSED_DOWNTIME, reason=told, earlier=older)
    return listed


def _newest(timing: Timing, after: datetime, until: datetime, count: int) -> list[datetime]:
    """Give the newest `count` fire times in (after, until], oldest first, without walking through all of them."""
    fires: list[datetime] = []
    edge = until
    while len(fires) < count:
        fire = timing.last(edge, after)
        if fire is None:
            break
        fires.append(fire)
        edge = fire - timedelta(microseconds=1)
    return fires[::-1]


def skipped(timing: Timing, cursor: datetime, until: datetime) -> list[Due]:
    """List the instants in (cursor, until] that would be due, were they not on skipped days; the newest of them."""
    reason = "its day is among skip_dates"
    return [
        Due(fire_time=fire, decision=Decision.SKIPPED_CALENDAR, reason=reason)
        for fire in timing.skipped(cursor, until, MOST_LISTED)
    ]


def upcoming(timing: Timing, after: datetime, count: int) -> list[datetime]:
    """Give the next `count` fire times after an instant."""
    return list(islice(timing.between(after, datetime.max.replace(tzinfo=after.tzinfo)), count))


def catchup_in_words(policy: CatchUp, window: timedelta) -> str:
    """Tell a catch-up policy as a sentence."""
    young = f"if not older than {format_duration(window)}"
    return {
        CatchUp.NONE: "none: what was due while nobody looked is missed",
        CatchUp.LATEST: f"latest: the newest that was due while nobody looked is made up for, {young}",
        CatchUp.ALL: f"all: everything that was due while nobody looked is made up for, {young}",
    }[policy]
