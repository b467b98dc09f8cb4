"""`zenbeat sweep pause|resume|cancel|retry`: sweeps and backfills that were started."""

from collections.abc import Mapping
from functools import partial

import click

from worker.cli.auditing import audited, tell
from worker.cli.doors import with_engine
from worker.cli.output import say
from worker.cli.schedule_pause import by_option, user
from worker.cli.schedules import read_schedules
from worker.cli.sweeps import counted, summary
from worker.domain.schedule import Schedule
from worker.engine import sweeping
from worker.engine.runtime import Engine
from worker.engine.sweeping import Retried
from worker.settings import load_settings
from worker.store.sweeprows import SweepRow

which = click.argument("wanted", metavar="ID|NAME")


@click.command()
@which
@by_option
def pause(wanted: str, by: str | None) -> None:
    """Pause a sweep: none of its trials is sent until it is resumed. What runs goes on."""
    row, new = with_engine(partial(_pause, wanted, by or user()))
    click.echo(row.id)
    say(f"{row.name} is paused." if new else f"{row.name} is paused already, by {row.paused}.")


async def _pause(wanted: str, by: str, engine: Engine) -> tuple[SweepRow, bool]:
    row = await sweeping.find(engine, wanted)
    told = audited(engine, "sweep.pause", row.id, by, row.name)
    return row, await sweeping.pause(engine, row, by, [told])


@click.command()
@which
def resume(wanted: str) -> None:
    """Let a paused sweep go on."""
    row, new = with_engine(partial(_resume, wanted))
    click.echo(row.id)
    say(f"{row.name} goes on." if new else f"{row.name} was not paused.")


async def _resume(wanted: str, engine: Engine) -> tuple[SweepRow, bool]:
    row = await sweeping.find(engine, wanted)
    new = await sweeping.resume(engine, row)
    if new:
        await tell(engine, "sweep.resume", row.id, reason=row.name)
    return row, new


@click.command()
@which
@click.option("--stop-running", is_flag=True, help="Stop its runs as well, where the server can.")
@by_option
def cancel(wanted: str, by: str | None, *, stop_running: bool) -> None:
    """End a sweep: no more trials are recorded, and those that were not sent yet are withdrawn.

    Its runs go on to their end, unless --stop-running says otherwise. The beat at work does all that.
    """
    row = with_engine(partial(_cancel, wanted, by or user(), stop_running))
    click.echo(row.id)
    rest = "; its runs are stopped" if stop_running else "; its runs go on to their end" if row.running else ""
    parts = counted(row)
    say(f"{row.name} ends after {row.recorded} of {row.total} trials{f' ({parts})' if parts else ''}{rest}.")


async def _cancel(wanted: str, by: str, stop_running: bool, engine: Engine) -> SweepRow:  # noqa: FBT001 - by partial
    row = await sweeping.find(engine, wanted)
    told = audited(engine, "sweep.cancel", row.id, by, row.name)
    await sweeping.cancel(engine, row, by, stop_running=stop_running, more=[told])
    return row


@click.command()
@which
@click.option("--stopped", is_flag=True, help="Also trials whose run was stopped.")
def retry(wanted: str, *, stopped: bool) -> None:
    """Run again what failed, with the same parameters and under the same numbers."""
    settings = load_settings()
    work = partial(_retry, wanted, read_schedules(settings).named, stopped)
    row, retried = with_engine(work, settings)
    click.echo(row.id)
    count = retried.again + retried.replayed
    if count:
        say(f"{count} trial{'' if count == 1 else 's'} of {row.name} will be run again.")
    else:
        say(f"Nothing of {row.name} is to be run again. {summary(row)}.")


async def _retry(
    wanted: str,
    schedules: Mapping[str, Schedule],
    stopped: bool,  # noqa: FBT001 - by partial
    engine: Engine,
) -> tuple[SweepRow, Retried]:
    row = await sweeping.find(engine, wanted)
    retried = await sweeping.retry(engine, row, schedules, stopped=stopped)
    if retried.again or retried.replayed:
        await tell(engine, "sweep.retry", row.id, reason=row.name)
    return row, retried
