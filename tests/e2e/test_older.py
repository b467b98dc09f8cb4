"""zenbeat at work on servers of other versions: other scopes, no snapshots, parameters that have to be complete.

The oldest, the first with run templates, is always among them. ZENBEAT_E2E_VERSIONS names those wanted besides,
separated by blanks, or `all`: each is another environment of 280 MB.
"""

import asyncio
import os
from collections.abc import Callable
from typing import Any

import pytest

from worker.domain.errors import NameTaken
from worker.zenml.client import ZenML
from worker.zenml.models import Run
from worker.zenml.options import ZenMLOptions

from .api import FINISHED, ZenMLAPI
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

    # What keeps a repeat from being a second run: the name is taken, and the run is found by it.
    found, missed = asyncio.run(_repeat(server, outcome["run_name"]))
    assert found is not None
    assert found.id == outcome["run_id"]
    assert (f"zenbeat:trigger={outcome['trigger']}" in found.tags) is (version >= "0.70"), "tags of runs came with 0.70"
    assert missed is None

    failed = zenbeat(stack, "trigger", *TRAINING, "-p", "model_trainer.fail=true", "--wait", code=1)
    assert failed == stack.outcomes("started")[-1]["trigger"]


async def _repeat(server: ZenMLServer, name: str) -> tuple[Run | None, Run | None]:
    """Start the run of that name again, in vain; gives what is found by the name, and by another."""
    zenml = ZenML(ZenMLOptions(url=server.url, api_key=server.api_key))
    try:
        launch = await zenml.prepare(await zenml.find_target("training", "production"), {"run_name": name})
        with pytest.raises(NameTaken):
            await zenml.start(launch)
        return await zenml.find_run(name), await zenml.find_run(f"{name}-")
    finally:
        await zenml.aclose()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_sweep_keeps_to_its_max_parallel(
    version: str,
    make_zenml_server: Callable[..., ZenMLServer],
    make_stack: Callable[..., Any],
    connect: Callable[..., ZenMLAPI],
    eventually: Callable[..., None],
) -> None:
    server = make_zenml_server(version=version)
    stack = make_stack(server.url, server.api_key)
    stack.define(
        "sweeps:\n"
        "  - name: one-by-one\n"
        "    pipeline: training\n"  # and its newest template
        "    method: grid\n"
        "    max_parallel: 1\n"
        "    config: {steps: {model_trainer: {parameters: {seconds: 8}}}}\n"
        "    parameters: {steps.model_trainer.parameters.lr: {values: [0.1, 0.01]}}\n"
    )
    stack.start("worker")
    stack.start("beat")
    zenbeat(stack, "sweep", "run", "one-by-one")
    eventually(lambda: len(stack.outcomes("started")) == 2, 90, "two runs")
    states = {outcome["run_id"]: connect(server).status(outcome["run_id"]) for outcome in stack.outcomes("started")}
    assert sum(state in FINISHED for state in states.values()) == 1, states
