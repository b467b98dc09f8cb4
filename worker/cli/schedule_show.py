"""`zenbeat schedule show`: everything about one schedule, as the files have it."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

import click
import yaml

from worker.cli.moments import WORDS, fire_rows
from worker.cli.output import output_option, show_one
from worker.cli.schedules import find_schedule
from worker.domain.catchup import upcoming
from worker.domain.duration import format_duration
from worker.domain.schedule import Schedule, catchup_window
from worker.engine.runtime import clock
from worker.render import merge
from worker.settings import load_settings

SHOWN = 3


@click.command("show")
@click.argument("name")
@output_option
def show_schedule(name: str, output: str) -> None:
    """Show one schedule in full: when, what, and with which configuration; expressions are not rendered."""
    show_one(_described(find_schedule(load_settings(), name), clock()), output, words={"next": _fires, "config": _yaml})


def _described(schedule: Schedule, now: datetime) -> dict[str, Any]:
    target, timing = schedule.target, schedule.timing
    return {
        "name": schedule.name,
        "when": schedule.when,
        "timezone": schedule.timezone,
        "next": [row["local"] for row in fire_rows(upcoming(timing, now, SHOWN), schedule.timezone)],
        "start_time": timing.start_time,
        "end_time": timing.end_time,
        "jitter": format_duration(timing.jitter),
        "pipeline": target.pipeline,
        "template": target.template,
        "snapshot": target.snapshot,
        "project": target.project,
        "catchup": schedule.catchup.value,
        "catchup_window": format_duration(catchup_window(schedule, now)),
        "overlap": schedule.overlap.value,
        "max_runs": schedule.max_runs,
        "priority": schedule.priority,
        "retry": {name: _plain(value) for name, value in asdict(schedule.retry).items()},
        "place": schedule.place,
        "config": merge(target.config_template, target.config),
    }


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | str) else format_duration(value)


def _fires(fires: list[datetime]) -> str:
    return "\n".join(map(WORDS["local"], fires)) or "never again"


def _yaml(config: Any) -> str:
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True).rstrip("\n") if config else ""
