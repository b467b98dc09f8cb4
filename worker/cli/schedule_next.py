"""`zenbeat schedule next`: one timeline of what is due."""

import heapq
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

import click

from worker.cli.moments import WORDS
from worker.cli.output import output_option, show
from worker.cli.schedules import find_schedule, read_schedules
from worker.domain.moments import distance, fire_rows
from worker.domain.schedule import Schedule
from worker.domain.zones import END
from worker.engine.runtime import clock
from worker.settings import load_settings


@click.command("next")
@click.argument("name", required=False)
@click.option("--count", "-n", type=click.IntRange(1, 10_000), default=10, show_default=True, help="How many.")
@output_option
def next_fires(name: str | None, count: int, output: str) -> None:
    """Show what is due next: of all schedules in one timeline, or of NAME.

    What `max_runs` has used up, or a pause keeps back, is not known here: only the files are read. What follows others
    has no times.
    """
    settings = load_settings()
    schedules = [find_schedule(settings, name)] if name else read_schedules(settings).schedules
    now = clock()
    timeline = heapq.merge(*(_fires(schedule, now) for schedule in schedules), key=lambda fire: fire[:2])
    rows = [
        {"schedule": schedule.name, **row, "in": (moment - now).total_seconds()}
        for moment, _, schedule in islice(timeline, count)
        for row in fire_rows([moment], schedule.timezone)
    ]
    columns = ("schedule", "local", "in", "note")
    show(rows, columns, output, words={**WORDS, "in": _distance}, empty=_nothing(schedules))


def _nothing(schedules: Sequence[Schedule]) -> str:
    """Say why nothing is due by the clock."""
    follow = [schedule for schedule in schedules if schedule.after is not None]
    if not follow:
        return "Nothing is due any more."
    told = "; ".join(f"{schedule.name} is due {schedule.when}" for schedule in follow)
    return f"Nothing is due by the clock: {told}."


def _fires(schedule: Schedule, after: datetime) -> Iterator[tuple[datetime, str, Schedule]]:
    return ((fire, schedule.name, schedule) for fire in schedule.timing.between(after, END))


def _distance(seconds: float) -> str:
    return distance(timedelta(seconds=seconds))
