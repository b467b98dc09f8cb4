"""`zenbeat sweep run`: start a sweep, and wait for it if wanted."""

from functools import partial
from uuid import uuid4

import click

from worker.cli.auditing import asker, audited
from worker.cli.doors import with_engine
from worker.cli.output import output_option, say, show_one
from worker.cli.sweep_end import wait_for_sweep
from worker.cli.sweeps import check_count, find_sweep
from worker.engine.newsweeps import Defined
from worker.engine.runtime import Engine
from worker.engine.sweepcheck import check_sweep
from worker.engine.sweeping import start
from worker.settings import load_settings


@click.command()
@click.argument("name")
@click.option("--key", help="The same key again is the same sweep, however often it is asked for.")
@click.option("--yes", is_flag=True, help="Start it though it has more than a million trials.")
@click.option("--wait", is_flag=True, help="Wait until it is over: exit 1 if a trial failed, else 0.")
@click.option("--timeout", type=float, help="Seconds to wait at the most.")
@output_option
def run(name: str, key: str | None, timeout: float | None, output: str, *, yes: bool, wait: bool) -> None:
    """Start sweep NAME. Prints its id; the beat at work records the trials.

    Before that, its first trial is held against what it would start at ZenML, as `sweep plan` does. With --wait,
    Ctrl-C ends the waiting and not the sweep.
    """
    settings = load_settings()
    defined = find_sweep(settings, name)
    check_count(defined, sure=yes)
    identity, new = with_engine(partial(_start, defined, key or uuid4().hex), settings)
    if not new:
        say("It was started before with this key; nothing new was started.")
    if output == "table":
        click.echo(identity)
        say(f"See how it does: zenbeat sweep show {identity}")
    else:
        show_one({"sweep": identity, "name": name, "trials": defined.definition.sweep.size, "new": new}, output)
    if wait:
        raise SystemExit(wait_for_sweep(identity, timeout))


async def _start(defined: Defined, key: str, engine: Engine) -> tuple[str, bool]:
    unchecked = await check_sweep(engine, defined)
    if unchecked:
        say(f"Not checked against what it would start: {unchecked}")
    told = audited(engine, "sweep.begin", defined.definition.name)
    return await start(engine, defined.definition, key, defined.zone, [told], by=asker())
