"""Older servers, which zenbeat speaks to as well: logging in and the route of the templates.

The newest alone by default: each version is another environment of 280 MB. ZENBEAT_E2E_VERSIONS names those wanted
besides, separated by blanks, or `all`.
"""

import os
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from .api import ZenMLAPI
from .environment import REQUIREMENTS, VERSION
from .server import ZenMLServer

pytestmark = pytest.mark.e2e

_WANTED = os.environ.get("ZENBEAT_E2E_VERSIONS", "").split()
VERSIONS = list(REQUIREMENTS) if _WANTED == ["all"] else list(dict.fromkeys([VERSION, *_WANTED]))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_template_runs_by_the_way_that_all_versions_know(
    version: str,
    make_zenml_server: Callable[..., ZenMLServer],
    connect: Callable[..., ZenMLAPI],
    finished: Callable[..., str],
    run_of: Callable[..., Any],
) -> None:
    server = make_zenml_server(version=version)
    assert httpx.get(f"{server.url}/api/v1/info").json()["version"] == version
    api = connect(server)
    assert api.templates() == server.seeded["templates"]
    name = f"older-{uuid.uuid4()}"
    # Before 0.82.1 each parameter of a step has to be there.
    body = run_of(api, server.seeded["templates"]["production"], lr=0.01)
    answer = api.start_template(server.seeded["templates"]["production"], {**body, "run_name": name})
    assert answer.status_code == 200, answer.text
    assert finished(api, answer.json()["id"]) == "completed"
    assert api.run(answer.json()["id"])["metadata"]["run_metadata"]["accuracy"] == 1.0

    failing = run_of(api, server.seeded["templates"]["production"], fail=True)
    answer = api.start_template(server.seeded["templates"]["production"], failing)
    assert finished(api, answer.json()["id"]) == "failed"

    again = api.start_template(server.seeded["templates"]["production"], {**body, "run_name": name})
    assert again.status_code == 409


@pytest.fixture
def run_of() -> Callable[..., dict[str, Any]]:
    """Make a body that starts a template with other parameters of its trainer, complete as old servers want it."""

    def make(api: ZenMLAPI, template_id: str, **parameters: object) -> dict[str, Any]:
        template = api.http.get(f"/run_templates/{template_id}").raise_for_status().json()
        body: dict[str, Any] = template["metadata"]["config_template"]
        body["steps"]["model_trainer"]["parameters"].update(parameters)
        return body

    return make
