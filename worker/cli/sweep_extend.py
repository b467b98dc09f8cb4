"""`zenbeat sweep extend`: more trials for a sweep that was started."""

from dataclasses import replace
from functools import partial

import click

from worker.cli.doors import with_engine
from worker.cli.output import say
from worker.cli.sweeps import find_sweep
from worker.domain.errors import InvalidInput
from worker.domain.schedule import SweepDefinition
from worker.domain.sweepparts import Method
from worker.engine import sweeping
from worker.engine.definitions import decode_sweep
from worker.engine.runtime import Engine
from worker.engine.sweeping import Extended
from worker.settings import Settings, load_settings
from worker.store.sweeprows import Kind, SweepRow

ENDLESS = frozenset({Method.RANDOM, Method.SOBOL, Method.BAYES})
"""Methods whose trials go on and on: run_cap alone says how many there are."""


@click.command()
@click.argument("wanted", metavar="ID|NAME")
@click.option("--by", "more", type=click.IntRange(min=1), help="So many more trials of a random, sobol or bayes sweep.")
def extend(wanted: str, more: int | None) -> None:
    """Give a sweep the trials that its definition has now, and had not when it was started.

    The trials that it had stay as they are, and are not run again. Without --by, the definition is that of the file: a
    larger run_cap, more values of a grid, more points of a list.
    """
    settings = load_settings()
    row, extended = with_engine(partial(_extend, settings, wanted, more), settings)
    click.echo(row.id)
    count = extended.total - extended.before
    if count:
        say(f"{row.name} has {count} more trial{'' if count == 1 else 's'}: {extended.total} in all.")
    else:
        say(f"{row.name} has all {extended.total} trials of its definition already; raise run_cap, or add values.")


async def _extend(settings: Settings, wanted: str, more: int | None, engine: Engine) -> tuple[SweepRow, Extended]:
    row = await sweeping.find(engine, wanted)
    if row.kind is Kind.BACKFILL or more is None:
        known = None if row.kind is Kind.BACKFILL else find_sweep(settings, row.name).definition
    else:
        known = _larger(row, decode_sweep(await engine.sweeps.definition(row.id)), more)
    if known is None:
        raise InvalidInput("a backfill is not extended; start another one for the other range")
    return row, await sweeping.extend(engine, row, known)


def _larger(row: SweepRow, definition: SweepDefinition, more: int) -> SweepDefinition:
    sweep = definition.sweep
    if sweep.method not in ENDLESS or sweep.run_cap is None:
        raise InvalidInput(f"{row.name} is a {sweep.method} sweep: edit its definition, and leave --by out")
    return replace(definition, sweep=replace(sweep, run_cap=sweep.run_cap + more))
