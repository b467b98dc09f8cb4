"""Fills an empty ZenML server before 0.90, as seed.py does a newer one; there are no snapshots to name.

python seed_older.py URL DIRECTORY
"""

import json
import os
import platform
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from packaging.version import Version
from pipelines import scoring, training
from seed import COMPONENTS, STACK, Rest, activate
from zenml import __version__
from zenml.client import Client
from zenml.config import DockerSettings
from zenml.models import PipelineDeploymentRequest

if TYPE_CHECKING:  # it stood elsewhere before 0.68
    from zenml.pipelines.pipeline_definition import Pipeline

# Before there was `ssh`, this was the orchestrator that needs a machine and nothing else.
ORCHESTRATOR = [{"flavor": "hyperai", "configuration": {}}]
ARTIFACT_STORE = [{"flavor": "s3", "configuration": {"path": "s3://zenml", "key": "none", "secret": "none"}}]


class Bucket(BaseHTTPRequestHandler):
    """Answers the one question of an older client that compiles a pipeline: is the bucket versioned? It is not."""

    def do_GET(self) -> None:
        """Answer as S3 does."""
        body = b"<VersioningConfiguration/>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def bucket() -> Iterator[str]:
    """Serve the bucket on a loopback port, and give its address, so that the client asks nobody outside."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Bucket) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def scope(rest: Rest) -> tuple[str, dict[str, Any]]:
    """Give the prefix of the routes that create, and who owns what they create: a workspace and a user before 0.80."""
    if Version(__version__) >= Version("0.80"):
        return "", {"project": rest.one("/projects", "default")["id"]}
    user = rest.named("/service_accounts", "zenbeat")[0]["id"]
    return "/workspaces/default", {"workspace": rest.one("/workspaces", "default")["id"], "user": user}


def register(rest: Rest) -> str:
    """Register the stack and a build for it, as if its image had been pushed, and give the id of the build."""
    prefix, owner = scope(rest)
    components = COMPONENTS | {"orchestrator": ORCHESTRATOR, "artifact_store": ARTIFACT_STORE}
    if prefix:
        register_by_id(rest, prefix, components, owner)
    else:
        rest.post("/stacks", name=STACK, components=components)
    image = {"image": "registry.invalid/zenml/pipelines:1", "contains_code": True, "requires_code_download": False}
    build = rest.post(
        f"{prefix}/pipeline_builds",
        stack=rest.one("/stacks", STACK)["id"],
        images={"orchestrator": image},
        is_local=False,
        contains_code=True,
        zenml_version=__version__,
        python_version=platform.python_version(),
        **owner,
    )
    return str(build["id"])


def register_by_id(rest: Rest, prefix: str, components: dict[str, Any], owner: dict[str, Any]) -> None:
    """Register the components one by one and then the stack, as 0.63 wants it."""
    ids = {
        kind: [rest.post(f"{prefix}/components", name=STACK, type=kind, **one, **owner)["id"] for one in ones]
        for kind, ones in components.items()
    }
    rest.post(f"{prefix}/stacks", name=STACK, components=ids, **owner)


def _template(pipeline: "Pipeline", build: str, name: str) -> str:
    if not hasattr(pipeline, "create_run_template"):
        return _template_of_deployment(pipeline, build, name)
    # The code is in the image: nothing is to be uploaded.
    settings = {"docker": DockerSettings(allow_download_from_artifact_store=False)}
    return str(pipeline.with_options(build=build, settings=settings).create_run_template(name).id)


def _template_of_deployment(pipeline: "Pipeline", build: str, name: str) -> str:
    """Do what running the pipeline does up to the run: before 0.70 a template was made of a run's deployment."""
    if not pipeline.invocations:
        pipeline.prepare()
    compiled, *_ = pipeline._compile(build=UUID(build))
    client = Client()
    request = PipelineDeploymentRequest(
        user=client.active_user.id,
        workspace=client.active_workspace.id,
        stack=client.active_stack_model.id,
        pipeline=pipeline._register().id,
        build=UUID(build),
        **compiled.model_dump(),
    )
    deployment = client.zen_store.create_deployment(request)
    return str(client.create_run_template(name, deployment.id).id)


def main(url: str, directory: str) -> None:
    """Seed the server at `url`, and write what a test needs to know to `directory`."""
    key = activate(url)
    rest = Rest(url, {"password": key, "grant_type": "zenml-api-key"})
    build = register(rest)
    with bucket() as address:
        # Read when the client is first asked for, which is below.
        told = {"ZENML_STORE_URL": url, "ZENML_STORE_API_KEY": key, "AWS_ENDPOINT_URL_S3": address}
        os.environ.update(told)
        Client().activate_stack(STACK)
        templates = {"production": _template(training, build, "production")}
        training.prepare(model_type="linear", lr=0.001)
        templates["staging"] = _template(training, build, "staging")
        templates["nightly"] = _template(scoring, build, "nightly")
    seeded = {
        "api_key": key,
        "pipelines": {name: rest.one("/pipelines", name)["id"] for name in ("training", "scoring")},
        "templates": templates,
    }
    Path(directory, "seed.json").write_text(json.dumps(seeded, indent=2))


if __name__ == "__main__":
    main(*sys.argv[1:])
