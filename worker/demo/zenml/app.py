"""The application: which routes a version has, and what stands around them."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from worker.demo.zenml.changing import Changing
from worker.demo.zenml.door import Door, Handler
from worker.demo.zenml.options import DemoOptions
from worker.demo.zenml.own import Own
from worker.demo.zenml.reading import Reading
from worker.demo.zenml.runshapes import RunShapes
from worker.demo.zenml.shapes import Shapes
from worker.demo.zenml.spoiling import Labels, Spoiler
from worker.demo.zenml.state import DemoState
from worker.demo.zenml.versions import PROJECTS, SNAPSHOTS, STOP

API = "/api/v1"
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]

Table = dict[tuple[str, str], Handler]
"""Handlers by method and path."""


def demo_app(options: DemoOptions) -> Starlette:
    """Make the application; `app.state.demo` is its DemoState. Raises ValueError for a version it cannot play."""
    state = DemoState(options)
    shapes = Shapes(state)
    run_shapes = RunShapes(shapes)
    reading, changing = Reading(state, shapes, run_shapes), Changing(state, shapes, run_shapes)
    own, door = Own(state, run_shapes), Door(state)
    guarded = _reads(state, reading) | _changes(state, changing)
    app = Starlette(
        routes=[
            *_own_routes(own),
            *_open_routes(door, reading, paths=guarded),
            *(Route(path, door.guarded(handler), methods=[verb]) for (verb, path), handler in guarded.items()),
            Route("/{path:path}", own.fallback, methods=METHODS),
        ],
        middleware=[Middleware(Labels, state=state), Middleware(Spoiler, state=state)],
        exception_handlers={Exception: _broken},
    )
    app.state.demo = state
    return app


def _own_routes(own: Own) -> list[Route]:
    return [
        Route("/demo", own.page),
        Route("/runs/{run_id:uuid}", own.page),
        Route("/projects/{project}/runs/{run_id:uuid}", own.page),
        Route("/demo/runs/{run_id:uuid}/end", own.end_run, methods=["POST"]),
        Route("/demo/faults", own.faults),
        Route("/demo/faults", own.add_fault, methods=["POST"]),
        Route("/demo/faults", own.clear_faults, methods=["DELETE"]),
    ]


def _open_routes(door: Door, reading: Reading, *, paths: Table) -> list[Route]:
    described: dict[str, dict[str, object]] = {}
    for verb, path in paths:
        described.setdefault(path, {})[verb.lower()] = {}

    async def openapi(_: Request) -> Response:
        return JSONResponse({"openapi": "3.1.0", "info": {"title": "zenbeat demo", "version": ""}, "paths": described})

    return [
        Route("/health", door.open(reading.ok)),
        Route("/ready", door.open(reading.ok)),
        Route("/openapi.json", openapi),
        Route(f"{API}/info", door.open(reading.info)),
        Route(f"{API}/version", door.open(reading.version)),
        Route(f"{API}/login", door.open(reading.login), methods=["POST"]),
    ]


def _reads(state: DemoState, reading: Reading) -> Table:
    scope = "projects" if state.version >= PROJECTS else "workspaces"
    lists = {"pipelines": reading.pipelines, "run_templates": reading.templates, "runs": reading.runs}
    things: dict[str, Handler] = {
        "api_token": reading.api_token,
        "current-user": reading.user,
        scope: reading.projects,
        f"{scope}/{{project}}": reading.project,
        "pipelines/{pipeline_id}": reading.pipeline,
        "run_templates/{template_id}": reading.template,
        "runs/{run_id}": reading.run,
        "runs/{run_id}/status": reading.run_status,
        "runs/{run_id}/steps": reading.run_steps,
        "steps": reading.steps,
    }
    if state.version >= SNAPSHOTS:
        lists["pipeline_snapshots"] = reading.snapshots
        things["pipeline_snapshots/{snapshot_id}"] = reading.snapshot
    for name, handler in lists.items():
        # The routes below a workspace outlived the workspaces.
        things |= {name: handler, f"workspaces/{{workspace}}/{name}": handler}
    return {("GET", f"{API}/{path}"): handler for path, handler in things.items()}


def _changes(state: DemoState, changing: Changing) -> Table:
    table: Table = {
        ("DELETE", "pipelines/{pipeline_id}"): changing.delete_pipeline,
        ("POST", "run_templates"): changing.create_template,
        ("PUT", "run_templates/{template_id}"): changing.update_template,
        ("DELETE", "run_templates/{template_id}"): changing.delete_template,
        ("PUT", "runs/{run_id}"): changing.update_run,
        ("DELETE", "runs/{run_id}"): changing.delete_run,
    }
    if state.version >= STOP:
        table["POST", "runs/{run_id}/stop"] = changing.stop
    if state.options.can_trigger:
        table["POST", "run_templates/{template_id}/runs"] = changing.start_template
    if state.version >= SNAPSHOTS:
        table["PUT", "pipeline_snapshots/{snapshot_id}"] = changing.update_snapshot
        table["DELETE", "pipeline_snapshots/{snapshot_id}"] = changing.delete_snapshot
        if state.options.can_trigger:
            table["POST", "pipeline_snapshots/{snapshot_id}/runs"] = changing.start_snapshot
    return {(verb, f"{API}/{path}"): handler for (verb, path), handler in table.items()}


async def _broken(_: Request, __: Exception) -> Response:
    return PlainTextResponse("Internal Server Error", 500, {"X-Zenbeat-Demo": "true"})
