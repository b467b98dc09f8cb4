"""`zenbeat schedule run`: start a run of a schedule now, beside its times."""

from dataclasses import replace
from datetime import datetime
from functools import partial
from uuid import uuid4

import click

from worker.cli.doors import with_engine
from worker.cli.output import output_option, say, show_one
from worker.cli.publishing import publish
from worker.cli.schedules import find_schedule
from worker.domain.schedule import Schedule
from worker.domain.trigger import Origin, Trigger
from worker.engine.planner import for_request, render, schedule_context
from worker.engine.runtime import Engine, clock
from worker.settings import load_settings
from worker.store.triggers import Entry, Item


@click.command("run")
@click.argument("name")
@output_option
def run_schedule(name: str, output: str) -> None:
    """Start a run of schedule NAME now, rendered as if it were due. Prints the trigger's id.

    Its cursor stays where it is: what is due later comes all the same.
    """
    settings = load_settings()
    trigger = _trigger(find_schedule(settings, name), clock())
    with_engine(partial(_record, trigger), settings, publish)
    if output == "table":
        click.echo(trigger.id)
        say(f"Recorded; see what becomes of it with: zenbeat trigger show {trigger.id}")
    else:
        show_one({"trigger": trigger.id, "schedule": name, "run_name": trigger.run_name, "due": trigger.due}, output)


def _trigger(schedule: Schedule, now: datetime) -> Trigger:
    target = replace(
        schedule.target, config_template={}, config=render(schedule.target, schedule_context(schedule, now))
    )
    return for_request(
        Origin.CLI,
        uuid4().hex,
        target,
        due=now,
        priority=schedule.priority,
        retry=schedule.retry,
        schedule=schedule.name,
    )


async def _record(trigger: Trigger, engine: Engine) -> None:
    await engine.triggers.record([Item(entries=[Entry(trigger=trigger)])])
    await engine.dispatcher.ring()
