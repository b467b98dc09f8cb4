"""`zenbeat schedule show`: everything about one schedule, as the files have it, and how it is doing."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

import click
import yaml

from worker.cli.doors import with_engine
from worker.cli.moments import WORDS
from worker.cli.output import Words, output_option, say, show_one
from worker.cli.schedules import find_schedule
from worker.domain.catchup import upcoming
from worker.domain.errors import StoreUnavailable
from worker.domain.moments import fire_rows
from worker.domain.schedule import Schedule
from worker.engine.describing import (
    describe_after,
    describe_pause,
    describe_rules,
    describe_success,
    describe_timing,
)
from worker.engine.runtime import Engine, clock
from worker.engine.standings import read_standings
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
        "paused": describe_pause(seen.pause),
        "running": [{"trigger": each.trigger, "state": each.state, "run_id": each.run_id} for each in seen.going],
        "held": (await engine.triggers.held()).get(name, []),
        "last_success": describe_success(success),
    }


def _described(schedule: Schedule, now: datetime) -> dict[str, Any]:
    return {
        "when": schedule.when,
        "timezone": schedule.timezone,
        "after": describe_after(schedule),
        "next": None if schedule.after else _next(schedule, now),
        **describe_timing(schedule),
        **describe_rules(schedule, now),
    }


def _next(schedule: Schedule, now: datetime) -> list[datetime]:
    return [row["local"] for row in fire_rows(upcoming(schedule.timing, now, SHOWN), schedule.timezone)]


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
