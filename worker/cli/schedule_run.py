"""`zenbeat schedule run`: start a run of a schedule now, beside its times."""

from functools import partial
from uuid import uuid4

import click

from worker.cli.auditing import audited
from worker.cli.doors import with_engine
from worker.cli.output import output_option, say, show_one
from worker.cli.publishing import publish
from worker.cli.schedules import find_schedule
from worker.cli.waiting import wait_for_end
from worker.domain.schedule import Schedule
from worker.domain.trigger import Origin, Trigger
from worker.engine.runtime import Engine
from worker.engine.starting import start_now
from worker.settings import load_settings


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
    started = await start_now(
        engine, schedule, Origin.CLI, uuid4().hex, [audited(engine, "schedule.run", schedule.name)]
    )
    await engine.dispatcher.ring()
    return started.trigger
