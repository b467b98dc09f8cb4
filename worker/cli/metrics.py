"""`zenbeat metrics`: figures in Prometheus' text format, for a textfile collector or a look."""

from functools import partial

import click
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from worker.cli.doors import with_engine
from worker.cli.schedules import read_schedules
from worker.engine.metrics import Metric, collect
from worker.settings import load_settings

PREFIX = "zenbeat"


@click.command()
def metrics() -> None:
    """Print what there is to watch: the ledger's holes, what waits, who is alive, whether ZenML is held back.

    In Prometheus' text format; for node_exporter, write it into a file of its textfile collector every minute.
    """
    settings = load_settings()
    schedules = read_schedules(settings).schedules
    found = with_engine(partial(collect, schedules=schedules), settings)
    click.echo(_text(found), nl=False)


def _text(found: list[Metric]) -> str:
    registry = CollectorRegistry()
    gauges: dict[str, Gauge] = {}
    for metric in found:
        if metric.name not in gauges:
            labels = tuple(metric.labels)
            gauges[metric.name] = Gauge(metric.name, metric.help, labels, namespace=PREFIX, registry=registry)
        gauge = gauges[metric.name]
        (gauge.labels(**metric.labels) if metric.labels else gauge).set(metric.value)
    return generate_latest(registry).decode()
