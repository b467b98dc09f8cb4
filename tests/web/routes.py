"""Which pages there are: read off the application, so that none that is added is forgotten."""

from enum import Enum
from itertools import product
from typing import get_args

from fastapi.routing import APIRoute

from worker.engine.trialexport import FORMATS
from worker.web.app import ROUTERS

STREAMS = frozenset({"/live"})

FILES = frozenset({"/assets/{digest}/{name}"})

DOWNLOADS = frozenset(
    f"/sweeps/{{identity}}/{name}"
    for name in ("trials.json", "trials.csv", "trials.jsonl", "trials.parquet", "definition.yaml")
)
"""Guarded as pages are, and none themselves."""


def routes() -> list[APIRoute]:
    return [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def pages(method: str = "GET") -> list[str]:
    """Give the addresses of all pages, or those to which forms are sent; with what they leave open in braces."""
    found = {route.path for route in routes() if method in (route.methods or ())}
    return sorted(found - STREAMS - FILES - DOWNLOADS)


def route_of(path: str) -> APIRoute:
    return next(route for route in routes() if route.path == path and "GET" in (route.methods or ()))


def queries(path: str) -> list[str]:
    """Give the names of what may stand in the query of a page."""
    dependants, names = [route_of(path).dependant], set()
    while dependants:
        dependant = dependants.pop()
        dependants += dependant.dependencies
        names |= {field.alias for field in dependant.query_params}
    return sorted(names)


def spelled(path: str) -> list[str]:
    """Give the addresses of a page with every word that may stand in it; what is the name of a thing stays open."""
    choices = {"form": list(FORMATS)}
    for field in route_of(path).dependant.path_params:
        kind = field.field_info.annotation
        words = [word.value for word in kind] if isinstance(kind, type) and issubclass(kind, Enum) else get_args(kind)
        if words:
            choices[field.alias] = list(words)
    open_ones = [name for name in choices if f"{{{name}}}" in path]
    found = []
    for words in product(*(choices[name] for name in open_ones)):
        address = path
        for name, word in zip(open_ones, words, strict=True):
            address = address.replace(f"{{{name}}}", str(word))
        found.append(address)
    return found
