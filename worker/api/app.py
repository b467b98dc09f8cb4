"""The application: every route under its prefix, the errors, and the OpenAPI."""

import re
from collections.abc import Iterable
from functools import partial
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from worker import __version__
from worker.api import (
    audit,
    cron,
    docs,
    events,
    health,
    hooks,
    outcomes,
    problems,
    schedulechanges,
    schedules,
    schedulesteering,
    sweeps,
    sweepsteering,
    triggers,
    triggersteering,
)
from worker.api.context import Context

API = "/api/v1"

ABOUT = """\
Queue pipeline runs, look at what became of them, and steer schedules and sweeps.

What is answered with `202` is on record, and is started once. Errors are `application/problem+json`.
Every list comes in pages: `next` is the `cursor` of the one that follows."""

TAGS = [
    {"name": "triggers", "description": "Requests for one run each."},
    {"name": "schedules", "description": "What is due when; made over the API, or in files."},
    {"name": "sweeps", "description": "Many runs over a space of parameters."},
    {"name": "outcomes", "description": "What became of triggers and fire times."},
    {"name": "cron", "description": "When a cron expression is due."},
    {"name": "audit", "description": "Who changed what, and who was refused."},
    {"name": "hooks", "description": "Webhooks of other applications."},
    {"name": "health", "description": "Whether zenbeat is well."},
]


UNDER_API = (
    triggers.router,
    triggersteering.router,
    schedules.router,
    schedulechanges.router,
    schedulesteering.router,
    sweeps.router,
    sweepsteering.router,
    outcomes.router,
    cron.router,
    audit.router,
    events.router,
)

BESIDE_IT = (hooks.router, health.router, docs.router)

KEY = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key: `zb_…`. None is needed on the machine itself, before the first one is made.",
}


def make_app(context: Context) -> FastAPI:
    """Make the application. The tasks of `context` have to be kept going beside it."""
    app = FastAPI(
        title="zenbeat",
        version=__version__,
        description=ABOUT,
        openapi_tags=TAGS,
        docs_url=None,
        openapi_url=None,  # in worker.api.docs, for who has a key
        redoc_url=None,
        responses=problems.REFUSALS,
        redirect_slashes=False,
    )
    app.state.context = context
    problems.register(app)
    app.add_exception_handler(405, partial(_allow, app))
    app.state.gauges = health.Gauges(context)
    for router in UNDER_API:
        app.include_router(router, prefix=API)
    for router in BESIDE_IT:
        app.include_router(router)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
        )
        parts = schema["components"]
        shapes = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        parts["schemas"].update({**shapes.pop("$defs"), "Problem": shapes})
        for name, shape in parts["schemas"].items():
            if name.endswith("Page"):
                _make_sparse(shape["properties"]["items"], parts["schemas"])
        parts["securitySchemes"] = {"key": KEY}
        schema["security"] = [{"key": []}]
        app.openapi_schema = schema
    return app.openapi_schema


def _make_sparse(items: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Say that an item of a page has only those fields that were asked for."""
    whole = schemas[items["items"]["$ref"].rpartition("/")[2]]
    items["items"] = {key: value for key, value in whole.items() if key not in {"required", "title"}}


def _allow(app: FastAPI, request: Request, error: HTTPException) -> Response:
    """Answer 405 with every method of the path: the framework knows those of one route only."""
    path = request.url.path
    known = {method.upper() for pattern, methods in _paths(app) if pattern.fullmatch(path) for method in methods}
    headers = {"Allow": ", ".join(sorted(known or {"GET"}))}
    return problems.of_framework(request, HTTPException(error.status_code, headers=headers))


def _paths(app: FastAPI) -> list[tuple[re.Pattern[str], Iterable[str]]]:
    return [(compile_path(path)[0], methods) for path, methods in app.openapi()["paths"].items()]
