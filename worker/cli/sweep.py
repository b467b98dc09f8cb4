"""`zenbeat sweep plan|run|list|show|cancel`."""

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any
from uuid import uuid4

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from worker.cli.doors import with_engine
from worker.cli.output import output_option, say, show, show_one
from worker.cli.schedules import read_schedules
from worker.domain.errors import InvalidInput
from worker.domain.nearest import did_you_mean
from worker.domain.outcome import Status
from worker.domain.schedule import SweepDefinition
from worker.domain.trigger import ACTIVE, Origin, TriggerState, trial_source, trigger_id
from worker.engine.definitions import decode_sweep
from worker.engine.recorder import origin_fields
from worker.engine.runtime import Engine, clock
from worker.settings import load_settings
from worker.store.codec import decode_trigger
from worker.store.sweeps import SweepRow

MOST = 1_000
CHUNK = 500


@click.group()
def sweep() -> None:
    """Plan, run and follow parameter sweeps, as the schedule files define them."""


def _find(name: str) -> SweepDefinition:
    settings = load_settings()
    known = {definition.name: definition for definition in read_schedules(settings).sweeps}
    if name not in known:
        raise InvalidInput(f'there is no sweep "{name}" in {settings.schedules_dir}{did_you_mean(name, known)}')
    return known[name]


@sweep.command()
@click.argument("name")
@click.option("-n", "--limit", default=10, show_default=True, help="How many trials to show.")
@output_option
def plan(name: str, limit: int, output: str) -> None:
    """Show what sweep NAME would run: the number of its trials, and the first of them. Starts nothing."""
    definition = _find(name)
    trials = [{"trial": number, **point} for number, point in enumerate(definition.sweep.head(limit), start=1)]
    _show_trials(trials, definition.sweep.parameters, [], output)
    parallel = definition.sweep.max_parallel
    bound = f", at most {parallel} at once" if parallel else ""
    say(f"{definition.sweep.size} trials of {definition.target.pipeline}{bound}; start them: zenbeat sweep run {name}")


@sweep.command()
@click.argument("name")
@click.option("--key", help="The same key again is the same sweep, however often it is asked for.")
@click.option("--wait", is_flag=True, help="Wait until every trial has started; exit 1 if one could not.")
@output_option
def run(name: str, key: str | None, wait: bool, output: str) -> None:  # noqa: FBT001 - click passes options by name
    """Start sweep NAME. Prints its id; the beat at work records the trials."""
    definition = _find(name)
    identity, new = with_engine(lambda engine: engine.fanout.start(definition, key or uuid4().hex))
    if not new:
        say("It was started before with this key; nothing new was started.")
    if output == "table":
        click.echo(identity)
    else:
        show_one({"sweep": identity, "name": name, "trials": definition.sweep.size, "new": new}, output)
    if wait:
        raise SystemExit(with_engine(partial(_wait, identity)))


async def _wait(identity: str, engine: Engine) -> int:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        row = await _row(identity, engine)
        task = progress.add_task(row.name, total=row.total)
        while not row.done:
            await asyncio.sleep(0.5)
            row = await _row(identity, engine)
            progress.update(task, total=row.total, completed=row.started + row.dead + row.cancelled)
    say(_counts(row))
    return 1 if row.dead else 0


def _counts(row: SweepRow) -> str:
    parts = {"started": row.started, "waiting": row.open, "dead": row.dead, "cancelled": row.cancelled}
    counted = ", ".join(f"{count} {word}" for word, count in parts.items() if count)
    ended = f"; ended {row.ended}" if row.ended else ""
    return f"{row.name}: {row.recorded} of {row.total} trials recorded" + (f"; {counted}" if counted else "") + ended


async def _row(wanted: str, engine: Engine) -> SweepRow:
    """Find a sweep by its id, or the newest of a name."""
    found = await engine.sweeps.get(wanted)
    if found is not None:
        return found
    newest = await engine.sweeps.newest(MOST)
    named = next((row for row in newest if row.name == wanted or row.id.startswith(wanted)), None)
    if named is None:
        raise InvalidInput(f'there is no sweep "{wanted}"{did_you_mean(wanted, {row.name for row in newest})}')
    return named


@sweep.command("list")
@click.option("-n", "--limit", default=20, show_default=True, help="The most to list.")
@output_option
def list_sweeps(limit: int, output: str) -> None:
    """List the sweeps that were started, newest first."""
    found = with_engine(lambda engine: engine.sweeps.newest(limit))
    columns = ["sweep", "name", "total", "started", "dead"]
    rows = [
        {
            "sweep": row.id,
            "name": row.name,
            "total": row.total,
            "recorded": row.recorded,
            "started": row.started,
            "open": row.open,
            "dead": row.dead,
            "cancelled": row.cancelled,
            "created": row.created,
        }
        for row in found
    ]
    show(rows, columns, output, empty="no sweeps")


@sweep.command("show")
@click.argument("wanted", metavar="ID|NAME")
@click.option("-n", "--limit", default=20, show_default=True, help="How many trials to show.")
@click.option("--from", "first", default=1, show_default=True, help="The first trial to show.")
@output_option
def show_sweep(wanted: str, limit: int, first: int, output: str) -> None:
    """Show a sweep: how far it is, and its trials with their parameters and runs."""
    row, trials = with_engine(partial(_trials, wanted, first, limit))
    parameters = decode_sweep(row.data).sweep.parameters
    _show_trials(trials, parameters, ["state", "run_id"], output)
    say(_counts(row))


async def _trials(wanted: str, first: int, limit: int, engine: Engine) -> tuple[SweepRow, list[dict[str, Any]]]:
    row = await _row(wanted, engine)
    definition = decode_sweep(row.data)
    numbers = range(max(first, 1), min(max(first, 1) + limit, row.total + 1))
    found = await engine.triggers.get(_ids(row, numbers))
    return row, [
        {
            "trial": number,
            **definition.sweep.trial(number),
            "state": fields.get("state", "not recorded yet"),
            "run_id": fields.get("run_id"),
            "url": fields.get("url"),
            "reason": fields.get("reason"),
        }
        for number, fields in zip(numbers, found, strict=True)
    ]


def _ids(row: SweepRow, numbers: Sequence[int]) -> list[str]:
    return [trigger_id(Origin.SWEEP, trial_source(row.id, number)) for number in numbers]


def _show_trials(trials: list[dict[str, Any]], parameters: Collection[str], more: list[str], output: str) -> None:
    """Print trials; a table has the last word of each parameter's path, where that is clear, and six digits."""
    last = Counter(name.rsplit(".", 1)[-1] for name in parameters)
    names = {name: short if last[short := name.rsplit(".", 1)[-1]] == 1 else name for name in parameters}
    if output != "table":
        names = {name: name for name in parameters}
    rows = [{names.get(key, key): value for key, value in trial.items()} for trial in trials]
    show(rows, ["trial", *names.values(), *more], output, words=dict.fromkeys(names.values(), _number))


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


@sweep.command()
@click.argument("wanted", metavar="ID|NAME")
def cancel(wanted: str) -> None:
    """End a sweep: no more trials are recorded, and those that were not sent yet are withdrawn."""
    row, count = with_engine(partial(_cancel, wanted))
    say(f"{row.name} ended after {row.recorded} trials; {count} of them were not sent yet and are cancelled.")


async def _cancel(wanted: str, engine: Engine) -> tuple[SweepRow, int]:
    row = await _row(wanted, engine)
    await engine.sweeps.stop(row.id, row.recorded, "cancelled by hand")
    count = 0
    for begin in range(1, row.recorded + 1, CHUNK):
        ids = _ids(row, range(begin, min(begin + CHUNK, row.recorded + 1)))
        for fields in await engine.triggers.get(ids):
            if fields.get("state") in ACTIVE:
                count += await _withdraw(fields, engine)
    return row, count


async def _withdraw(fields: dict[str, str], engine: Engine) -> bool:
    trigger = decode_trigger(fields["data"].encode())
    reason = "its sweep was cancelled"
    outcome = {"status": Status.CANCELLED.value, **origin_fields(trigger), "at": clock(), "reason": reason}
    before = await engine.triggers.withdraw(trigger.id, TriggerState.CANCELLED, outcome)
    return before in (TriggerState.WAITING, TriggerState.DISPATCHED)
