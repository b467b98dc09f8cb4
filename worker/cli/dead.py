"""`zenbeat dead list|show|replay|discard`: triggers that are not tried again by themselves."""

import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import click

from worker.cli.auditing import tell
from worker.cli.doors import with_engine
from worker.cli.output import output_option, say, short_time, show
from worker.cli.publishing import publish
from worker.cli.trigger_look import row, show_trigger
from worker.domain.outcome import Status
from worker.domain.trigger import TriggerState
from worker.engine.runtime import Engine
from worker.engine.steering import withdraw

MOST = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which dead letters are meant. Every part that is given must fit."""

    schedule: str | None = None
    pipeline: str | None = None
    code: str | None = None
    reason: str | None = None

    @property
    def given(self) -> bool:
        """Tell whether anything was asked for."""
        return any((self.schedule, self.pipeline, self.code, self.reason))

    def __str__(self) -> str:
        """Say it in words, for the audit log; "" where nothing was asked for."""
        return ", ".join(f"{name} {value}" for name, value in asdict(self).items() if value)

    def fits(self, fields: dict[str, str]) -> bool:
        """Tell whether a dead letter is meant."""
        told = row(fields)
        return (
            self.schedule in (None, fields.get("schedule"))
            and self.pipeline in (None, told["pipeline"])
            and self.code in (None, fields.get("code"))
            and (self.reason or "").lower() in fields.get("reason", "").lower()
        )


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
    rows = with_engine(partial(_dead, Filter(**words), limit))
    show(rows, ["trigger", "from", "due", "reason"], output, words={"due": short_time}, empty="no dead letters")


async def _dead(wanted: Filter, limit: int, engine: Engine) -> list[dict[str, Any]]:
    ids = await engine.triggers.dead(MOST if wanted.given else limit)
    found = [fields for fields in await engine.triggers.get(ids) if fields and wanted.fits(fields)]
    return [{**row(fields), "code": fields.get("code")} for fields in found][:limit]


async def _meant(ids: tuple[str, ...], wanted: Filter, engine: Engine) -> list[str]:
    """Give the ids that are named, else those of all dead letters that fit."""
    if ids:
        return list(ids)
    known = await engine.triggers.dead(MOST)
    found = zip(known, await engine.triggers.get(known), strict=True)
    return [identity for identity, fields in found if fields and wanted.fits(fields)]


def _check(ids: tuple[str, ...], wanted: Filter, *, every: bool) -> None:
    if sum((bool(ids), wanted.given, every)) != 1:
        raise click.UsageError("Name the dead letters, or say which by options, or --all.")


@dead.command()
@click.argument("ids", nargs=-1, metavar="ID...")
@_filtered
@click.option("--all", "every", is_flag=True, help="All dead letters.")
def replay(ids: tuple[str, ...], every: bool, **words: str | None) -> None:  # noqa: FBT001 - click passes options by name
    """Let dead letters wait again. Each keeps its run name: what was started after all is found, not doubled."""
    wanted = Filter(**words)
    _check(ids, wanted, every=every)
    raise SystemExit(with_engine(partial(_replay, ids, wanted), publish=publish))


async def _replay(ids: tuple[str, ...], wanted: Filter, engine: Engine) -> int:
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
    done = []
    try:
        for identity in ids:
            state = await act(identity)
            if state is TriggerState.DEAD:
                done.append(identity)
                click.echo(identity)
            else:
                say(f"{identity} is {state or 'unknown'}, not dead.")
    finally:
        # Also what was done before something went wrong.
        if done:
            more = f" and {len(done) - 1} more" if len(done) > 1 else ""
            await tell(engine, action, f"{done[0]}{more}", reason=reason)
    return int(len(done) < len(ids))


@dead.command()
@click.argument("ids", nargs=-1, metavar="ID...")
@_filtered
@click.option("--all", "every", is_flag=True, help="All dead letters.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def discard(ids: tuple[str, ...], every: bool, yes: bool, **words: str | None) -> None:  # noqa: FBT001 - click passes options by name
    """Give up dead letters. They stay to be seen for as long as outcomes are kept."""
    wanted = Filter(**words)
    _check(ids, wanted, every=every)
    meant = with_engine(partial(_meant, ids, wanted))
    if meant and not yes and sys.stdin.isatty():
        click.confirm(f"Give up {len(meant)} dead letter(s)?", abort=True, err=True)
    raise SystemExit(with_engine(partial(_discard, meant, str(wanted))))


async def _discard(ids: list[str], reason: str, engine: Engine) -> int:
    def give_up(identity: str) -> Awaitable[TriggerState | None]:
        return withdraw(engine, identity, TriggerState.DISCARDED, Status.DISCARDED)

    return await _each(engine, ids, give_up, "trigger.discard", reason)
