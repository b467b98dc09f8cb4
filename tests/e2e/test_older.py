"""zenbeat at work on servers of other versions: other scopes, no snapshots, parameters that have to be complete.

The oldest known here, from before projects, is always among them. ZENBEAT_E2E_VERSIONS names those wanted besides,
separated by blanks, or `all`: each is another environment of 280 MB.
"""

import asyncio
import os
from collections.abc import Callable
from typing import Any

import pytest

from worker.zenml.client import ZenML
from worker.zenml.models import Run
from worker.zenml.options import ZenMLOptions

from .api import ZenMLAPI
from .environment import OLDEST, REQUIREMENTS, VERSION
from .server import ZenMLServer
from .test_zenbeat import zenbeat

_WANTED = os.environ.get("ZENBEAT_E2E_VERSIONS", "").split()
VERSIONS = [v for v in REQUIREMENTS if v != VERSION and (v == OLDEST or _WANTED == ["all"] or v in _WANTED)]

TRAINING = ("training", "--template", "production")


@pytest.mark.parametrize("version", VERSIONS)
def test_zenbeat_checks_starts_and_follows_runs(
    version: str,
    make_zenml_server: Callable[..., ZenMLServer],
    make_stack: Callable[..., Any],
    connect: Callable[..., ZenMLAPI],
    eventually: Callable[..., None],
) -> None:
    server = make_zenml_server(version=version)
    stack = make_stack(server.url, server.api_key)
    stack.define('schedules: [{name: daily, pipeline: training, template: production, cron: "0 2 * * *"}]')
    stack.start("worker")
    stack.start("beat")
    eventually(lambda: stack.ready("worker") and stack.redis.hexists("zenbeat:cursors:0", "daily"), what="both at work")

    said = zenbeat(stack, "doctor")
    assert version in said
    assert 'schedule daily: starts run template "production" of pipeline "training"' in said

    # One parameter of several: before 0.82.1 the server wants each of them, and the client puts the others in.
    zenbeat(stack, "trigger", *TRAINING, "-p", "model_trainer.lr=0.25", "--wait")
    (outcome,) = stack.outcomes("started")
    api = connect(server)
    parameters = api.steps(outcome["run_id"])["model_trainer"]["metadata"]["config"]["parameters"]
    assert parameters["lr"] == 0.25
    assert len(parameters) > 1

    # What is looked for after a lost answer is found by the same name, and by no other.
    found = _find(server, outcome["run_name"])
    assert found is not None
    assert found.id == outcome["run_id"]
    assert _find(server, outcome["run_name"] + "-") is None

    failed = zenbeat(stack, "trigger", *TRAINING, "-p", "model_trainer.fail=true", "--wait", code=1)
    assert failed == stack.outcomes("started")[-1]["trigger"]


def _find(server: ZenMLServer, name: str) -> Run | None:
    async def body() -> Run | None:
        zenml = ZenML(ZenMLOptions(url=server.url, api_key=server.api_key))
        try:
            return await zenml.find_run(name)
        finally:
            await zenml.aclose()

    return asyncio.run(body())
