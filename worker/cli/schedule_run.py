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
from worker.cli.waiting import wait_for_end
from worker.domain.errors import InvalidInput
from worker.domain.schedule import Schedule
from worker.domain.trigger import Origin, Trigger
from worker.engine.past import Past
from worker.engine.planner import Known, for_request, render, schedule_context
from worker.engine.runtime import Engine, clock
from worker.settings import load_settings
from worker.store.items import Entry, Item


@click.command("run")
@click.argument("name")
@click.option("--wait", is_flag=True, help="Wait for the run's end: exit 0 if it completed, else 1.")
@click.option("--timeout", type=float, help="Seconds to wait at the most.")
@output_option
def run_schedule(name: str, timeout: float | None, output: str, *, wait: bool) -> None:
    """Start a run of schedule NAME now, rendered as if it were due. Prints the trigger's id.

    Its cursor stays where it is: what is due later comes all the same. Neither a pause nor its overlap policy keeps it
    back. What it takes from a run that it follows is of the last one that completed. With --wait, a run that failed and
    is started again (`retry: run`) has not ended: the last one counts.
    """
    settings = load_settings()
    trigger = with_engine(partial(_start, find_schedule(settings, name)), settings, publish)
    if output == "table":
        click.echo(trigger.id)
        say(f"Recorded; see what becomes of it with: zenbeat trigger show {trigger.id}")
    else:
        show_one({"trigger": trigger.id, "schedule": name, "run_name": trigger.run_name, "due": trigger.due}, output)
    if wait:
        raise SystemExit(with_engine(partial(wait_for_end, trigger.id, timeout), settings))


async def _start(schedule: Schedule, engine: Engine) -> Trigger:
    if schedule.sweep is not None:
        raise InvalidInput(f"{schedule.name} is a sweep; start it now with: zenbeat sweep run {schedule.name}")
    trigger = _trigger(schedule, clock(), await Past(engine.pauses, engine.results, engine.sweeps).known(schedule))
    await engine.triggers.record([Item(entries=[Entry(trigger=trigger)])])
    await engine.dispatcher.ring()
    return trigger


def _trigger(schedule: Schedule, now: datetime, known: Known) -> Trigger:
    context = schedule_context(schedule, now, known)
    target = replace(schedule.target, config_template={}, config=render(schedule.target, context))
    return for_request(
        Origin.CLI,
        uuid4().hex,
        target,
        due=now,
        priority=schedule.priority,
        retry=schedule.retry,
        run_retry=schedule.run_retry,
        schedule=schedule.name,
    )
