"""`zenbeat outcome list|tail`: what became of triggers and fire times."""

import sys
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import click
import orjson
from rich.console import Console
from rich.text import Text

from worker.cli.doors import with_engine
from worker.cli.lines import EVENTS
from worker.cli.output import output_option, printable, short_time, show
from worker.domain.outcome import Status
from worker.engine.runtime import Engine

SEEN = 10_000
"""Outcomes that are looked through for those asked for."""

COLUMNS = ["at", "status", "from", "lateness_ms", "reason"]

filters = (
    click.option("--schedule", help="Only those of this schedule."),
    click.option("--status", type=click.Choice([status.value for status in Status]), help="Only with this status."),
)


def _filtered(command: Any) -> Any:
    for option in reversed(filters):
        command = option(command)
    return command


@click.group()
def outcome() -> None:
    """See what became of triggers and fire times."""


@outcome.command("list")
@_filtered
@click.option("-n", "--limit", default=20, show_default=True, help="The most to list.")
@output_option
def list_outcomes(schedule: str | None, status: str | None, limit: int, output: str) -> None:
    """List the newest outcomes, newest first."""
    count = SEEN if schedule or status else limit
    found = with_engine(lambda engine: engine.outcomes.newest(count))
    rows = [_row(entry) for entry in _wanted(found, schedule, status)][:limit]
    show(rows, COLUMNS, output, words={"at": short_time, "status": coloured_status}, empty="no outcomes")


@outcome.command()
@_filtered
@click.option("-f", "--follow", is_flag=True, help="Go on until Ctrl-C.")
@click.option("-n", "--limit", default=10, show_default=True, help="How many to begin with.")
@output_option
def tail(schedule: str | None, status: str | None, follow: bool, limit: int, output: str) -> None:  # noqa: FBT001
    """Print the newest outcomes, a line each, oldest first; with -o json an object a line."""
    with_engine(partial(_tail, schedule, status, follow, limit, output))


async def _tail(
    schedule: str | None,
    status: str | None,
    follow: bool,  # noqa: FBT001 - passed on as click gave it
    limit: int,
    output: str,
    engine: Engine,
) -> None:
    newest = await engine.outcomes.newest(limit)
    last = newest[0]["id"] if newest else "0-0"
    _print(_wanted(newest[::-1], schedule, status), output)
    while follow:
        found = await engine.outcomes.after(last, timedelta(seconds=2))
        last = found[-1]["id"] if found else last
        _print(_wanted(found, schedule, status), output)


def _wanted(found: Iterable[dict[str, str]], schedule: str | None, status: str | None) -> list[dict[str, str]]:
    return [
        entry for entry in found if schedule in (None, entry.get("schedule")) and status in (None, entry.get("status"))
    ]


def _row(entry: dict[str, str]) -> dict[str, Any]:
    return {**entry, "from": origin_of(entry)}


def origin_of(entry: Mapping[str, str]) -> str:
    """Say where a trigger came from: its schedule or sweep, else origin and pipeline."""
    if entry.get("sweep"):
        return f"sweep {entry['sweep'][:6]} #{entry.get('trial', '')}"
    return entry.get("schedule") or f"{entry.get('origin', '')} {entry.get('pipeline', '')}".strip()


def coloured_status(status: str) -> Text:
    """Give a status in its colour."""
    return Text(printable(status), style=EVENTS.get(status, ""))


def _print(entries: Iterable[dict[str, str]], output: str) -> None:
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    for entry in entries:
        if output == "json":
            click.echo(orjson.dumps(entry))
            continue
        told = entry.get("reason") or entry.get("url") or entry.get("run_id", "")
        line = Text(f"{entry.get('at', ''):<24} ")
        line.append(f"{entry.get('status', ''):<9} ", style=EVENTS.get(entry.get("status", ""), ""))
        console.print(line.append(printable(f"{origin_of(entry)}: {told}")))
