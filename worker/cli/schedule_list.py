"""`zenbeat schedule list`: what there is, how it stands, and when it is due."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

import click

from worker.cli.cells import LEGEND, SHOWN, cells, coloured
from worker.cli.doors import with_engine
from worker.cli.output import Words, in_words, output_option, say, show
from worker.cli.schedules import read_schedules
from worker.domain.duration import length_in_words
from worker.domain.errors import StoreUnavailable
from worker.domain.results import Result, usual_duration, usual_lateness
from worker.domain.schedule import ManagedBy, Schedule
from worker.domain.standing import Standing
from worker.domain.zones import find_zone
from worker.engine.brokenfiles import read_broken
from worker.engine.describing import describe_pause
from worker.engine.runtime import Engine, clock
from worker.engine.standings import Seen, next_fires, read_standings
from worker.settings import load_settings
from worker.source import Definitions, file_of

COLUMNS = ("name", "status", "results", "next", "takes", "lateness", "when", "timezone", "last", "managed_by")
SPARE = ("managed_by", "last", "lateness", "timezone", "when", "takes", "results")

CSV = (
    "name",
    "status",
    "results",
    "next",
    "usual_seconds",
    "usual_lateness_seconds",
    "when",
    "timezone",
    "last",
    "managed_by",
)


@click.command("list")
@output_option
def list_schedules(output: str) -> None:
    """List the schedules: how each stands, how its last runs ended, and when it is due next.

    A status is the first of these that holds: broken file, paused, failing (the last 3 runs or more), late, running,
    ok, new. The table has as many columns as the terminal has room for; -o json has everything. Without Redis it is
    only known when they are due.
    """
    settings = load_settings()
    definitions = read_schedules(settings)
    now = clock()
    try:
        rows = with_engine(partial(_known, definitions, now), settings)
    except StoreUnavailable as error:
        say(f"How they stand is not shown: {error}")
        rows = [_row(schedule, None, now) for schedule in definitions.schedules]
    if output == "table":
        told = [_told(row, now) for row in rows]
        empty = f"There are no schedules in {settings.schedules_dir}."
        show(told, COLUMNS, output, words=WORDS, empty=empty, spare=SPARE)
        if any(row["results"] for row in rows):
            say(LEGEND)
        return
    show([_plain(row, output) for row in rows], CSV, output)


async def _known(definitions: Definitions, now: datetime, engine: Engine) -> list[dict[str, Any]]:
    schedules = definitions.schedules
    seen = await read_standings(engine, [schedule.name for schedule in schedules], now)
    rows = [_row(schedule, seen[schedule.name], now) for schedule in schedules]
    return rows + await _broken(definitions, now, engine)


async def _broken(definitions: Definitions, now: datetime, engine: Engine) -> list[dict[str, Any]]:
    """Give the schedules that Redis knows, and that a file names which cannot be used: what else it says is lost."""
    places = await read_broken(engine, definitions)
    seen = await read_standings(engine, sorted(places), now)
    return [_broken_row(name, places[name], seen[name]) for name in sorted(places)]


def _row(schedule: Schedule, seen: Seen | None, now: datetime) -> dict[str, Any]:
    return {
        "name": schedule.name,
        "when": schedule.when,
        "timezone": schedule.timezone,
        "pipeline": schedule.target.pipeline,
        "next": next(iter(next_fires(schedule, seen, now, 1)), None),
        "follows": schedule.after is not None,
        "place": schedule.place,
        "managed_by": schedule.managed_by.value,
        **_seen(seen, seen.standing if seen else None),
    }


def _broken_row(name: str, file: str, seen: Seen) -> dict[str, Any]:
    unknown = dict.fromkeys(("when", "timezone", "pipeline", "next"))
    managed = (ManagedBy.API if file == file_of(name) else ManagedBy.FILE).value
    about = {"follows": False, "place": file, "managed_by": managed}
    return {"name": name, **unknown, **about, **_seen(seen, Standing.BROKEN)}


def _seen(seen: Seen | None, standing: Standing | None) -> dict[str, Any]:
    results = seen.results if seen else ()
    usual, lateness = usual_duration(results), usual_lateness(results)
    return {
        "status": standing.value if standing else None,
        "last": seen.last if seen else None,
        "paused": seen.pause if seen else None,
        "results": results,
        "usual_seconds": usual.total_seconds() if usual is not None else None,
        "usual_lateness_seconds": lateness.total_seconds() if lateness is not None else None,
        "running": [{"trigger": each.trigger, "run_id": each.run_id} for each in seen.going] if seen else [],
    }


# --- for people


def _told(row: dict[str, Any], now: datetime) -> dict[str, Any]:
    usual = {"takes": row["usual_seconds"], "lateness": row["usual_lateness_seconds"]}
    return {**row, **usual, "next": _due(row, now), "results": row["results"] or None}


def _due(row: dict[str, Any], now: datetime) -> str:
    if row["next"] is not None:
        return in_words(row["next"], now, find_zone(row["timezone"]))
    if row["status"] == Standing.BROKEN:
        return ""
    if row["paused"]:
        return "when resumed"
    return "when others end" if row["follows"] else "never again"


WORDS: Words = {
    "status": coloured,
    "results": cells,
    "takes": length_in_words,
    "lateness": length_in_words,
    "last": lambda last: f"{last['decision']} {last['fire_time'][:16].replace('T', ' ')}Z",
}


# --- for programs


def _plain(row: dict[str, Any], output: str) -> dict[str, Any]:
    results = cells(row["results"]).plain if output == "csv" else _results(row["results"])
    plain = {key: value for key, value in row.items() if key != "follows"}
    return {**plain, "paused": describe_pause(row["paused"]), "results": results}


def _results(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Give the last results, oldest first."""
    names = ("trigger", "fate", "fire_time", "ended", "seconds", "lateness_ms", "run_id", "runs")
    return [{name: getattr(result, name) for name in names} for result in results[:SHOWN][::-1]]
