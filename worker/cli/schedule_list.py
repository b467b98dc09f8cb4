"""`zenbeat schedule list`: what there is, when it is due, and what was decided last."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import click

from worker.cli.doors import with_engine
from worker.cli.output import in_words, output_option, say, show
from worker.cli.schedules import read_schedules
from worker.domain.errors import StoreUnavailable
from worker.domain.schedule import Schedule
from worker.domain.zones import find_zone
from worker.engine.runtime import Engine, clock
from worker.settings import load_settings
from worker.store.cursors import Cursor

AT_ONCE = 50
"""Ledgers read at once: quick, without a crowd of connections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What Redis knows: how far each schedule was considered, and the newest entry of its ledger."""

    cursors: dict[str, Cursor] = field(default_factory=dict)
    decisions: dict[str, dict[str, Any]] = field(default_factory=dict)


@click.command("list")
@output_option
def list_schedules(output: str) -> None:
    """List the schedules, when each is due next, and what was decided last.

    Without Redis the last decisions are left out.
    """
    settings = load_settings()
    schedules = read_schedules(settings).schedules
    names = [schedule.name for schedule in schedules]
    try:
        past = with_engine(partial(_past, names), settings) if names else Past()
    except StoreUnavailable as error:
        say(f"The last decisions are not shown: {error}")
        past = Past()
    now = clock()
    rows = [_row(schedule, past, now) for schedule in schedules]
    words = {"last": lambda last: f"{last['decision']} {last['fire_time'][:16].replace('T', ' ')}Z"}
    columns = ("name", "when", "timezone", "next", "last")
    if output == "table":
        rows = [{**row, "next": _due_in_words(row, now)} for row in rows]
    show(rows, columns, output, words=words, empty=f"There are no schedules in {settings.schedules_dir}.")


async def _past(names: Sequence[str], engine: Engine) -> Past:
    cursors = await engine.cursors.some(names)
    decisions: dict[str, dict[str, Any]] = {}
    for start in range(0, len(names), AT_ONCE):
        some = names[start : start + AT_ONCE]
        newest = await asyncio.gather(*(engine.cursors.ledger(name, 1) for name in some))
        decisions |= {name: entries[0] for name, entries in zip(some, newest, strict=True) if entries}
    return Past(cursors=cursors, decisions=decisions)


def _row(schedule: Schedule, past: Past, now: datetime) -> dict[str, Any]:
    cursor = past.cursors.get(schedule.name)
    used_up = schedule.max_runs is not None and cursor is not None and cursor.taken >= schedule.max_runs
    return {
        "name": schedule.name,
        "when": schedule.when,
        "timezone": schedule.timezone,
        "pipeline": schedule.target.pipeline,
        "next": None if used_up else schedule.timing.next(now),
        "last": past.decisions.get(schedule.name),
        "place": schedule.place,
    }


def _due_in_words(row: dict[str, Any], now: datetime) -> str:
    return in_words(row["next"], now, find_zone(row["timezone"])) if row["next"] else "never again"
