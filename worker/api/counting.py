"""What this process has answered: figures for Prometheus beside those of the whole installation."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import Scope

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

NOWHERE = "none"
"""The route of a path that there is not: what callers make up must not become a label."""

BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)


class Counters:
    """The counters of one API process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        named: dict[str, Any] = {"namespace": "zenbeat_api", "registry": self._registry}
        what = "Requests that this process has answered; status 0 where the caller left first."
        self._requests = Counter("requests", what, ("method", "route", "status"), **named)
        what = "Seconds until the whole answer was sent; of a stream, how long it was open."
        self._seconds = Histogram("request_seconds", what, ("route",), buckets=BUCKETS, **named)
        self._gauge = Gauge("streams", "Event streams that are open at this process.", **named)
        self.streams = 0
        """How many event streams are open."""

    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        """Count a request."""
        route = route_of(scope)
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._requests.labels(method=method, route=route, status=str(status)).inc()
        self._seconds.labels(route=route).observe(seconds)

    @contextmanager
    def streaming(self) -> Iterator[None]:
        """Count an event stream for as long as it is open."""
        self.streams += 1
        self._gauge.set(self.streams)
        try:
            yield
        finally:
            self.streams -= 1
            self._gauge.set(self.streams)

    def text(self) -> str:
        """Give all of it in Prometheus' text format."""
        return generate_latest(self._registry).decode()


def route_of(scope: Scope) -> str:
    """Name the route that answered, with the prefix under which it was included: the framework tells only the rest."""
    part = getattr(scope.get("route"), "path_format", None)
    if part is None:
        return NOWHERE
    asked = part.format(**scope.get("path_params", {}))
    prefix = scope["path"].removesuffix(asked)
    return prefix + part if prefix + asked == scope["path"] else str(part)
