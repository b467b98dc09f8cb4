"""`zenbeat schedule backfill`: run the fire times of a range of a schedule's past, each at most once."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import click

from worker.cli.auditing import asker, audited
from worker.cli.doors import with_engine
from worker.cli.moments import WORDS
from worker.cli.output import output_option, say, show, show_one
from worker.cli.publishing import publish
from worker.cli.schedules import find_schedule
from worker.cli.sweep_end import wait_for_sweep
from worker.domain.duration import DurationError, parse_duration
from worker.domain.errors import InvalidInput
from worker.domain.moments import fire_rows, read_end, read_moment
from worker.domain.schedule import Overlap, Schedule
from worker.engine.backfilling import Order, Wish
from worker.engine.backplans import Planned, begin_backfill, plan_backfill
from worker.engine.prospects import Prospect
from worker.engine.runtime import Engine
from worker.settings import load_settings
from worker.store.connection import redis_time

LONG_ID = re.compile(r"(?:trigger|sweep) ([0-9a-f]{8})-[0-9a-f-]{27}")

COLUMNS = ("local", "utc", "becomes")


@click.command("backfill")
@click.argument("name")
@click.option("--from", "begin", required=True, metavar="TIME", help="Where the range begins; a date is its midnight.")
@click.option("--to", "end", metavar="TIME", help="Where it ends, included; a date is its whole day, left out: now.")
@click.option("--every", metavar="LENGTH", help="Fire times at this distance from --from, not the schedule's own.")
@click.option(
    "--overlap",
    type=click.Choice([each.value for each in Overlap]),
    help="allow: side by side; buffer_all: one by one.",
)
@click.option("--max-parallel", type=click.IntRange(1), metavar="N", help="The most runs at once.")
@click.option(
    "--order",
    type=click.Choice([each.value for each in Order]),
    default="oldest",
    show_default=True,
    help="Which go first.",
)
@click.option("--coalesce", is_flag=True, help="One run, from window_start to window_end, for all of the range.")
@click.option("--force", is_flag=True, help="Run also what has had its run; once for each --key.")
@click.option("--key", help="The same key again is the same backfill; left out: the same range and options.")
@click.option("--priority", type=int, metavar="N", help="Left out: 10 below the schedule's.")
@click.option("--dry-run", is_flag=True, help="Show what would become of each fire time; start nothing.")
@click.option("--yes", is_flag=True, help="Also more than 10,000 fire times.")
@click.option("--wait", is_flag=True, help="Wait until it is over: exit 0 if all completed, else 1.")
@output_option
def backfill_schedule(name: str, output: str, *, dry_run: bool, yes: bool, wait: bool, **asked: Any) -> None:
    """Run the fire times of schedule NAME from --from to --to, both included. Prints the id of the backfill.

    TIME is in the schedule's zone, if it has no offset. Each fire time is run at most once: what has had its run is
    left out, and the same command again goes on where it was. It goes behind what is due now, and neither keeps the
    schedule busy nor pauses it. What follows the schedule is told of its runs.
    """
    settings = load_settings()
    schedule = find_schedule(settings, name)
    planned = with_engine(partial(_plan, schedule, asked, yes or dry_run), settings)
    for sentence in planned.notes:
        say(sentence)
    if dry_run:
        _show(planned, schedule, output)
        return
    if planned.idle:
        say(f"There is nothing to run: {_counted(planned.prospects)}.")
        return
    identity, new = with_engine(partial(_begin, schedule, planned), settings, publish)
    _tell(identity, schedule, planned, output, new=new)
    if wait:
        raise SystemExit(wait_for_sweep(identity))


async def _plan(schedule: Schedule, asked: dict[str, Any], sure: bool, engine: Engine) -> Planned:  # noqa: FBT001
    wish, notes = _wish(schedule, asked, await redis_time(engine.redis))
    planned = await plan_backfill(engine, schedule, wish, None if sure else "--yes")
    return replace(planned, notes=[*notes, *planned.notes])


def _wish(schedule: Schedule, asked: dict[str, Any], now: datetime) -> tuple[Wish, list[str]]:
    """Read what was asked for; with what is to be said of it."""
    zone, notes = schedule.timezone, []
    end = read_end(asked["end"], zone) if asked["end"] else now
    if end > now:
        notes.append("--to has not come yet: a backfill is about the past, and ends now.")
        end = now
    wish = Wish(
        begin=read_moment(asked["begin"], zone),
        end=end,
        every=_length(asked["every"]),
        overlap=Overlap(asked["overlap"]) if asked["overlap"] else None,
        max_parallel=asked["max_parallel"],
        order=Order(asked["order"]),
        coalesce=asked["coalesce"],
        force=asked["force"],
        key=asked["key"],
        priority=asked["priority"],
    )
    return wish, notes


def _length(text: str | None) -> timedelta | None:
    try:
        return parse_duration(text) if text else None
    except DurationError as error:
        raise InvalidInput(f"--every: {error}") from error


async def _begin(schedule: Schedule, planned: Planned, engine: Engine) -> tuple[str, bool]:
    told = audited(engine, "schedule.backfill", schedule.name)
    return await begin_backfill(engine, schedule, planned, [told], by=asker())


def _show(planned: Planned, schedule: Schedule, output: str) -> None:
    """List the fire times, each with what would become of it."""
    rows = [
        {**row, "runs": prospect.runs, "becomes": prospect.told}
        for prospect in planned.prospects
        for row in fire_rows([prospect.fire_time], schedule.timezone)
    ]
    show(rows, COLUMNS, output, words={**WORDS, "becomes": lambda told: LONG_ID.sub(r"\1", told)})
    say(f"{_counted(planned.prospects)}. Nothing was started.")


def _tell(identity: str, schedule: Schedule, planned: Planned, output: str, *, new: bool) -> None:
    counts = Counter(prospect.runs for prospect in planned.prospects)
    if output == "table":
        click.echo(identity)
    else:
        fires = {"fires": counts.total(), "to_run": counts[True], "had_their_run": counts[False]}
        show_one({"backfill": identity, "schedule": schedule.name, "new": new, **fires}, output)
    begun = "" if new else "It was begun before, and goes on where it was: "
    say(f"{begun}{_counted(planned.prospects)}. Follow it with: zenbeat sweep show {identity}")


def _counted(prospects: Sequence[Prospect]) -> str:
    """Count fire times, and those that are not run again."""
    had = sum(not prospect.runs for prospect in prospects)
    told = {0: "none of them has had its run", 1: "1 of them has its run already"}
    more = told.get(had, f"{had} of them have their run already")
    if had == len(prospects) > 1:
        more = "all of them have their run already"
    return f"{len(prospects)} fire time{'' if len(prospects) == 1 else 's'}, {more}"
