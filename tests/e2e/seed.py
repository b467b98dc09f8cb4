"""Fills an empty ZenML server with an API key, a stack, pipelines, snapshots and templates; runs beside ZenML's client.

    python seed.py URL DIRECTORY      everything, and DIRECTORY/seed.json with the API key and the ids
    python seed.py URL DIRECTORY KEY  the pipelines, snapshots and templates again, where a test deleted them

Over REST and by the real client only, without SQL: what stands in the database is what ZenML wrote there.
"""

import json
import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from pipelines import scoring, training
from zenml import __version__
from zenml.client import Client

if TYPE_CHECKING:  # it stood elsewhere before 0.68, and seed_older.py takes from here what is alike
    from zenml.pipelines.pipeline_definition import Pipeline

ADMIN = {"username": "admin", "password": "admin-of-the-tests"}
STACK = "remote"
COMPONENTS: dict[str, list[dict[str, Any]]] = {
    # Of built-in flavors and not local: only such a stack can be run from the server. None of them is ever reached.
    "orchestrator": [{"flavor": "ssh", "configuration": {"hostname": "cluster.invalid", "username": "zenml"}}],
    "artifact_store": [{"flavor": "s3", "configuration": {"path": "s3://zenml"}}],
    "container_registry": [{"flavor": "default", "configuration": {"uri": "registry.invalid/zenml"}}],
    "image_builder": [{"flavor": "local", "configuration": {}}],
}


class Rest:
    """ZenML's REST API with one identity."""

    def __init__(self, url: str, credentials: dict[str, str]) -> None:
        self._url = f"{url}/api/v1"
        self._session = requests.Session()
        login = self._session.post(f"{self._url}/login", data=credentials, timeout=30)
        login.raise_for_status()
        self._session.headers["Authorization"] = f"Bearer {login.json()['access_token']}"
        self._session.cookies.clear()

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Create something, and give it as the server shows it."""
        return dict(self._send("POST", path, json=body))

    def one(self, path: str, name: str) -> dict[str, Any]:
        """Find the one thing of that name."""
        (found,) = self.named(path, name)
        return found

    def named(self, path: str, name: str) -> list[dict[str, Any]]:
        """Find what has that name."""
        return list(self._send("GET", path, params={"name": f"equals:{name}"})["items"])

    def delete(self, path: str) -> None:
        """Delete something."""
        self._send("DELETE", path)

    def _send(self, method: str, path: str, **more: Any) -> Any:
        response = self._session.request(method, f"{self._url}{path}", timeout=60, **more)
        if not response.ok:
            raise SystemExit(f"{method} {path}: {response.status_code} {response.text}")
        return response.json()


def activate(url: str) -> str:
    """Activate the server, and give the API key of a new service account."""
    request = {"server_name": "tests", "admin_username": ADMIN["username"], "admin_password": ADMIN["password"]}
    requests.put(f"{url}/api/v1/activate", json=request, timeout=60).raise_for_status()
    rest = Rest(url, ADMIN)
    account = rest.post("/service_accounts", name="zenbeat", full_name="zenbeat", active=True)
    key = rest.post(f"/service_accounts/{account['id']}/api_keys", name="tests")
    return str(key["body"]["key"])


def register_stack(rest: Rest) -> None:
    """Register the stack."""
    rest.post("/stacks", name=STACK, components=COMPONENTS)


def register_build(rest: Rest) -> str:
    """Register a build for the stack, as if its image had been pushed; nothing is built."""
    image = {"image": "registry.invalid/zenml/pipelines:1", "contains_code": True, "requires_code_download": False}
    build = rest.post(
        "/pipeline_builds",
        project=rest.one("/projects", "default")["id"],
        stack=rest.one("/stacks", STACK)["id"],
        images={"orchestrator": image},
        is_local=False,
        contains_code=True,
        zenml_version=__version__,
        python_version=platform.python_version(),
    )
    return str(build["id"])


def compile_pipelines(rest: Rest) -> dict[str, Any]:
    """Compile the pipelines for the stack, name their snapshots, and make templates of them.

    A template's name is unique in the project, a snapshot's in its pipeline, and ZenML gives the snapshot the name of
    the template that is made of it. `staging` has other defaults than `production`: a run shows what it came from.
    """
    from pipelines_dynamic import tuning  # older versions, which read this file too, have no such pipelines

    build = register_build(rest)
    snapshots = {
        "training/production": _snapshot(training, build, "production"),
        "scoring/production": _snapshot(scoring, build, "production"),
        "scoring/nightly": _snapshot(scoring, build, "nightly"),
    }
    snapshots["tuning/production"] = _snapshot(tuning, build, "production")
    training.prepare(model_type="linear", lr=0.001)
    snapshots["training/staging"] = _snapshot(training, build, "staging")
    sources = {"production": "training/production", "staging": "training/staging", "nightly": "scoring/nightly"}
    return {
        "pipelines": {name: rest.one("/pipelines", name)["id"] for name in ("training", "scoring", "tuning")},
        "snapshots": snapshots,
        "templates": {name: _template(rest, name, snapshots[source]) for name, source in sources.items()},
    }


def _snapshot(pipeline: "Pipeline", build: str, name: str) -> str:
    return str(pipeline.with_options(build=build).create_snapshot(name, replace=True).id)


def _template(rest: Rest, name: str, snapshot_id: str) -> str:
    # A template outlives its pipeline and keeps its name.
    for stale in rest.named("/run_templates", name):
        rest.delete(f"/run_templates/{stale['id']}")
    project = rest.one("/projects", "default")["id"]
    return str(rest.post("/run_templates", name=name, project=project, source_snapshot_id=snapshot_id)["id"])


def main(url: str, directory: str, api_key: str = "") -> None:
    """Seed the server at `url`, and write what a test needs to know to `directory`."""
    fresh = not api_key
    key = api_key or activate(url)
    rest = Rest(url, {"password": key, "grant_type": "zenml-api-key"})
    if fresh:
        register_stack(rest)
    # Read when the client is first asked for, which is below.
    os.environ.update(ZENML_STORE_URL=url, ZENML_STORE_API_KEY=key)
    Client().activate_stack(STACK)
    ids = compile_pipelines(rest)
    Path(directory, "seed.json").write_text(json.dumps({"api_key": key, **ids}, indent=2))


if __name__ == "__main__":
    main(*sys.argv[1:])
