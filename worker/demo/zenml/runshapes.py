"""The JSON of runs and their steps, as the version that is played gives it."""

from typing import Any

from worker.demo.zenml.catalogue import Step, demo_id
from worker.demo.zenml.course import FINISHED, Leg
from worker.demo.zenml.runs import Run
from worker.demo.zenml.shapes import JSON, USER_ID, Shapes, envelope, moment
from worker.demo.zenml.versions import PLAIN_METADATA, STOP


class RunShapes:
    """Runs and steps as JSON."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self._state = shapes.state

    def status(self, run: Run) -> str:
        """Give a run's status in the words of the version: before 0.84 there is no `provisioning`."""
        status = run.status(self._state.now())
        return "initializing" if status == "provisioning" and self._state.version < STOP else status

    def run(self, run: Run, hydrate: bool) -> JSON:  # noqa: FBT001 - passed as a function
        """Show a run."""
        metadata = self._metadata(run) if hydrate else None
        return envelope(run.id, run.name, self._body(run), metadata, self._resources(run))

    def step(self, run: Run, leg: Leg, step: Step, hydrate: bool) -> JSON:  # noqa: FBT001 - passed as a function
        """Show a step of a run; one that has not begun is not there yet."""
        now = self._state.now()
        done = now >= min(leg.end, run.course.ended)
        body = {
            **self._shapes.body(leg.begin, min(now, leg.end)),
            "type": None,
            "status": self._step_status(run, leg),
            "version": 1,
            "is_retriable": False,
            "start_time": moment(leg.begin),
            "end_time": moment(min(leg.end, run.course.ended)) if done else None,
            "latest_heartbeat": None,
            "model_version_id": None,
            "substitutions": dict(run.substitutions),
        }
        metadata = None
        if hydrate:
            metadata = {
                "config": {"name": step.name, "enable_cache": False, "parameters": dict(run.parameters(step.name))},
                "snapshot_id": str(run.snapshot.id),
                "pipeline_run_id": str(run.id),
                "run_metadata": {},
                "exception_info": {"traceback": leg.trouble} if leg.trouble and done else None,
            }
        resources = self._shapes.resources(log_collection=[], model_version=None, inputs={}, outputs={})
        return envelope(demo_id("step", str(run.id), step.name), step.name, body, metadata, resources)

    def _step_status(self, run: Run, leg: Leg) -> str:
        now = self._state.now()
        if now < min(leg.end, run.course.ended):
            return "running"
        if run.course.ended < leg.end:
            return "stopped"
        return "failed" if leg.trouble else "completed"

    def _body(self, run: Run) -> JSON:
        now = self._state.now()
        status = self.status(run)
        body = {**self._shapes.body(run.created, run.updated(now)), "status": status}
        if self._shapes.projects:
            # A run that failed before its first step is in progress for ever.
            unstarted = status == "failed" and not run.course.legs
            body |= {
                "in_progress": status not in FINISHED or unstarted,
                "status_reason": run.course.said(now),
                "index": run.index,
            }
        if self._shapes.modern:
            return {**body, "pipeline_id": str(run.snapshot.pipeline.id), "child_key": None, "root_run_id": None}
        return {**body, **self._related(run), "deployment_id": str(run.snapshot.id), "trigger_execution": None}

    def _related(self, run: Run) -> JSON:
        return {
            "stack": self._shapes.brief_stack(),
            "pipeline": self._shapes.brief_pipeline(run.snapshot.pipeline),
            "build": self._shapes.brief_build(),
            "schedule": None,
            "code_reference": None,
        }

    def _metadata(self, run: Run) -> JSON:
        now = self._state.now()
        ended = run.course.ended if run.course.ended <= now else None
        return self._shapes.metadata(
            run_metadata=self._reported(run),
            config=self._config(run),
            start_time=moment(run.created),
            end_time=moment(ended),
            client_environment={},
            orchestrator_environment={},
            orchestrator_run_id=str(demo_id("orchestrator", str(run.id))) if now >= run.course.running else None,
            code_path=None,
            template_id=str(run.snapshot.template) if run.snapshot.template else None,
            is_templatable=True,
            trigger_info=None,
            enable_heartbeat=True,
            exception_info=None,
            trigger_execution_info=None,
        )

    def _reported(self, run: Run) -> JSON:
        found = run.metadata(self._state.now())
        if self._state.version >= PLAIN_METADATA:
            return found
        return {key: self._report(run, key, value) for key, value in found.items()}

    def _report(self, run: Run, key: str, value: Any) -> JSON:
        told = {"key": key, "value": value, "type": type(value).__name__}
        body = {**self._shapes.body(run.created), **told}
        resource = {"resource_id": str(run.id), "resource_type": "pipeline_run", "stack_component_id": None}
        metadata = self._shapes.metadata(**resource)
        shown = envelope(demo_id("report", str(run.id), key), None, body, metadata, None)
        del shown["name"]
        return shown

    def _config(self, run: Run) -> JSON:
        told: dict[str, Any] = {"enable_cache": False, "settings": {}, "extra": {}, "environment": {}, "secrets": []}
        known = (*told, "model", "retry", "execution_mode", "cache_policy", "enable_step_logs")
        told |= {key: run.configuration[key] for key in known if run.configuration.get(key) is not None}
        return {
            **told,
            "name": run.pipeline,
            "tags": list(run.tags) or None,
            "substitutions": dict(run.substitutions),
            "parameters": {},
        }

    def _resources(self, run: Run) -> JSON:
        tags = [self._tag(name, run) for name in run.tags]
        if not self._shapes.modern:
            return self._shapes.resources(model_version=None, tags=tags)
        source = self._state.catalogue.snapshot(run.snapshot.source) if run.snapshot.source else None
        return self._shapes.resources(
            snapshot=self._shapes.brief_snapshot(run.snapshot),
            source_snapshot=self._shapes.brief_snapshot(source),
            **self._related(run),
            model_version=None,
            tags=tags,
            log_collection=[],
            visualizations=[],
            trigger=None,
            original_run=None,
            parent_run=None,
            active_wait_condition=None,
            outputs={},
        )

    def _tag(self, name: str, run: Run) -> JSON:
        created = moment(run.created)
        body = {"created": created, "updated": created, "user_id": str(USER_ID), "color": "blue", "exclusive": False}
        return envelope(demo_id("tag", name), name, body, None, None)
