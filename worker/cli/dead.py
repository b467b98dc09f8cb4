"""`zenbeat dead list|show|replay|discard`: triggers that are not tried again by themselves."""

import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import click

from worker.cli.auditing import tell
from worker.cli.doors import with_engine
from worker.cli.output import output_option, say, short_time, show
from worker.cli.publishing import publish
from worker.cli.trigger_look import row, show_trigger
from worker.domain.trigger import TriggerState
from worker.engine.deadletters import DeadFilter, read_dead
from worker.engine.runtime import Engine
from worker.engine.steering import give_up, named, steer_dead

OPTIONS = (
    click.option("--schedule", help="Only those of this schedule."),
    click.option("--pipeline", help="Only those of this pipeline."),
    click.option("--code", help="Only those with this code, as `dead list -o json` gives it."),
    click.option("--reason", help="Only those with these words in their reason."),
)


def _filtered(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@click.group()
def dead() -> None:
    """Look at dead letters; replay or discard them."""


dead.add_command(show_trigger, "show")


@dead.command("list")
@_filtered
@click.option("-n", "--limit", default=20, show_default=True, help="The most to list.")
@output_option
def list_dead(limit: int, output: str, **words: str | None) -> None:
    """List the dead letters, newest first."""
    rows = with_engine(partial(_dead, DeadFilter(**words), limit))
    show(rows, ["trigger", "from", "due", "reason"], output, words={"due": short_time}, empty="no dead letters")


async def _dead(wanted: DeadFilter, limit: int, engine: Engine) -> list[dict[str, Any]]:
    found = await read_dead(engine, wanted, limit)
    return [{**row(fields), "code": fields.get("code")} for fields in found.values()]


async def _meant(ids: tuple[str, ...], wanted: DeadFilter, engine: Engine) -> list[str]:
    """Give the ids that are named, else those of all dead letters that fit."""
    return list(ids) if ids else list(await read_dead(engine, wanted))


def _check(ids: tuple[str, ...], wanted: DeadFilter, *, every: bool) -> None:
    if sum((bool(ids), wanted.given, every)) != 1:
        raise click.UsageError("Name the dead letters, or say which by options, or --all.")


@dead.command()
@click.argument("ids", nargs=-1, metavar="ID...")
@_filtered
@click.option("--all", "every", is_flag=True, help="All dead letters.")
def replay(ids: tuple[str, ...], every: bool, **words: str | None) -> None:  # noqa: FBT001 - click passes options by name
    """Let dead letters wait again. Each keeps its run name: what was started after all is found, not doubled."""
    wanted = DeadFilter(**words)
    _check(ids, wanted, every=every)
    raise SystemExit(with_engine(partial(_replay, ids, wanted), publish=publish))


async def _replay(ids: tuple[str, ...], wanted: DeadFilter, engine: Engine) -> int:
    meant = await _meant(ids, wanted, engine)
    failed = await _each(engine, meant, engine.triggers.replay, "trigger.replay", str(wanted))
    await engine.dispatcher.ring()
    return failed


async def _each(
    engine: Engine,
    ids: Sequence[str],
    act: Callable[[str], Awaitable[TriggerState | None]],
    action: str,
    reason: str,
) -> int:
    """Do it to each dead letter, with one entry in the audit log for all. Gives 1 if one was not dead, else 0."""

    async def told(done: Sequence[str]) -> None:
        await tell(engine, action, named(done), reason=reason)

    return int((await steer_dead(ids, act, told, _seen)).left > 0)


def _seen(identity: str, state: TriggerState | None) -> None:
    if state is TriggerState.DEAD:
        click.echo(identity)
    else:
        say(f"{identity} is {state or 'unknown'}, not dead.")


@dead.command()
@click.argument("ids", nargs=-1, metavar="ID...")
@_filtered
@click.option("--all", "every", is_flag=True, help="All dead letters.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def discard(ids: tuple[str, ...], every: bool, yes: bool, **words: str | None) -> None:  # noqa: FBT001 - click passes options by name
    """Give up dead letters. They stay to be seen for as long as outcomes are kept."""
    wanted = DeadFilter(**words)
    _check(ids, wanted, every=every)
    meant = with_engine(partial(_meant, ids, wanted))
    if meant and not yes and sys.stdin.isatty():
        click.confirm(f"Give up {len(meant)} dead letter(s)?", abort=True, err=True)
    raise SystemExit(with_engine(partial(_discard, meant, str(wanted))))


async def _discard(ids: list[str], reason: str, engine: Engine) -> int:
    return await _each(engine, ids, partial(give_up, engine), "trigger.discard", reason)
