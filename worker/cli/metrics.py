"""`zenbeat metrics`: figures in Prometheus' text format, for a textfile collector or a look."""

from functools import partial

import click

from worker.cli.doors import with_engine
from worker.cli.schedules import read_schedules
from worker.engine.exposition import as_text
from worker.engine.metrics import collect
from worker.settings import load_settings


@click.command()
def metrics() -> None:
    """Print what there is to watch: the ledger's holes, what waits, who is alive, whether ZenML is held back.

    In Prometheus' text format; for node_exporter, write it into a file of its textfile collector every minute.
    """
    settings = load_settings()
    schedules = read_schedules(settings).schedules
    found = with_engine(partial(collect, schedules=schedules), settings)
    click.echo(as_text(found), nl=False)
