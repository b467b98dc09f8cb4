"""Looks at a ZenML server, and changes it behind zenbeat's back, through ZenML's own API."""

from typing import Any

import httpx

# The statuses that a run does not leave.
FINISHED = frozenset({"completed", "cached", "skipped", "failed", "stopped", "cancelled", "retried"})


class ZenMLAPI:
    """ZenML's REST API as a test needs it; log in first. Errors are httpx.HTTPStatusError."""

    def __init__(self, url: str, api_key: str) -> None:
        self._api_key = api_key
        self.http = httpx.Client(base_url=f"{url}/api/v1", timeout=60, trust_env=False)

    def login(self) -> str:
        """Log in with the API key, and give the token, which the calls from here on carry."""
        answer = self.http.post("/login", data={"grant_type": "zenml-api-key", "password": self._api_key})
        token = str(_checked(answer)["access_token"])
        self.http.headers["Authorization"] = f"Bearer {token}"
        return token

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def runs(self, **filters: str) -> list[dict[str, Any]]:
        """List the runs that match ZenML's filters (name="startswith:x-", tags="y", pipeline="training"), oldest first.

        A hydrated list: `metadata.config` and `metadata.run_metadata` are there. At most 1000.
        """
        return self._list("/runs", hydrate="true", **filters)

    def run(self, run_id: str) -> dict[str, Any]:
        """Get a run: `name`, `body.status`, `body.status_reason`, `metadata.run_metadata`."""
        return dict(self._get(f"/runs/{run_id}"))

    def status(self, run_id: str) -> str:
        """Get the status of a run."""
        return str(self._get(f"/runs/{run_id}/status"))

    def steps(self, run_id: str) -> dict[str, dict[str, Any]]:
        """Get the steps of a run by name; `metadata.config.parameters` is what a step was given."""
        found = self._list("/steps", pipeline_run_id=run_id, hydrate="true")
        return {step["name"]: step for step in found}

    def delete_run(self, run_id: str) -> None:
        """Delete a run; its name is free again."""
        _checked(self.http.delete(f"/runs/{run_id}"))

    def pipelines(self) -> dict[str, str]:
        """Give the ids of the pipelines by name."""
        return self._ids("/pipelines")

    def templates(self) -> dict[str, str]:
        """Give the ids of the run templates by name."""
        return self._ids("/run_templates")

    def snapshots(self, pipeline: str) -> dict[str, str]:
        """Give the ids of a pipeline's named snapshots by name."""
        return self._ids("/pipeline_snapshots", pipeline=pipeline, named_only="true")

    def start_template(self, template_id: str, configuration: dict[str, Any] | None = None) -> httpx.Response:
        """POST a run of a template (the route of all versions); the answer is given unchecked."""
        return self.http.post(f"/run_templates/{template_id}/runs", json=configuration or {})

    def start_snapshot(self, snapshot_id: str, configuration: dict[str, Any] | None = None) -> httpx.Response:
        """POST a run of a snapshot (the route since 0.90); the answer is given unchecked."""
        return self.http.post(
            f"/pipeline_snapshots/{snapshot_id}/runs", json={"run_configuration": configuration or {}}
        )

    def create_template(self, name: str, snapshot_id: str) -> str:
        """Make a run template of a snapshot, and give its id."""
        project = self._ids("/projects")["default"]
        body = {"name": name, "project": project, "source_snapshot_id": snapshot_id}
        return str(_checked(self.http.post("/run_templates", json=body))["id"])

    def rename_template(self, template_id: str, name: str) -> None:
        """Give a run template another name."""
        _checked(self.http.put(f"/run_templates/{template_id}", json={"name": name}))

    def delete_template(self, template_id: str) -> None:
        """Delete a run template."""
        _checked(self.http.delete(f"/run_templates/{template_id}"))

    def rename_snapshot(self, snapshot_id: str, name: str) -> None:
        """Give a snapshot another name."""
        _checked(self.http.put(f"/pipeline_snapshots/{snapshot_id}", json={"name": name}))

    def delete_snapshot(self, snapshot_id: str) -> None:
        """Delete a snapshot; templates made of it stay, but cannot be run."""
        _checked(self.http.delete(f"/pipeline_snapshots/{snapshot_id}"))

    def delete_pipeline(self, pipeline_id: str) -> None:
        """Delete a pipeline with its runs and snapshots; templates stay, but cannot be run.

        ZenML cannot rename one; ZenMLServer.seed makes it anew.
        """
        _checked(self.http.delete(f"/pipelines/{pipeline_id}"))

    def _ids(self, path: str, **filters: str) -> dict[str, str]:
        return {item["name"]: item["id"] for item in self._list(path, **filters)}

    def _list(self, path: str, **filters: str) -> list[dict[str, Any]]:
        return list(self._get(path, size="1000", **filters)["items"])

    def _get(self, path: str, **query: str) -> Any:
        return _checked(self.http.get(path, params=query))


def _checked(response: httpx.Response) -> Any:
    response.raise_for_status()
    return response.json()
