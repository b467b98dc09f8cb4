"""The same work on servers of several versions: other scopes, no snapshots, parameters that have to be complete."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from worker.domain.errors import BodyRefused, NameTaken
from worker.zenml.client import ZenML
from worker.zenml.models import Run

from .api import FINISHED, ZenMLAPI
from .server import ZenMLServer

GONE = "0b52e26d-b2ee-4f7b-9191-f028cfc82a17"

TRAINING = ("training", "--template", "production")


@pytest.fixture
def api(server: ZenMLServer, connect: Callable[..., ZenMLAPI]) -> ZenMLAPI:
    """Its API."""
    return connect(server)


@pytest.fixture
def stack(server: ZenMLServer, make_stack: Callable[..., Any]) -> Any:
    """An installation that starts its runs, with nothing started yet."""
    return make_stack(server.url, server.api_key)


def test_the_command_line_checks_starts_and_waits(
    server: ZenMLServer, api: ZenMLAPI, stack: Any, ask: Callable[..., Any], eventually: Callable[..., None]
) -> None:
    stack.define('schedules: [{name: daily, pipeline: training, template: production, cron: "0 2 * * *"}]')
    stack.start("worker")
    stack.start("beat")
    eventually(lambda: stack.ready("worker") and stack.redis.hexists("zenbeat:cursors:0", "daily"), what="both at work")

    said = stack.zenbeat("doctor")
    assert server.version in said
    assert 'schedule daily: starts run template "production" of pipeline "training"' in said
    assert api.templates() == server.seeded["templates"]
    assert "production" in stack.zenbeat("template", "list", "--pipeline", "training")

    # One parameter of several: before 0.82.1 the server wants each of them, and the client puts the others in.
    identity = stack.zenbeat("trigger", *TRAINING, "-p", "model_trainer.lr=0.01", "--wait")
    (outcome,) = stack.outcomes("started")
    assert outcome["trigger"] == identity
    assert api.status(outcome["run_id"]) == "completed"
    parameters = api.steps(outcome["run_id"])["model_trainer"]["metadata"]["config"]["parameters"]
    assert parameters["lr"] == 0.01
    assert len(parameters) > 1
    accuracy = api.run(outcome["run_id"])["metadata"]["run_metadata"]["accuracy"]
    # At first a value came with its own id and dates.
    assert (accuracy["body"]["value"] if isinstance(accuracy, dict) else accuracy) == 1.0

    found = ask(server, lambda zenml: zenml.find_run(outcome["run_name"]))
    assert found.id == outcome["run_id"]
    assert (f"zenbeat:trigger={identity}" in found.tags) is (server.version >= "0.70"), "tags of runs came with 0.70"

    failed = stack.zenbeat("trigger", *TRAINING, "-p", "model_trainer.fail=true", "--wait", code=1)
    (run_id,) = (outcome["run_id"] for outcome in stack.outcomes("started") if outcome["trigger"] == failed)
    assert api.status(run_id) == "failed"


def test_a_repeat_is_no_second_run(server: ZenMLServer, ask: Callable[..., Any]) -> None:
    async def scene(zenml: ZenML) -> tuple[Run, Run | None, Run | None]:
        launch = await zenml.prepare(await zenml.find_target("training", "production"), {"run_name": "once"})
        first = await zenml.start(launch)
        with pytest.raises(NameTaken):
            await zenml.start(launch)
        return first, await zenml.find_run("once"), await zenml.find_run("onc")

    first, found, other = ask(server, scene)
    assert found is not None
    assert found.id == first.id
    assert other is None


def trainer(**parameters: Any) -> dict[str, Any]:
    """A run configuration that gives the trainer parameters."""
    return {"steps": {"model_trainer": {"parameters": parameters}}}


async def completed(zenml: ZenML, *ids: str) -> None:
    """Wait until runs are completed."""
    for _ in range(300):
        if {run.status for run in await zenml.runs(ids)} == {"completed"}:
            return
        await asyncio.sleep(0.2)
    pytest.fail("they do not complete")


def test_what_runs_report_is_read(server: ZenMLServer, ask: Callable[..., Any]) -> None:
    async def scene(zenml: ZenML) -> None:
        target = await zenml.find_target("training", "production")
        bodies = [trainer(lr=0.01), trainer(lr=0.1, epochs=5)]
        good, other = [(await zenml.start(await zenml.prepare(target, body))).id for body in bodies]
        await completed(zenml, good, other)
        found = await zenml.metrics([good, GONE, other], "default")
        assert set(found) == {good, other}
        assert found[good].metadata == {"accuracy": 1.0, "loss": 0.0, "epoch": 3, "model_type": "rf"}
        half = pytest.approx(0.5)
        assert found[other].metadata == {"accuracy": half, "loss": half, "epoch": 5, "model_type": "rf"}
        assert found[good].metadata == (await zenml.run(good)).metadata

    ask(server, scene)


def test_what_a_run_reports_on_its_way_is_read(server: ZenMLServer, ask: Callable[..., Any]) -> None:
    async def scene(zenml: ZenML) -> list[tuple[int, float]]:
        target = await zenml.find_target("training", "production")
        run = await zenml.start(await zenml.prepare(target, trainer(lr=0.01, epochs=4, seconds=6.0)))
        seen: list[tuple[int, float]] = []
        for _ in range(300):
            one = (await zenml.metrics([run.id]))[run.id]
            if "epoch" in one.metadata:
                seen.append((one.metadata["epoch"], one.metadata["accuracy"]))
            if one.status in FINISHED:
                break
            await asyncio.sleep(0.1)
        return list(dict.fromkeys(seen))

    seen = ask(server, scene)
    assert len(seen) > 1, seen
    # In their order, to the last; an accuracy may be that of the epoch which is being written.
    assert seen == sorted(seen)
    assert all(accuracy in {epoch / 4, (epoch + 1) / 4} for epoch, accuracy in seen)
    assert seen[-1] == (4, 1.0)


def test_parameters_of_a_static_pipeline_are_refused_before_a_launch(
    server: ZenMLServer, ask: Callable[..., Any]
) -> None:
    async def scene(zenml: ZenML) -> None:
        targets = [await zenml.find_target("training", "production")]
        if "snapshots" in server.seeded:
            targets.append(await zenml.find_target("training", snapshot="production"))
        for target in targets:
            with pytest.raises(BodyRefused, match="parameters: cannot be given to a static pipeline"):
                await zenml.prepare(target, {"parameters": {"lr": 0.1}})

    ask(server, scene)


def test_a_dynamic_pipeline_takes_parameters(zenml_server: ZenMLServer, ask: Callable[..., Any]) -> None:
    async def scene(zenml: ZenML) -> Run:
        target = await zenml.find_target("tuning", snapshot="production")
        with pytest.raises(BodyRefused, match=r"parameters\.epoch: no such parameter; did you mean epochs"):
            await zenml.prepare(target, {"parameters": {"epoch": 1}})
        run = await zenml.start(await zenml.prepare(target, {"parameters": {"lr": 0.01, "epochs": 7}}))
        await completed(zenml, run.id)
        return (await zenml.metrics([run.id]))[run.id]

    metadata = ask(zenml_server, scene).metadata
    assert (metadata["accuracy"], metadata["epoch"]) == (1.0, 7)


def test_a_sweep_keeps_to_its_max_parallel(api: ZenMLAPI, stack: Any, eventually: Callable[..., None]) -> None:
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
    stack.zenbeat("sweep", "run", "one-by-one")
    eventually(lambda: len(stack.outcomes("started")) == 2, 90, "two runs")
    states = {outcome["run_id"]: api.status(outcome["run_id"]) for outcome in stack.outcomes("started")}
    assert sum(state in FINISHED for state in states.values()) == 1, states
