"""`zenbeat schedule pause|resume`: nothing is started for a schedule until it goes on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import click

from worker.cli.auditing import audited, user_name
from worker.cli.doors import with_engine
from worker.cli.output import say
from worker.cli.schedules import read_schedules, unknown_name
from worker.domain.errors import InvalidInput
from worker.domain.moments import read_moment
from worker.domain.pause import Pause
from worker.domain.schedule import CatchUp, Schedule
from worker.engine import byhand
from worker.engine.runtime import Engine
from worker.settings import Settings, load_settings
from worker.source import Definitions
from worker.store.connection import redis_time

by_option = click.option("--by", help="Who does it.  [default: the name of the user]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A schedule that was named; `schedule` is None if no file defines it soundly, and Redis knows it."""

    name: str
    schedule: Schedule | None
    pause: Pause | None


@click.command("pause")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--why", default="", help="The reason, for everybody who wonders.")
@click.option("--until", metavar="TIME", help="Go on by itself then; in the schedule's zone, if it has no offset.")
@by_option
def pause_schedules(names: tuple[str, ...], why: str, until: str | None, by: str | None) -> None:
    """Pause schedules: what is due is skipped, with the reason in the ledger. Runs that are going on go on.

    Prints the name of each. A schedule that is paused already gets the new reason and end, and stays paused since
    when it was.
    """
    settings = load_settings()
    definitions = read_schedules(settings)
    work = partial(_pause, settings, definitions, names, by or user(), why, until)
    for name, held in with_engine(work, settings).items():
        click.echo(name)
        say(f"{name}: {held}.")


@click.command("resume")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--catchup", is_flag=True, help="Let their catch-up policies decide about what was due meanwhile.")
@by_option
def resume_schedules(names: tuple[str, ...], by: str | None, *, catchup: bool) -> None:
    """Let paused schedules go on from now. What was due meanwhile stays skipped, unless --catchup says otherwise.

    Prints the name of each that was paused. One that was not paused goes on anyway: that is told, and no failure.
    One that had all its `max_runs` counts them anew.
    """
    settings = load_settings()
    definitions = read_schedules(settings)
    work = partial(_resume, settings, definitions, names, by or user(), catchup)
    for name, held in with_engine(work, settings).items():
        if held is None:
            say(f"{name}: was not paused.")
        else:
            click.echo(name)
            say(f"{name}: goes on; it was {held}.")


async def _pause(
    settings: Settings,
    definitions: Definitions,
    names: Sequence[str],
    by: str,
    why: str,
    until: str | None,
    engine: Engine,
) -> dict[str, Pause]:
    now = await redis_time(engine.redis)
    found = await _named(settings, definitions, names, engine)
    # All are looked at before the first is paused: what is refused has changed nothing.
    ends = {each.name: _end(until, each.schedule, now) for each in found}
    paused = {}
    for name, end in ends.items():
        more = [audited(engine, "schedule.pause", name, by, why)]
        paused[name] = await byhand.pause(engine, name, Pause(since=now, by=by, why=why, until=end), more)
    return paused


async def _resume(
    settings: Settings,
    definitions: Definitions,
    names: Sequence[str],
    by: str,
    catchup: bool,  # noqa: FBT001 - passed on as click gave it
    engine: Engine,
) -> dict[str, Pause | None]:
    now = await redis_time(engine.redis)
    found = await _named(settings, definitions, names, engine)
    for each in found:
        if each.pause is not None:
            byhand.check_resumable(each.name, each.schedule, each.pause, now, catchup=catchup)
    resumed = {}
    for each in found:
        if catchup and each.pause and each.schedule and each.schedule.catchup is CatchUp.NONE:
            say(f"{each.name}: its catchup is none, so that nothing is made up for.")
        more = [audited(engine, "schedule.resume", each.name, by)]
        resumed[each.name] = await byhand.resume(engine, each.name, each.schedule, by, now, catchup=catchup, more=more)
    return resumed


async def _named(settings: Settings, definitions: Definitions, names: Sequence[str], engine: Engine) -> list[Named]:
    """Find schedules in the files, or in Redis: one whose file is broken, or gone, can be paused and go on too."""
    pauses = await engine.pauses.all()
    defined = definitions.named
    known = {*defined, *pauses, *(await engine.cursors.all() if definitions.faults else ())}
    for name in names:
        if name not in known:
            raise unknown_name(settings, name, known)
    return [Named(name=name, schedule=defined.get(name), pause=pauses.get(name)) for name in dict.fromkeys(names)]


def _end(until: str | None, schedule: Schedule | None, now: datetime) -> datetime | None:
    if until is None:
        return None
    end = read_moment(until, schedule.timezone if schedule else "UTC")
    if end <= now:
        raise InvalidInput(f"--until {until} has passed; it is when the schedule goes on by itself")
    return end


def user() -> str:
    """Name the user of this machine who asks. Raises UsageError where it is not told."""
    name = user_name()
    if not name:
        raise click.UsageError("This machine does not tell who you are; say it with --by.")
    return name
