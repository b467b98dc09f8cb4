"""`zenbeat schedule plan`: what a beat would do with these files, told beforehand."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from worker.cli.doors import with_engine
from worker.cli.moments import WORDS
from worker.cli.output import output_option, show
from worker.cli.schedules import read_schedules
from worker.domain.catchup import decide
from worker.domain.schedule import Schedule, catchup_window
from worker.engine.runtime import clock
from worker.settings import load_settings
from worker.store.cursors import Cursor

COLUMNS = ("schedule", "change", "past", "next")


@click.command()
@output_option
def plan(output: str) -> None:
    """Compare the schedule files with what Redis knows: what is new, changed or gone, and what of the past would fire.

    Nothing is changed. A schedule that is new, or whose timing was changed, never fires for the past.
    """
    settings = load_settings()
    schedules = read_schedules(settings).schedules
    cursors = with_engine(lambda engine: engine.cursors.all(), settings)
    now = clock()
    rows = [_row(schedule, cursors.get(schedule.name), now) for schedule in schedules]
    show([*rows, *_gone(cursors, {schedule.name for schedule in schedules})], COLUMNS, output, words=WORDS)


def _row(schedule: Schedule, cursor: Cursor | None, now: datetime) -> dict[str, Any]:
    used_up = schedule.max_runs is not None and cursor is not None and cursor.taken >= schedule.max_runs
    return {
        "schedule": schedule.name,
        "change": _change(schedule, cursor),
        "past": _past(schedule, cursor, now),
        "next": None if used_up else schedule.timing.next(now),
    }


def _change(schedule: Schedule, cursor: Cursor | None) -> str:
    if cursor is None:
        return "new"
    return "unchanged" if cursor.revision == schedule.revision else "timing changed"


def _past(schedule: Schedule, cursor: Cursor | None, now: datetime) -> str:
    if cursor is None:
        return "is not fired for"
    if cursor.revision != schedule.revision:
        return f"since {cursor.at:%Y-%m-%d %H:%M:%S}Z is not fired for"
    dues = decide(schedule.timing, cursor.at, now, schedule.catchup, lambda: catchup_window(schedule, now))
    counts = Counter(due.decision.value for due in dues)
    return ", ".join(f"{number} {decision}" for decision, number in counts.items()) or "nothing is late"


def _gone(cursors: Mapping[str, Cursor], names: set[str]) -> list[dict[str, Any]]:
    return [
        {"schedule": name, "change": "not in the files", "past": "keeps its ledger", "next": None}
        for name in sorted(cursors.keys() - names)
    ]
