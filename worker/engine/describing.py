"""A schedule as it is told to people and programs: everything that its definition says, in plain values."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from worker.domain.duration import format_duration
from worker.domain.pause import Pause
from worker.domain.receivers import is_url, shown
from worker.domain.results import Result
from worker.domain.schedule import Schedule, catchup_window
from worker.render import merge


def describe_timing(schedule: Schedule) -> dict[str, Any]:
    """Tell when it is due."""
    timing = schedule.timing
    return {
        "start_time": timing.start_time,
        "end_time": timing.end_time,
        "jitter": format_duration(timing.jitter),
    }


def describe_rules(schedule: Schedule, now: datetime) -> dict[str, Any]:
    """Tell what it starts, and by which rules. Passwords in addresses are blotted out."""
    target = schedule.target
    return {
        "pipeline": target.pipeline,
        "template": target.template,
        "snapshot": target.snapshot,
        "project": target.project,
        "catchup": schedule.catchup.value,
        "catchup_window": format_duration(catchup_window(schedule, now)),
        "coalesce": schedule.coalesce,
        "overlap": schedule.overlap.value,
        "max_runs": schedule.max_runs,
        "priority": schedule.priority,
        "retry": {name: _plain(value) for name, value in asdict(schedule.retry).items()},
        **_about_runs(schedule),
        "managed_by": schedule.managed_by.value,
        "place": schedule.place,
        "config": merge(target.config_template, target.config),
    }


def _about_runs(schedule: Schedule) -> dict[str, Any]:
    """Give what follows from how its runs end, and from when they do."""
    retry, deadline, notify = schedule.run_retry, schedule.deadline, schedule.notify
    by = deadline and (deadline.at.isoformat("minutes") if deadline.at else _length(deadline.after))
    quiet = [f"{time:%H:%M}" for time in notify.quiet] if notify and notify.quiet else None
    return {
        "run_retry": {name: _plain(value) for name, value in asdict(retry).items()} if retry else None,
        "pause_after": schedule.pause_after,
        "deadline": by,
        "expect_every": _length(schedule.expect_every),
        "notify": {
            "to": [shown(each) if is_url(each) else each for each in notify.to],
            "on": sorted(kind.value for kind in notify.on),
            "quiet": quiet,
        }
        if notify
        else None,
    }


def describe_after(schedule: Schedule) -> dict[str, Any] | None:
    """Tell what it follows."""
    if schedule.after is None:
        return None
    upstreams = [
        {
            "schedule": each.schedule,
            "pipeline": each.pipeline,
            "project": each.project,
            "on": sorted(fate.value for fate in each.on),
        }
        for each in schedule.after.upstreams
    ]
    return {"together": schedule.after.together, "window": _length(schedule.after.window), "upstreams": upstreams}


def describe_pause(pause: Pause | None) -> dict[str, Any] | None:
    """Tell a pause as programs read it."""
    if pause is None:
        return None
    return {"since": pause.since, "by": pause.by, "why": pause.why, "until": pause.until, "cause": pause.cause.value}


def describe_success(success: Result | None) -> Mapping[str, Any] | None:
    """Tell the last run that completed."""
    if success is None:
        return None
    return {name: getattr(success, name) for name in ("fire_time", "ended", "run_id", "run_name")}


def _length(length: Any) -> str | None:
    return None if length is None else format_duration(length)


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    return value if isinstance(value, int | float | str) else format_duration(value)
