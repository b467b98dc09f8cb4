"""Schedules as rows of a page: what is told of each beside what is known of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from worker.domain.errors import Fault
from worker.domain.moments import clock_change
from worker.domain.results import streak, usual_duration
from worker.domain.standing import Standing
from worker.engine.schedulelist import Listed
from worker.web.charts.lateness import Lateness, lateness_of

TOLD_FAULTS = 20
"""Faults that are told of all files together; who mends those sees the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One schedule on the page."""

    listed: Listed
    place: str
    """Where it is defined, as seen from the folder of the schedules."""
    why: str
    """Why it is failing, late or broken; "" where there is nothing to say."""
    culprit: str
    """The trigger of the newest failure, where failures are why."""
    clocks: str
    """What the clocks do near its next fire time; "" if nothing."""
    lateness: Lateness | None
    usual: timedelta | None
    """How long it usually takes."""


def row_of(listed: Listed, folder: str) -> Row:
    """Make the row of a schedule."""
    schedule, results = listed.schedule, listed.seen.results
    failing = listed.standing is Standing.FAILING
    failed = next((each for each in results if each.failed), None) if failing else None
    return Row(
        listed=listed,
        place=within(listed.place, folder),
        why=_why(listed, folder),
        culprit=failed.trigger if failed else "",
        clocks=clock_change(listed.next, schedule.timezone) if schedule and listed.next else "",
        lateness=lateness_of(results),
        usual=usual_duration(results),
    )


def _why(listed: Listed, folder: str) -> str:
    if listed.standing is Standing.FAILING:
        return f"{streak(listed.seen.results)} failures in a row"
    if listed.standing is Standing.LATE:
        return listed.reason
    if listed.standing is Standing.BROKEN:
        return "; ".join(told_faults(listed.faults, folder)) or "it cannot be used as it is"
    return ""


def within(place: str, folder: str) -> str:
    """Give a place as seen from the folder of the schedules."""
    return place.removeprefix(f"{folder}/")


def told_faults(faults: Sequence[Fault], folder: str) -> list[str]:
    """Tell faults, each with its place."""
    return [within(str(fault), folder) for fault in faults]
