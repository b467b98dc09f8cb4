"""From what is known of a schedule to the forms in which it is answered."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from worker.api.scheduleshapes import (
    DecisionView,
    GoingView,
    PauseView,
    ResultView,
    ScheduleDetail,
    ScheduleView,
)
from worker.domain.results import Result, usual_duration, usual_lateness
from worker.domain.schedule import ManagedBy, Schedule
from worker.domain.standing import Standing
from worker.engine.describing import (
    describe_after,
    describe_pause,
    describe_rules,
    describe_success,
    describe_timing,
)
from worker.engine.standings import Seen, next_fires
from worker.store.booked import Booked

RESULTS = 20
NEXT = 5


def view_of(schedule: Schedule, seen: Seen, now: datetime) -> ScheduleView:
    """Make the list's form of a schedule."""
    return ScheduleView(
        name=schedule.name,
        managed_by=schedule.managed_by,
        place=schedule.place,
        when=schedule.when,
        timezone=schedule.timezone,
        pipeline=schedule.target.pipeline,
        project=schedule.target.project,
        next=next(iter(next_fires(schedule, seen, now, 1)), None),
        **_state(seen),
    )


def _state(seen: Seen, status: Standing | None = None) -> dict[str, Any]:
    duration, lateness = usual_duration(seen.results), usual_lateness(seen.results)
    return {
        "status": status or seen.standing,
        "paused": pause_of(seen),
        "last": DecisionView.model_validate(seen.last) if seen.last else None,
        "results": [_result(result) for result in seen.results[:RESULTS][::-1]],
        "usual_seconds": duration.total_seconds() if duration is not None else None,
        "usual_lateness_seconds": lateness.total_seconds() if lateness is not None else None,
        "running": [GoingView(trigger=each.trigger, state=each.state, run_id=each.run_id) for each in seen.going],
    }


def pause_of(seen: Seen) -> PauseView | None:
    """Give its pause, if it is paused."""
    plain = describe_pause(seen.pause)
    return PauseView(**plain) if plain else None


def _result(result: Result) -> ResultView:
    return ResultView(**{name: getattr(result, name) for name in ResultView.model_fields})


def broken_view(row: Booked, place: str, seen: Seen) -> ScheduleView:
    """Make the form of what was made over the API and cannot be used as it is."""
    return ScheduleView(
        name=row.name,
        managed_by=ManagedBy.API,
        place=place,
        pipeline=_text(row.entry.get("pipeline")),
        timezone=_text(row.entry.get("timezone")),
        project=_text(row.entry.get("project")),
        **_state(seen, Standing.BROKEN),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def detail_of(
    view: ScheduleView,
    schedule: Schedule | None,
    *,
    row: Booked | None,
    seen: Seen,
    success: Result | None,
    faults: Sequence[str],
    now: datetime,
) -> ScheduleDetail:
    """Make the full form."""
    described: dict[str, Any] = {}
    if schedule is not None:
        after = describe_after(schedule)
        described = {**describe_timing(schedule), **describe_rules(schedule, now), "after": after}
        described["next_fires"] = next_fires(schedule, seen, now, NEXT)
    made: dict[str, Any] = {}
    if row is not None:
        made = {"entry": dict(row.entry), "created": row.created or None, "changed": row.changed or None}
        made["changed_by"] = row.by or None
    plain = view.model_dump()
    told = {**described, **plain, **made, "last_success": describe_success(success), "faults": list(faults)}
    return ScheduleDetail.model_validate(told)
