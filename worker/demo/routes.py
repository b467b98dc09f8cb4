"""The demo server's routes: what zenbeat asks of ZenML, with ZenML's own odd shapes of error (seen on 0.98)."""

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from html import escape
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from worker.demo import views
from worker.demo.faults import Faults, Faulty
from worker.demo.listing import BadFilter, page
from worker.demo.state import PROJECT, STEPS, DemoRun, DemoState, Runnable

KEPT = timedelta(seconds=300)
"""How long an answer is repeated for its Idempotency-Key."""

TOP_LEVEL = frozenset(
    {"run_name", "steps", "tags", "settings", "extra", "model", "retry", "substitutions", "parameters", "schedule"}
    | {"build", "enable_cache", "enable_artifact_metadata", "enable_artifact_visualization", "enable_step_logs"}
    | {"failure_hook_source", "success_hook_source"}
)
"""Fields that a server before 0.82 knows; it refuses all others."""


class Problem(Exception):
    """An answer that is an error, as ZenML puts it."""

    def __init__(self, status: int, kind: str, text: str, *, bare: bool = False) -> None:
        super().__init__(text)
        self.status = status
        self.body: Any = [kind, text] if bare else {"detail": [kind, text] if kind else text}


def missing(what: str, identity: object) -> Problem:
    """ZenML's 404."""
    return Problem(404, "KeyError", f"\"Unable to get {what} with ID '{identity}': No {what} with this ID found\"")


class Routes:
    """The handlers over one state."""

    def __init__(self, state: DemoState, faults: Faults) -> None:
        self.state = state
        self.faults = faults

    def table(self) -> list[Route]:
        """List the routes that this version has."""
        new = self.state.options.at_least("0.80.0")
        scope = "/api/v1" if new else "/api/v1/workspaces/{workspace}"
        lists = [("pipelines", self.pipelines), ("run_templates", self.templates), ("runs", self.runs)]
        routes = [Route(f"{scope}/{name}", handler) for name, handler in lists]
        routes += [
            Route("/api/v1/info", self.info),
            Route("/api/v1/login", self.login, methods=["POST"]),
            Route("/api/v1/run_templates/{id}", self.template),
            Route("/api/v1/runs/{id}", self.run),
            Route("/api/v1/runs/{id}/status", self.run_status),
            Route("/api/v1/runs/{id}/stop", self.stop, methods=["POST"]),
            Route("/openapi.json", self.openapi),
            Route("/health", ok),
            Route("/ready", ok),
            Route("/", self.page),
            Route("/demo", self.page),
            Route("/projects/{project}/runs/{id}", self.run_page),
            Route("/runs/{id}", self.run_page),
            Route("/demo/faults", self.add_fault, methods=["POST"]),
        ]
        if self.state.options.can_trigger:
            routes.append(Route("/api/v1/run_templates/{id}/runs", self.start_template, methods=["POST"]))
        if self.state.options.at_least("0.90.0"):
            routes.append(Route("/api/v1/pipeline_snapshots", self.snapshots))
            routes.append(Route("/api/v1/pipeline_snapshots/{id}", self.snapshot))
            if self.state.options.can_trigger:
                routes.append(Route("/api/v1/pipeline_snapshots/{id}/runs", self.start_snapshot, methods=["POST"]))
        return routes

    # --- who

    async def info(self, request: Request) -> Response:
        """Say what this is. `name` says that it is a demo."""
        about = {
            "id": str(UUID(int=0)),
            "name": "zenbeat demo server: nothing here is real",
            "version": self.state.options.version,
            "active": True,
            "deployment_type": "other",
            "auth_scheme": "OAUTH2_PASSWORD_BEARER",
            "server_url": str(request.base_url).rstrip("/"),
        }
        return JSONResponse(about)

    async def login(self, request: Request) -> Response:
        """Exchange an API key for a token; form-encoded only."""
        if "form-urlencoded" not in request.headers.get("content-type", ""):
            raise Problem(400, "", "Invalid request: username is required.")
        form = parse_qs((await request.body()).decode())
        if form.get("password") != [self.state.options.api_key]:
            raise Problem(401, "CredentialsNotValid", "Authentication error: invalid API key")
        token, seconds = self.state.login()
        return JSONResponse({"access_token": token, "token_type": "bearer", "expires_in": seconds})

    def _admit(self, request: Request) -> None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not token:
            raise Problem(401, "", "Not authenticated")
        if token == self.state.options.api_key and self.state.options.at_least("0.91.2"):
            return
        ends = self.state.tokens.get(token, self.state.options.now())
        if ends is not None and ends <= self.state.options.now():
            text = "Authentication error: error decoding access token: Invalid JWT token: Signature has expired."
            raise Problem(401, "CredentialsNotValid", text)

    # --- lists and things

    def _page(self, request: Request, items: list[dict[str, Any]], value: Any) -> Response:
        self._admit(request)
        project = request.query_params.get("project") or request.path_params.get("workspace", "default")
        if project not in {"default", str(PROJECT)}:
            raise Problem(404, "KeyError", f"\"Unable to get project with ID '{project}'\"")
        try:
            return JSONResponse(page(items, request.query_params.multi_items(), value))
        except BadFilter as error:
            raise Problem(422, "ValueError", str(error), bare=True) from error

    async def pipelines(self, request: Request) -> Response:
        """List pipelines."""
        return self._page(request, [views.pipeline(self.state, name) for name in self.state.pipelines], _plain)

    async def templates(self, request: Request) -> Response:
        """List run templates."""
        return self._page(request, self._shown(request, self.state.templates), _template_value)

    async def snapshots(self, request: Request) -> Response:
        """List snapshots; `pipeline_id` is no filter here, and is ignored."""
        return self._page(request, self._shown(request, self.state.snapshots), _snapshot_value)

    def _shown(self, request: Request, items: list[Runnable]) -> list[dict[str, Any]]:
        hydrate = request.query_params.get("hydrate") == "true"
        return [views.runnable(self.state, item, hydrate=hydrate, schema=True) for item in items]

    async def template(self, request: Request) -> Response:
        """Show a run template with configuration and schema."""
        self._admit(request)
        item = _find(self.state.templates, request, "run template")
        return JSONResponse(views.runnable(self.state, item, hydrate=True, schema=True))

    async def snapshot(self, request: Request) -> Response:
        """Show a snapshot, with its schema where asked for."""
        self._admit(request)
        schema = request.query_params.get("include_config_schema") == "true"
        item = _find(self.state.snapshots, request, "pipeline snapshot")
        return JSONResponse(views.runnable(self.state, item, hydrate=True, schema=schema))

    async def runs(self, request: Request) -> Response:
        """List runs."""
        shown = [views.run(self.state, item) for item in self._candidates(request)]
        return self._page(request, shown, self._run_value)

    def _candidates(self, request: Request) -> list[DemoRun]:
        """Go by the index of names where one name is asked for, as a database would."""
        wanted = request.query_params.get("name", "")
        if not wanted.startswith("equals:"):
            return list(self.state.runs.values())
        found = self.state.names.get(wanted.removeprefix("equals:"))
        return [self.state.runs[found]] if found else []

    def _run_value(self, item: dict[str, Any], name: str) -> str | list[str] | None:
        tag_filter = "tags" if self.state.options.at_least("0.80.0") else "tag"
        if name == tag_filter:
            return [tag["name"] for tag in item["resources"]["tags"]]
        if name in {"status", "pipeline_id"}:
            return str(item["body"][name])
        return _plain(item, name)

    def _one_run(self, request: Request) -> DemoRun:
        self._admit(request)
        found: DemoRun = _find(list(self.state.runs.values()), request, "pipeline run")
        return found

    async def run(self, request: Request) -> Response:
        """Show a run."""
        return JSONResponse(views.run(self.state, self._one_run(request)))

    async def run_status(self, request: Request) -> Response:
        """Show a run's status alone."""
        return JSONResponse(self._one_run(request).status(self.state.options.now()))

    async def stop(self, request: Request) -> Response:
        """Stop a run."""
        self._one_run(request).stopped = self.state.options.now()
        return JSONResponse(None)

    # --- starting

    async def start_template(self, request: Request) -> Response:
        """Start a run from a template; the body is the bare run configuration."""
        return await self._start(request, self.state.templates, "run template", lambda body: body)

    async def start_snapshot(self, request: Request) -> Response:
        """Start a run from a snapshot. A bare configuration is silently ignored, as ZenML does."""
        wrapped = lambda body: body.get("run_configuration") or {}  # noqa: E731 - as short as what it says
        return await self._start(request, self.state.snapshots, "pipeline snapshot", wrapped)

    async def _start(
        self, request: Request, items: list[Runnable], what: str, unwrap: Callable[[Any], Mapping[str, Any]]
    ) -> Response:
        self._admit(request)
        self.state.posts += 1
        source = _find(items, request, what)
        config = unwrap(await _json(request))
        key = request.headers.get("idempotency-key")
        if key is None or not self.state.options.at_least("0.83.1"):
            return JSONResponse(views.run(self.state, self._launch(source, config)))
        if _uuid(key) is None:
            return PlainTextResponse("Internal Server Error", 500)
        slot = (key, str(request.url))
        now = self.state.options.now()
        when, run_id = self.state.replies.get(slot, (now - KEPT, None))
        if run_id is None or now - when >= KEPT:
            run_id = self._launch(source, config).id
            self.state.replies[slot] = (now, run_id)
        return JSONResponse(views.run(self.state, self.state.runs[run_id]))

    def _launch(self, source: Runnable, config: Mapping[str, Any]) -> DemoRun:
        self._check(source, config)
        name = config.get("run_name")
        if name in self.state.names:
            text = f"Pipeline run name '{name}' already exists in this project. Please use a different name."
            raise Problem(409, "EntityExistsError", text)
        if self.state.full():
            text = "Maximum number of concurrent snapshot tasks reached."
            raise Problem(429, "MaxConcurrentTasksError", text)
        return self.state.launch(source, config)

    def _check(self, source: Runnable, config: Mapping[str, Any]) -> None:
        """Refuse what ZenML refuses, and no more: unknown steps and fields start a run that ignores them."""
        options = self.state.options
        strange = set(config) - TOP_LEVEL
        if strange and not options.at_least("0.82.0"):
            raise Problem(422, "ValueError", f"1 validation error: extra_forbidden {sorted(strange)}", bare=True)
        for word in ("parameters", "build", "schedule"):
            if config.get(word):
                raise Problem(400, "ValueError", f"Can't set {word} via the REST API.")
        if len(str(config.get("run_name") or "")) > 255:
            raise Problem(422, "ValueError", "1 validation error for PipelineRunRequest: name too long")
        for step, known in STEPS[source.pipeline].items():
            self._check_step(step, known, ((config.get("steps") or {}).get(step) or {}).get("parameters") or {})

    def _check_step(self, step: str, known: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        unknown = set(given) - set(known)
        if unknown:
            text = f"Run configuration contains the following unknown parameters for step {step}: {unknown}."
            raise Problem(400, "ValueError", text)
        lacking = set(known) - set(given)
        if lacking and not self.state.options.at_least("0.82.1"):
            text = f"Run configuration is missing the following required parameters for step {step}: {lacking}."
            raise Problem(400, "ValueError", text)

    # --- the demo itself

    async def openapi(self, request: Request) -> Response:
        """Name the routes, as `doctor` looks for them."""
        paths: dict[str, dict[str, Any]] = {}
        for route in self.table():
            named = route.path.replace("run_templates/{id}", "run_templates/{template_id}")
            named = named.replace("pipeline_snapshots/{id}", "pipeline_snapshots/{snapshot_id}")
            paths[named] = {method.lower(): {} for method in route.methods or ()}
        return JSONResponse({"paths": paths})

    async def add_fault(self, request: Request) -> Response:
        """Let the next matching requests go wrong; the body has the fields of `Fault`."""
        self.faults.add(**await request.json())
        return JSONResponse({"waiting": len(self.faults.waiting)}, 201)

    async def page(self, request: Request) -> Response:
        """Show the newest runs to a person."""
        now = self.state.options.now()
        rows = "".join(
            f"<tr><td>{escape(run.name)}<td>{escape(run.pipeline)}<td>{run.status(now)}"
            for run in list(self.state.runs.values())[:-101:-1]
        )
        return HTMLResponse(PAGE.format(rows=rows, started=self.state.started))

    async def run_page(self, request: Request) -> Response:
        """Show one run to a person who followed its link."""
        run: DemoRun = _find(list(self.state.runs.values()), request, "pipeline run")
        status = run.status(self.state.options.now())
        config = escape(json.dumps(run.config, indent=2))
        row = f"<tr><td>{escape(run.name)}<td>{escape(run.pipeline)}<td>{status}</tr></table><pre>{config}</pre>"
        return HTMLResponse(PAGE.format(rows=row, started=self.state.started))


PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="3">
<title>DEMO - not a ZenML server</title>
<style>body{{font:15px system-ui;margin:2em}}h1{{background:#fd6;padding:.4em}}
td,th{{padding:.2em 1em;text-align:left}}</style>
<h1>DEMO: this plays a ZenML server. Nothing here is real.</h1>
<p>{started} runs started since it began. Set <code>ZENML_STORE_URL</code> to use a real one.
<table><tr><th>Run<th>Pipeline<th>Status</tr>{rows}</table></html>"""


async def ok(request: Request) -> Response:
    """Be alive."""
    return JSONResponse("OK")


def _plain(item: dict[str, Any], name: str) -> str | list[str] | None:
    return str(item[name]) if name in {"id", "name"} else None


def _template_value(item: dict[str, Any], name: str) -> str | list[str] | None:
    parent = item["resources"]["pipeline"]
    known: dict[str, str | list[str]] = {"pipeline_id": parent["id"], "pipeline": [parent["id"], parent["name"]]}
    return known.get(name) or ("False" if name == "hidden" else _plain(item, name))


def _snapshot_value(item: dict[str, Any], name: str) -> str | list[str] | None:
    return None if name in {"pipeline_id", "hidden"} else _template_value(item, name)


def _find(items: Any, request: Request, what: str) -> Any:
    identity = _uuid(request.path_params["id"])
    if identity is None:
        raise Problem(422, "ValueError", "1 validation error:\n  {'type': 'uuid_parsing'}", bare=True)
    found = next((item for item in items if item.id == identity), None)
    if found is None:
        raise missing(what, identity)
    return found


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


async def _json(request: Request) -> Any:
    body = await request.body()
    try:
        value = json.loads(body or b"{}")
    except json.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise Problem(422, "ValueError", "1 validation error:\n  {'type': 'json_invalid'}", bare=True)
    return value


class Labelled:
    """ASGI middleware: every answer says that it is a demo's, and takes as long as the options say."""

    def __init__(self, app: Any, latency: float) -> None:
        self.app = app
        self.latency = latency

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def labelled(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-zenbeat-demo", b"true")]
            await send(message)

        if self.latency and scope["type"] == "http":
            await asyncio.sleep(self.latency)
        await self.app(scope, receive, labelled)


async def _problem(request: Request, error: Exception) -> Response:
    if not isinstance(error, Problem):
        raise error
    return JSONResponse(error.body, error.status)


async def _not_allowed(request: Request, error: Exception) -> Response:
    """A route without its method, or no route: ZenML's own words."""
    starts = request.method == "POST" and request.url.path.endswith("/runs")
    status = 405 if starts else getattr(error, "status_code", 404)
    return JSONResponse({"detail": "Method Not Allowed" if status == 405 else "Not Found"}, status)


def demo_app(state: DemoState, faults: Faults) -> Starlette:
    """Make the application over a state."""
    return Starlette(
        routes=Routes(state, faults).table(),
        middleware=[Middleware(Labelled, latency=state.options.latency), Middleware(Faulty, faults=faults)],
        exception_handlers={Problem: _problem, 404: _not_allowed, 405: _not_allowed},
    )
