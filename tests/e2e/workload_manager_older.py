# ruff: noqa: ARG002 - ZenML names the arguments
"""Runs pipelines inside a ZenML server before 0.90; what workload_manager.py says is true here too.

Less is known about a run there: its state goes from `initializing` by way of `running` to `completed` or `failed`,
as its steps do, and there is no reason for a failure.
"""

import os
import threading
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import requests
from packaging.version import Version
from trainer import report
from zenml import __version__
from zenml.zen_server.template_execution.workload_manager_interface import WorkloadManagerInterface

SUBMIT_SECONDS = float(os.environ.get("ZENBEAT_E2E_SUBMIT_SECONDS", "0"))


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
        run = Run(str(workload_id), dict(environment or {}))
        threading.Thread(target=run.drive, daemon=True, name=f"run-{run.id}").start()

    def build_and_push_image(
        self,
        workload_id: UUID,
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


class Run:
    """A run, driven over REST with the token that the server gives to whoever runs it.

    Within the server one would have to act for a user, and older servers do not tell their threads for whom.
    """

    def __init__(self, deployment_id: str, environment: dict[str, str]) -> None:
        self._url = f"{environment['ZENML_STORE_URL']}/api/v1"
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {environment['ZENML_STORE_API_TOKEN']}"
        self._deployment = self._send("GET", f"/pipeline_deployments/{deployment_id}")
        # There is one deployment for each run.
        (self._run,) = self._send("GET", "/runs", params={"deployment_id": deployment_id, "hydrate": "true"})["items"]
        self.id = self._run["id"]
        # Before 0.80 things belong to a workspace, and to a user who is named.
        if "ZENML_ACTIVE_PROJECT_ID" in environment:
            self._owner = {"project": environment["ZENML_ACTIVE_PROJECT_ID"]}
            self._prefix = ""
        else:
            workspace = environment["ZENML_ACTIVE_WORKSPACE_ID"]
            self._owner = {"workspace": workspace, "user": self._run["body"]["user"]["id"]}
            self._prefix = f"/workspaces/{workspace}"

    def drive(self) -> None:
        """Take the run from its first state to its last."""
        try:
            self._set("running")
            for name, step in self._deployment["metadata"]["step_configurations"].items():
                self._step(name, step["config"]["parameters"])
        except Exception:
            self._set("failed")
            raise

    def _step(self, name: str, parameters: dict[str, Any]) -> None:
        deployment = self._deployment["id"]
        request = {"name": name, "pipeline_run_id": self.id, "deployment": deployment, "start_time": _now()}
        step = self._send("POST", "/steps", json={**request, **self._owner, "status": "running"})
        status = "failed"
        try:
            self._execute(parameters)
            status = "completed"
        finally:
            self._send("PUT", f"/steps/{step['id']}", json={"status": status, "end_time": _now()})

    def _execute(self, parameters: dict[str, Any]) -> None:
        seconds, epochs = float(parameters.get("seconds", 0)), max(1, int(parameters.get("epochs", 1)))
        for epoch in range(1, epochs + 1):
            time.sleep(seconds / epochs)
            last = epoch == epochs
            if last and parameters.get("fail"):
                raise RuntimeError("The parameter `fail` asked for it.")
            if "lr" in parameters and (seconds or last):
                self._log_metadata(report(parameters, epoch))

    def _log_metadata(self, values: dict[str, Any]) -> None:
        types = {key: type(value).__name__ for key, value in values.items()}
        request = {**self._resource(), "values": values, "types": types}
        self._send("POST", f"{self._prefix}/run-metadata", json={**request, **self._owner})

    def _resource(self) -> dict[str, Any]:
        if Version(__version__) < Version("0.71"):
            return {"resource_id": self.id, "resource_type": "pipeline_run", "stack_component_id": None}
        return {"resources": [{"id": self.id, "type": "pipeline_run"}]}

    def _set(self, status: str) -> None:
        self._send("PUT", f"/runs/{self.id}", json={"status": status})

    def _send(self, method: str, path: str, **more: Any) -> Any:
        response = self._session.request(method, f"{self._url}{path}", timeout=60, **more)
        if not response.ok:
            raise RuntimeError(f"{method} {path}: {response.status_code} {response.text}")
        return response.json()


def _now() -> str:
    # The server keeps naive instants in UTC.
    return datetime.now(UTC).replace(tzinfo=None).isoformat()
