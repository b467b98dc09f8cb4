"""The routes that only tell: the server, logins, lists, single things."""

from typing import Any
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from worker.demo.zenml import columns
from worker.demo.zenml.catalogue import Pipeline, Template, demo_id
from worker.demo.zenml.listing import Listing, truth
from worker.demo.zenml.login import API_KEY_PREFIX, GRANTS
from worker.demo.zenml.refusals import Malformed, Refusal, fault, no_such, no_such_name, read_id
from worker.demo.zenml.runs import Run
from worker.demo.zenml.runshapes import RunShapes
from worker.demo.zenml.shapes import PROJECT_ID, Shapes, moment
from worker.demo.zenml.state import DemoState
from worker.demo.zenml.versions import ONE_OF, PROJECTS, TEMPLATES_BY_PIPELINE

TOKEN_TYPES = ("generic", "workload")
GENERIC_TOKEN_SECONDS = 3600
LONGEST_TOKEN_SECONDS = 604_800


class Reading:
    """Handlers that change nothing."""

    def __init__(self, state: DemoState, shapes: Shapes, run_shapes: RunShapes) -> None:
        self._state = state
        self._shapes = shapes
        self._run_shapes = run_shapes

    async def ok(self, _: Request) -> Response:
        """Say that the server lives."""
        return PlainTextResponse("ok")

    async def info(self, request: Request) -> Response:
        """Tell what the server is; `name` and `metadata` tell that it is a demo."""
        pro = "workspace" if self._state.version >= PROJECTS else "tenant"
        return JSONResponse(
            {
                "id": str(demo_id("server")),
                "name": "zenbeat-demo",
                "version": self._state.options.version,
                "active": True,
                "debug": False,
                "deployment_type": "other",
                "database_type": "sqlite",
                "secrets_store_type": "sql",
                "auth_scheme": "OAUTH2_PASSWORD_BEARER",
                "server_url": str(request.base_url).rstrip("/"),
                "dashboard_url": "",
                "analytics_enabled": False,
                "metadata": {"zenbeat_demo": "true"},
                "last_user_activity": moment(self._state.now()),
                "pro_dashboard_url": None,
                "pro_api_url": None,
                "pro_organization_id": None,
                "pro_organization_name": None,
                f"pro_{pro}_id": None,
                f"pro_{pro}_name": None,
            }
        )

    async def version(self, _: Request) -> Response:
        """Tell the version."""
        return JSONResponse(self._state.options.version)

    async def login(self, request: Request) -> Response:
        """Exchange an API key for a token; only a form is read, JSON is not."""
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        content = (await request.body()).decode(errors="replace")
        form = dict(parse_qsl(content)) if media == "application/x-www-form-urlencoded" else {}
        grant = form.get("grant_type")
        if grant is not None and grant not in GRANTS:
            raise HTTPException(400, f"Unsupported grant type: {grant}")
        if grant == "zenml-api-key" and not form.get("password"):
            raise HTTPException(400, "API key is required.")
        is_key = grant == "zenml-api-key" or form.get("password", "").startswith(API_KEY_PREFIX)
        if not (form.get("username") or is_key):
            raise HTTPException(400, "Invalid request: username is required.")
        return JSONResponse(self._state.login.enter({"password": "", **form}))

    async def api_token(self, request: Request) -> Response:
        """Give a token that lasts for a while."""
        kind = request.query_params.get("token_type", "generic")
        if kind not in TOKEN_TYPES:
            expected = " or ".join(map(repr, TOKEN_TYPES))
            raise Malformed(
                fault("enum", ("query", "token_type"), f"Input should be {expected}", kind, expected=expected)
            )
        wanted = request.query_params.get("expires_in", str(GENERIC_TOKEN_SECONDS))
        if not wanted.isdigit():
            message = "Input should be a valid integer, unable to parse string as an integer"
            raise Malformed(fault("int_parsing", ("query", "expires_in"), message, wanted))
        if int(wanted) > LONGEST_TOKEN_SECONDS:
            raise Refusal(
                400,
                "ValueError",
                "The maximum expiration time for generic API tokens allowed by this server is "
                f"{LONGEST_TOKEN_SECONDS} seconds.",
            )
        return JSONResponse(self._state.login.token(int(wanted)))

    async def user(self, _: Request) -> Response:
        """Tell who asks."""
        return JSONResponse(self._shapes.user(hydrate=True))

    async def projects(self, request: Request) -> Response:
        """List the one project."""
        shown = self._shapes.project(hydrate=truth(request.query_params, "hydrate", default=False))
        page = {"index": 1, "max_size": 20, "total_pages": 1, "total": 1, "items": [shown]}
        return JSONResponse(page)

    async def project(self, request: Request) -> Response:
        """Show the one project, by name or id."""
        self._check_scope(request.path_params["project"])
        return JSONResponse(self._shapes.project(hydrate=True))

    async def pipelines(self, request: Request) -> Response:
        """List pipelines."""
        items = list(self._state.catalogue.pipelines.values())
        return self._page(
            request,
            Listing(
                model="PipelineFilter",
                items=items,
                columns=columns.pipelines(self._state),
                show=self._shapes.pipeline,
            ),
        )

    async def pipeline(self, request: Request) -> Response:
        """Show a pipeline."""
        identity = read_id(request.path_params["pipeline_id"], "pipeline_id")
        found: Pipeline | None = self._state.catalogue.pipelines.get(identity)
        if found is None:
            raise no_such("pipeline", identity)
        return JSONResponse(self._shapes.pipeline(found, _hydrate(request)))

    async def templates(self, request: Request) -> Response:
        """List run templates."""
        if "pipeline_id" in request.query_params and self._state.version < TEMPLATES_BY_PIPELINE:
            raise Refusal(500, "RuntimeError", "pipeline_id")
        return self._page(
            request,
            Listing(
                model="RunTemplateFilter",
                items=list(self._state.catalogue.templates.values()),
                columns=columns.templates(self._state),
                show=self._shapes.template,
            ),
        )

    async def template(self, request: Request) -> Response:
        """Show a run template, with its configuration and schema."""
        identity = read_id(request.path_params["template_id"], "template_id")
        found: Template | None = self._state.catalogue.templates.get(identity)
        if found is None:
            raise no_such("run template", identity)
        return JSONResponse(self._shapes.template(found, _hydrate(request)))

    async def snapshots(self, request: Request) -> Response:
        """List snapshots, also the ones without a name unless `named_only`."""
        named = truth(request.query_params, "named_only", default=False)
        catalogue = self._state.catalogue
        return self._page(
            request,
            Listing(
                model="PipelineSnapshotFilter",
                items=list(catalogue.snapshots.values()) if named else catalogue.all_snapshots(),
                columns=columns.snapshots(self._state),
                show=self._shapes.snapshot,
            ),
        )

    async def snapshot(self, request: Request) -> Response:
        """Show a snapshot; with `include_config_schema` its configuration and schema as well."""
        identity = read_id(request.path_params["snapshot_id"], "snapshot_id")
        found = self._state.catalogue.snapshot(identity)
        if found is None:
            raise no_such("pipeline snapshot", identity)
        schema = truth(request.query_params, "include_config_schema", default=False)
        return JSONResponse(self._shapes.snapshot(found, _hydrate(request), with_schema=schema))

    async def runs(self, request: Request) -> Response:
        """List runs."""
        if self._state.version < ONE_OF and request.query_params.get("id", "").startswith("oneof:"):
            # It takes the whole filter for an id.
            raise Refusal(500, "RuntimeError", "id")
        with self._state.one_instant():
            listing = Listing(
                model="PipelineRunFilter",
                items=self._state.runs.values(),
                columns=columns.runs(self._state, self._run_shapes.status),
                show=self._run_shapes.run,
            )
            return self._page(request, listing)

    async def run(self, request: Request) -> Response:
        """Show a run."""
        return JSONResponse(self._run_shapes.run(find_run(self._state, request), _hydrate(request)))

    async def run_status(self, request: Request) -> Response:
        """Tell a run's status, a bare JSON string."""
        return JSONResponse(self._run_shapes.status(find_run(self._state, request)))

    async def run_steps(self, request: Request) -> Response:
        """List the steps of a run that have begun."""
        return self._steps(request, find_run(self._state, request))

    async def steps(self, request: Request) -> Response:
        """List the steps of the run `pipeline_run_id` that have begun."""
        wanted = request.query_params.get("pipeline_run_id", "").removeprefix("equals:")
        run = self._state.runs.get(read_id(wanted, "pipeline_run_id"))
        return self._steps(request, run)

    def _steps(self, request: Request, run: Run | None) -> Response:
        hydrate = truth(request.query_params, "hydrate", default=False)
        shown: list[dict[str, Any]] = []
        if run is not None:
            now = min(self._state.now(), run.course.ended)
            steps = {step.name: step for step in run.snapshot.pipeline.steps}
            begun = [leg for leg in run.course.legs if leg.begin <= now and run.course.running <= self._state.now()]
            shown = [self._run_shapes.step(run, leg, steps[leg.step], hydrate) for leg in begun]
        size = max(len(shown), 20)
        page = {"index": 1, "max_size": size, "total_pages": 1, "total": len(shown), "items": shown}
        return JSONResponse(page)

    def _page(self, request: Request, listing: Listing[Any]) -> Response:
        if "workspace" in request.path_params:
            self._check_scope(request.path_params["workspace"])
        elif self._state.version >= PROJECTS and "project" in request.query_params:
            self._check_scope(request.query_params["project"])
        return JSONResponse(listing.page(request.query_params, self._state.version))

    def _check_scope(self, name: str) -> None:
        if name not in {self._state.options.project, str(PROJECT_ID)}:
            raise no_such_name("project" if self._state.version >= PROJECTS else "workspace", name)


def find_run(state: DemoState, request: Request) -> Run:
    """Find the run that a path names. Raises Malformed and Refusal."""
    identity = read_id(request.path_params["run_id"], "run_id")
    run = state.runs.get(identity)
    if run is None:
        raise no_such("pipeline run", identity)
    return run


def _hydrate(request: Request) -> bool:
    return truth(request.query_params, "hydrate", default=True)
