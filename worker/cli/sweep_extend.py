"""`zenbeat sweep extend`: more trials for a sweep that was started."""

from functools import partial

import click

from worker.cli.auditing import audited
from worker.cli.doors import with_engine
from worker.cli.output import say
from worker.cli.schedules import read_files
from worker.domain.errors import InvalidInput
from worker.engine import sweeping
from worker.engine.newsweeps import find_defined
from worker.engine.runtime import Engine
from worker.engine.sweeping import NO_LARGER, Extended
from worker.settings import load_settings
from worker.source import Definitions
from worker.store.sweeprows import Kind, SweepRow


@click.command()
@click.argument("wanted", metavar="ID|NAME")
@click.option("--by", "more", type=click.IntRange(min=1), help="So many more trials of a random, sobol or bayes sweep.")
def extend(wanted: str, more: int | None) -> None:
    """Give a sweep the trials that its definition has now, and had not when it was started.

    The trials that it had stay as they are, and are not run again. Without --by, the definition is that of the file: a
    larger run_cap, more values of a grid, more points of a list.
    """
    settings = load_settings()
    defined = read_files(settings) if more is None else Definitions()
    row, extended = with_engine(partial(_extend, defined, wanted, more), settings)
    click.echo(row.id)
    count = extended.total - extended.before
    if count:
        say(f"{row.name} has {count} more trial{'' if count == 1 else 's'}: {extended.total} in all.")
    else:
        say(f"{row.name} has all {extended.total} trials of its definition already; raise run_cap, or add values.")


async def _extend(defined: Definitions, wanted: str, more: int | None, engine: Engine) -> tuple[SweepRow, Extended]:
    row = await sweeping.find(engine, wanted)
    if more is not None:
        known = await sweeping.larger(engine, row, more)
    elif row.kind is Kind.BACKFILL:
        raise InvalidInput(NO_LARGER)
    else:
        known = find_defined(defined, row.name, f" in {engine.settings.schedules_dir}").definition
    told = audited(engine, "sweep.extend", row.id, reason=row.name)
    return row, await sweeping.extend(engine, row, known, [told])
