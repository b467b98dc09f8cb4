"""Figures as Prometheus reads them."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from worker.engine.metrics import Metric

PREFIX = "zenbeat"
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def as_text(found: Iterable[Metric]) -> str:
    """Give figures in Prometheus' text format."""
    registry = CollectorRegistry()
    gauges: dict[str, Gauge] = {}
    for metric in found:
        if metric.name not in gauges:
            labels = tuple(metric.labels)
            gauges[metric.name] = Gauge(metric.name, metric.help, labels, namespace=PREFIX, registry=registry)
        gauge = gauges[metric.name]
        (gauge.labels(**metric.labels) if metric.labels else gauge).set(metric.value)
    return generate_latest(registry).decode()
