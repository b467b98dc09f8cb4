"""The routes that change something: launches, stops, and what a person would do in the dashboard."""

import logging
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from worker.demo.zenml.catalogue import Snapshot, Template
from worker.demo.zenml.course import FINISHED, Fate
from worker.demo.zenml.door import read_json
from worker.demo.zenml.faults import Fault, Kind
from worker.demo.zenml.fields import check
from worker.demo.zenml.launch import Order, launch
from worker.demo.zenml.listing import truth
from worker.demo.zenml.reading import find_run
from worker.demo.zenml.refusals import Malformed, Refusal, fault, no_such, read_id
from worker.demo.zenml.runs import Run
from worker.demo.zenml.runshapes import RunShapes
from worker.demo.zenml.shapes import Shapes
from worker.demo.zenml.state import DemoState
from worker.demo.zenml.versions import GRACEFUL_STOP

logger = logging.getLogger("zenbeat.demo")

FATES = {
    Kind.STAYS_INITIALIZING: Fate.STAYS_INITIALIZING,
    Kind.FAILS_TO_START: Fate.FAILS_TO_START,
}


class Changing:
    """Handlers that change something."""

    def __init__(self, state: DemoState, shapes: Shapes, run_shapes: RunShapes) -> None:
        self._state = state
        self._shapes = shapes
        self._run_shapes = run_shapes

    async def start_template(self, request: Request) -> Response:
        """Start a run of a template; the body is a bare run configuration, or nothing."""
        identity = read_id(request.path_params["template_id"], "template_id")
        body = await read_json(request)
        configuration = {} if body is None else body
        check(configuration, self._state.version)
        template = self._template(identity)
        snapshot = self._state.catalogue.snapshots.get(template.snapshot) if template.snapshot else None
        if snapshot is None:
            raise Refusal(400, "ValueError", "This template can not be run because it has no source snapshot.")
        return self._start(request, snapshot, template, configuration)

    async def start_snapshot(self, request: Request) -> Response:
        """Start a run of a snapshot; what does not stand under `run_configuration` is ignored without a word."""
        identity = read_id(request.path_params["snapshot_id"], "snapshot_id")
        body = await read_json(request)
        if body is None:
            raise Malformed(fault("missing", ("body",), "Field required", None))
        if not isinstance(body, dict):
            message = "Input should be a valid dictionary or object to extract fields from"
            raise Malformed(fault("model_attributes_type", ("body",), message, body))
        configuration = body.get("run_configuration")
        configuration = {} if configuration is None else configuration
        check(configuration, self._state.version, ("body", "run_configuration"))
        snapshot = self._state.catalogue.snapshot(identity)
        if snapshot is None:
            raise no_such("pipeline snapshot", identity)
        return self._start(request, snapshot, None, configuration)

    def _start(self, request: Request, snapshot: Snapshot, template: Template | None, configuration: Any) -> Response:
        injected: Fault | None = getattr(request.state, "fault", None)
        order = Order(
            snapshot=snapshot,
            template=template,
            configuration=configuration,
            fate=FATES.get(injected.kind, Fate.RUNS) if injected else Fate.RUNS,
            queue_fails=injected is not None and injected.kind is Kind.QUEUE_FAILS,
        )
        try:
            run = launch(self._state, order)
        except Refusal as refusal:
            logger.info("demo: launch refused", extra={"pipeline": snapshot.pipeline.name, "status": refusal.status})
            raise
        logger.info("demo: run accepted", extra={"run": run.name, "pipeline": run.pipeline})
        return JSONResponse(self._run_shapes.run(run, hydrate=True))

    async def stop(self, request: Request) -> Response:
        """Stop a run: at once, or with `graceful` when its step has finished."""
        run = find_run(self._state, request)
        graceful = truth(request.query_params, "graceful", default=False)
        self._refuse_stop(run.status(self._state.now()))
        by_force = self._state.options.can_stop and not graceful
        self._stop(run, by_force=by_force)
        if not graceful and not by_force:
            raise _unable(
                "The forceful stop run functionality is not implemented for the 'DemoOrchestrator' orchestrator."
            )
        return JSONResponse(None)

    def _refuse_stop(self, status: str) -> None:
        """Refuse to stop a run of that status, in ZenML's order. Raises Refusal."""
        ended = {
            "completed": "Cannot stop a run that is already completed.",
            "stopped": "Run is already stopped.",
            "stopping": "Run is already being stopped.",
        }
        if status in ended:
            raise Refusal(403, "IllegalOperationError", ended[status])
        if not self._state.options.can_stop and self._state.version < GRACEFUL_STOP:
            raise _unable("The 'DemoOrchestrator' orchestrator does not support stopping pipeline runs.")
        if status in {"initializing", "provisioning"}:
            said = "Cannot stop a pipeline run that has no orchestrator run id yet."
            raise Refusal(403, "IllegalOperationError", said)
        if status == "failed":
            raise Refusal(403, "IllegalOperationError", "Cannot update the status of a finished run.")

    def _stop(self, run: Run, *, by_force: bool) -> None:
        run.course = run.course.stop(self._state.now(), step_finishes=not by_force)
        logger.info("demo: run stops", extra={"run": run.name})

    async def update_run(self, request: Request) -> Response:
        """Add tags to a run, remove them, or set its status to `stopping`."""
        run = find_run(self._state, request)
        body = await _mapping(request)
        if body.get("status") == "stopping":
            if run.status(self._state.now()) in FINISHED:
                raise Refusal(403, "IllegalOperationError", "Cannot update the status of a finished run.")
            self._stop(run, by_force=True)
        added = [tag for tag in body.get("add_tags") or () if tag not in run.tags]
        removed = body.get("remove_tags") or ()
        run.tags = [tag for tag in [*run.tags, *added] if tag not in removed]
        run.touched = self._state.now()
        return JSONResponse(self._run_shapes.run(run, hydrate=True))

    async def delete_run(self, request: Request) -> Response:
        """Delete a run; its name is free again."""
        self._state.runs.remove(find_run(self._state, request))
        return JSONResponse(None)

    async def create_template(self, request: Request) -> Response:
        """Make a run template of a snapshot."""
        body = await _mapping(request)
        identity = read_id(str(body.get("source_snapshot_id")), "source_snapshot_id")
        snapshot = self._state.catalogue.snapshot(identity)
        if snapshot is None:
            raise no_such("pipeline snapshot", identity)
        made = self._state.catalogue.add_template(uuid4(), str(body.get("name")), snapshot, self._state.now())
        return JSONResponse(self._shapes.template(made, hydrate=True))

    async def update_template(self, request: Request) -> Response:
        """Rename a run template, or hide it."""
        template = self._template(read_id(request.path_params["template_id"], "template_id"))
        body = await _mapping(request)
        changed = replace(
            template, name=body.get("name") or template.name, hidden=bool(body.get("hidden", template.hidden))
        )
        self._state.catalogue.templates[template.id] = changed
        return JSONResponse(self._shapes.template(changed, hydrate=True))

    async def delete_template(self, request: Request) -> Response:
        """Delete a run template."""
        template = self._template(read_id(request.path_params["template_id"], "template_id"))
        del self._state.catalogue.templates[template.id]
        return JSONResponse(None)

    async def update_snapshot(self, request: Request) -> Response:
        """Rename a snapshot."""
        snapshot = self._snapshot(read_id(request.path_params["snapshot_id"], "snapshot_id"))
        changed = replace(snapshot, name=(await _mapping(request)).get("name") or snapshot.name)
        self._state.catalogue.snapshots[snapshot.id] = changed
        return JSONResponse(self._shapes.snapshot(changed, hydrate=True))

    async def delete_snapshot(self, request: Request) -> Response:
        """Delete a snapshot; templates that were made of it stay, and cannot be run."""
        snapshot = self._snapshot(read_id(request.path_params["snapshot_id"], "snapshot_id"))
        self._state.catalogue.drop_snapshot(snapshot.id)
        return JSONResponse(None)

    async def delete_pipeline(self, request: Request) -> Response:
        """Delete a pipeline with its snapshots and runs; its templates stay, and cannot be run."""
        identity = read_id(request.path_params["pipeline_id"], "pipeline_id")
        if identity not in self._state.catalogue.pipelines:
            raise no_such("pipeline", identity)
        self._state.catalogue.drop_pipeline(identity)
        for run in self._state.runs.values():
            if run.snapshot.pipeline.id == identity:
                self._state.runs.remove(run)
        return JSONResponse(None)

    def _template(self, identity: UUID) -> Template:
        found = self._state.catalogue.templates.get(identity)
        if found is None:
            raise no_such("run template", identity)
        return found

    def _snapshot(self, identity: UUID) -> Snapshot:
        found = self._state.catalogue.snapshots.get(identity)
        if found is None:
            raise no_such("pipeline snapshot", identity)
        return found


def _unable(said: str) -> Refusal:
    return Refusal(501, "NotImplementedError", said)


async def _mapping(request: Request) -> dict[str, Any]:
    body = await read_json(request)
    if not isinstance(body, dict):
        message = "Input should be a valid dictionary or object to extract fields from"
        raise Malformed(fault("model_attributes_type", ("body",), message, body))
    return body
