"""`zenbeat schedule show`: everything about one schedule, as the files have it, and how it is doing."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any

import click
import yaml

from worker.cli.doors import with_engine
from worker.cli.moments import WORDS, fire_rows
from worker.cli.output import Words, output_option, say, show_one
from worker.cli.schedule_list import pause_fields
from worker.cli.schedules import find_schedule
from worker.domain.catchup import upcoming
from worker.domain.duration import format_duration
from worker.domain.errors import StoreUnavailable
from worker.domain.receivers import is_url, shown
from worker.domain.schedule import Schedule, catchup_window
from worker.engine.runtime import Engine, clock
from worker.engine.standings import read_standings
from worker.render import merge
from worker.settings import load_settings

SHOWN = 3


@click.command("show")
@click.argument("name")
@output_option
def show_schedule(name: str, output: str) -> None:
    """Show one schedule in full: when, what, with which configuration, and how it stands.

    Expressions are not rendered. Without Redis, only what the file says is shown.
    """
    settings = load_settings()
    schedule = find_schedule(settings, name)
    now = clock()
    try:
        stands = with_engine(partial(_stands, schedule.name, now), settings)
    except StoreUnavailable as error:
        say(f"How it stands is not shown: {error}")
        stands = {}
    show_one({"name": schedule.name, **stands, **_described(schedule, now)}, output, words=TELLING)


async def _stands(name: str, now: datetime, engine: Engine) -> dict[str, Any]:
    seen = (await read_standings(engine, [name], now))[name]
    success = (await engine.results.last_successes([name])).get(name)
    return {
        "status": seen.standing.value,
        "paused": pause_fields(seen.pause),
        "running": [{"trigger": each.trigger, "state": each.state, "run_id": each.run_id} for each in seen.going],
        "held": (await engine.triggers.held()).get(name, []),
        "last_success": {
            "fire_time": success.fire_time,
            "ended": success.ended,
            "run_id": success.run_id,
            "run_name": success.run_name,
        }
        if success
        else None,
    }


def _described(schedule: Schedule, now: datetime) -> dict[str, Any]:
    target, timing = schedule.target, schedule.timing
    return {
        "when": schedule.when,
        "timezone": schedule.timezone,
        "after": _after(schedule),
        "next": None if schedule.after else _next(schedule, now),
        "start_time": timing.start_time,
        "end_time": timing.end_time,
        "jitter": format_duration(timing.jitter),
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
        "place": schedule.place,
        "config": merge(target.config_template, target.config),
    }


def _next(schedule: Schedule, now: datetime) -> list[datetime]:
    return [row["local"] for row in fire_rows(upcoming(schedule.timing, now, SHOWN), schedule.timezone)]


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


def _after(schedule: Schedule) -> dict[str, Any] | None:
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


def _length(length: Any) -> str | None:
    return None if length is None else format_duration(length)


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    return value if isinstance(value, int | float | str) else format_duration(value)


# --- for people


def _fires(fires: list[datetime]) -> str:
    return "\n".join(map(WORDS["local"], fires)) or "never again"


def _yaml(config: Any) -> str:
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True).rstrip("\n") if config else ""


def _pairs(fields: Mapping[str, Any]) -> str:
    """Tell the values of a small mapping in one line."""
    known = {name: value for name, value in fields.items() if value not in (None, "", [])}
    return "  ".join(f"{name}: {_words(value)}" for name, value in known.items())


def _words(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _followed(after: Mapping[str, Any]) -> str:
    within = f", within {after['window']}" if after["window"] else ""
    how = [f"when all of these have ended{within}"] if after["together"] else []
    return "\n".join([*how, *map(_pairs, after["upstreams"])])


def _each(listed: list[Mapping[str, Any]]) -> str:
    return "\n".join(map(_pairs, listed))


TELLING: Words = {
    "next": _fires,
    "config": _yaml,
    "after": _followed,
    "paused": _pairs,
    "running": _each,
    "held": "\n".join,
    "last_success": _pairs,
    "retry": _pairs,
    "run_retry": _pairs,
    "notify": _pairs,
}
"""How the table tells what is not plain text."""
