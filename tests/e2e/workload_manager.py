# ruff: noqa: ARG002 - ZenML names the arguments
"""Runs pipelines inside the ZenML server of the tests, in place of a cluster; the server finds it by name.

No image is built and no step's code is executed. A thread drives each run through its states with the server's own
store, as an orchestrator would do over REST. Steps obey two of their parameters: `seconds` (how long the step takes)
and `fail` (whether it fails). A trainer's parameters give the run its metadata, after each epoch of its time, so that a
sweep has an objective.

Environment: ZENBEAT_E2E_SUBMIT_SECONDS (default 0) is how long a submission blocks; so long it holds one of the
server's slots, and the next one too many is answered with 429.
"""

import contextvars
import os
import threading
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from trainer import report
from zenml.enums import ExecutionStatus, MetadataResourceTypes
from zenml.metadata.metadata_types import MetadataTypeEnum
from zenml.models import (
    ExceptionInfo,
    PipelineRunUpdate,
    RunMetadataRequest,
    RunMetadataResource,
    StepRunRequest,
    StepRunUpdate,
)
from zenml.zen_server.pipeline_execution.workload_manager_interface import WorkloadManagerInterface, WorkloadType
from zenml.zen_server.utils import zen_store

SUBMIT_SECONDS = float(os.environ.get("ZENBEAT_E2E_SUBMIT_SECONDS", "0"))
_BETWEEN_LOOKS = 0.2
_STOPPED = {ExecutionStatus.STOPPING, ExecutionStatus.STOPPED}


class DrivingWorkloadManager(WorkloadManagerInterface):
    """Accept submissions as a cluster would, and drive each run from a thread of its own."""

    def run(
        self,
        workload_id: UUID,
        image: str,
        command: list[str],
        arguments: list[str],
        environment: dict[str, str] | None = None,
        sync: bool = True,
        timeout_in_seconds: int = 0,
    ) -> None:
        """Block for the time of a submission, then return while the run goes on, as an asynchronous orchestrator."""
        time.sleep(SUBMIT_SECONDS)
        run_id = UUID(arguments[arguments.index("--run_id") + 1])
        # The store asks the context who is acting; a new thread would have none.
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(drive, run_id), daemon=True, name=f"run-{run_id}").start()

    def build_and_push_image(
        self,
        workload_id: UUID,
        workload_type: WorkloadType,
        dockerfile: str,
        image_name: str,
        sync: bool = True,
        timeout_in_seconds: int = 0,
    ) -> str:
        """Build nothing, and name the image that would have been built."""
        return image_name

    def delete_workload(self, workload_id: UUID) -> None:
        """Delete nothing: a workload leaves nothing behind."""

    def get_logs(self, workload_id: UUID) -> str:
        """Give no logs: they are in the server's own log."""
        return ""

    def log(self, workload_id: UUID, message: str) -> None:
        """Keep no log of the workload."""


def drive(run_id: UUID) -> None:
    """Take a run from its first state to its last; what goes wrong on the way makes it fail with the reason."""
    try:
        store = zen_store()
        store.update_run(run_id, PipelineRunUpdate(orchestrator_run_id=str(uuid4())))
        _walk(run_id)
    except Stopped:
        zen_store().update_run(run_id, PipelineRunUpdate(status=ExecutionStatus.STOPPED))
    except Exception as fault:
        reason = f"{type(fault).__name__}: {fault}"[:250]
        zen_store().update_run(run_id, PipelineRunUpdate(status=ExecutionStatus.FAILED, status_reason=reason))
        raise


class Stopped(Exception):
    """Somebody asked ZenML to stop the run."""


def _walk(run_id: UUID) -> None:
    store = zen_store()
    store.update_run(run_id, PipelineRunUpdate(status=ExecutionStatus.PROVISIONING))
    store.update_run(run_id, PipelineRunUpdate(status=ExecutionStatus.RUNNING))
    run = store.get_run(run_id, hydrate=True)
    snapshot = store.get_snapshot(run.snapshot.id, hydrate=True)
    if snapshot.is_dynamic:
        # It would make its steps itself, by its own parameters.
        _execute(run, snapshot.pipeline_configuration.parameters or {})
        store.update_run(run_id, PipelineRunUpdate(status=ExecutionStatus.COMPLETED))
        return
    for name, step in snapshot.step_configurations.items():
        if not _step(run, name, step.config.parameters):
            return


def _step(run: Any, name: str, parameters: dict[str, Any]) -> bool:
    """Drive one step, and tell whether the run goes on."""
    request = StepRunRequest(
        name=name,
        project=run.project_id,
        pipeline_run_id=run.id,
        start_time=_now(),
        status=ExecutionStatus.RUNNING,
    )
    step = zen_store().create_run_step(request)
    try:
        _execute(run, parameters)
    except Stopped:
        _end(run, step, ExecutionStatus.STOPPED, "Stopped on request.")
        return False
    except Exception as fault:
        trouble = ExceptionInfo(traceback=f"{type(fault).__name__}: {fault}")
        _end(run, step, ExecutionStatus.FAILED, f"Step `{name}` failed: {fault}"[:250], exception_info=trouble)
        return False
    zen_store().update_run_step(step.id, StepRunUpdate(status=ExecutionStatus.COMPLETED, end_time=_now()))
    return True


def _end(run: Any, step: Any, status: ExecutionStatus, reason: str, **more: Any) -> None:
    """End the step and with it the run."""
    zen_store().update_run_step(step.id, StepRunUpdate(status=status, end_time=_now(), **more))
    zen_store().update_run(run.id, PipelineRunUpdate(status=status, status_reason=reason))


def _execute(run: Any, parameters: dict[str, Any]) -> None:
    """Do what a step's code would: take its time, leave the metrics on the run, and fail at the end if told to."""
    seconds, epochs = float(parameters.get("seconds", 0)), max(1, int(parameters.get("epochs", 1)))
    begin = time.monotonic()
    for epoch in range(1, epochs + 1):
        _wait(run, begin + seconds * epoch / epochs)
        last = epoch == epochs
        if last and parameters.get("fail"):
            raise RuntimeError("The parameter `fail` asked for it.")
        if "lr" in parameters and (seconds or last):
            _log_metadata(run, report(parameters, epoch))


def _wait(run: Any, until: float) -> None:
    """Wait until an instant of the monotonic clock. Raises Stopped if the run is to stop before."""
    while (left := until - time.monotonic()) > 0:
        if zen_store().get_run_status(run.id) in _STOPPED:
            raise Stopped
        time.sleep(min(left, _BETWEEN_LOOKS))


def _log_metadata(run: Any, values: dict[str, Any]) -> None:
    types = {key: MetadataTypeEnum(type(value).__name__) for key, value in values.items()}
    resource = RunMetadataResource(id=run.id, type=MetadataResourceTypes.PIPELINE_RUN)
    zen_store().create_run_metadata(
        RunMetadataRequest(project=run.project_id, resources=[resource], values=values, types=types)
    )


def _now() -> datetime:
    # The store keeps naive instants in UTC.
    return datetime.now(UTC).replace(tzinfo=None)
