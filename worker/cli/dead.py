"""`zenbeat dead list|show|replay|discard`: triggers that are not tried again by themselves."""

import sys
from functools import partial
from typing import Any

import click

from worker.cli.doors import with_engine
from worker.cli.output import output_option, say, short_time, show
from worker.cli.publishing import publish
from worker.cli.trigger_look import row, show_trigger, withdraw
from worker.domain.outcome import Status
from worker.domain.trigger import TriggerState
from worker.engine.runtime import Engine

MOST = 10_000


@click.group()
def dead() -> None:
    """Look at dead letters; replay or discard them."""


dead.add_command(show_trigger, "show")


@dead.command("list")
@click.option("-n", "--limit", default=20, show_default=True, help="The most to list.")
@output_option
def list_dead(limit: int, output: str) -> None:
    """List the dead letters, newest first."""
    rows = with_engine(partial(_dead, limit))
    show(rows, ["trigger", "from", "due", "reason"], output, words={"due": short_time}, empty="no dead letters")


async def _dead(limit: int, engine: Engine) -> list[dict[str, Any]]:
    return [row(fields) for fields in await engine.triggers.get(await engine.triggers.dead(limit)) if fields]


@dead.command()
@click.argument("ids", nargs=-1, metavar="ID...")
@click.option("--all", "every", is_flag=True, help="All dead letters.")
def replay(ids: tuple[str, ...], every: bool) -> None:  # noqa: FBT001 - click passes options by name
    """Let dead letters wait again. Each keeps its run name: what was started after all is found, not doubled."""
    if bool(ids) == every:
        raise click.UsageError("Name the dead letters, or say --all.")
    raise SystemExit(with_engine(partial(_replay, ids), publish=publish))


async def _replay(ids: tuple[str, ...], engine: Engine) -> int:
    failed = 0
    for identity in ids or await engine.triggers.dead(MOST):
        state = await engine.triggers.replay(identity)
        if state is TriggerState.DEAD:
            click.echo(identity)
        else:
            say(f"{identity} is {state or 'unknown'}, not dead.")
            failed = 1
    await engine.dispatcher.ring()
    return failed


@dead.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--yes", is_flag=True, help="Do not ask.")
def discard(ids: tuple[str, ...], yes: bool) -> None:  # noqa: FBT001 - click passes options by name
    """Give up dead letters. They stay to be seen for as long as outcomes are kept."""
    if not yes and sys.stdin.isatty():
        click.confirm(f"Give up {len(ids)} dead letter(s)?", abort=True, err=True)
    raise SystemExit(with_engine(partial(_discard, ids)))


async def _discard(ids: tuple[str, ...], engine: Engine) -> int:
    failed = 0
    for identity in ids:
        state = await withdraw(identity, TriggerState.DISCARDED, Status.DISCARDED, engine)
        if state is not TriggerState.DEAD:
            say(f"{identity} is {state}, not dead.")
            failed = 1
    return failed
