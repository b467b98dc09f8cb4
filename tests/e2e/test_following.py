"""Runs are followed from their POST to their end by what has changed, on the newest and the oldest server."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from worker.domain.errors import NotYet, Refused
from worker.zenml.client import ZenML
from worker.zenml.models import Run

from .api import FINISHED, ZenMLAPI
from .server import ZenMLServer

GONE = "0b52e26d-b2ee-4f7b-9191-f028cfc82a17"
ON_THE_WAY = ["initializing", "provisioning", "running", "stopping"]

Ask = Callable[..., Any]


async def start(zenml: ZenML, name: str, **parameters: Any) -> Run:
    """Start a run, and look it up."""
    body = {"run_name": name, "tags": ["followed"], "steps": {"model_trainer": {"parameters": parameters}}}
    launch = await zenml.prepare(await zenml.find_target("training", "production"), body)
    return await zenml.run((await zenml.start(launch)).id)


async def follow(zenml: ZenML, since: datetime, *names: str) -> dict[str, list[Run]]:
    """Ask for changes until the runs have ended, and give what was seen of each."""
    seen: dict[str, list[Run]] = {name: [] for name in names}
    deadline = time.monotonic() + 60
    while not all(runs and runs[-1].status in FINISHED for runs in seen.values()):
        assert time.monotonic() < deadline, seen
        for run in await zenml.changed_runs(since):
            assert run.updated is not None
            since = run.updated
            if run.name in seen and run not in seen[run.name]:
                seen[run.name].append(run)
        await asyncio.sleep(0.05)
    return seen


def check_course(runs: list[Run], end: str) -> None:
    """See that the statuses came in their order, each with a later change than the one before."""
    statuses = list(dict.fromkeys(run.status for run in runs))
    assert statuses == [status for status in [*ON_THE_WAY, end] if status in statuses], statuses
    assert statuses[-1] == end
    assert "running" in statuses
    changes = [run.updated for run in runs]
    assert all(earlier < later for earlier, later in pairwise(changes)), changes


def test_runs_are_followed_to_their_end(server: ZenMLServer, ask: Ask, connect: Callable[..., ZenMLAPI]) -> None:
    async def scene(zenml: ZenML) -> None:
        good = await start(zenml, "good", seconds=2.0)
        bad = await start(zenml, "bad", seconds=1.0, fail=True)
        assert good.created is not None
        seen = await follow(zenml, good.created, "good", "bad")
        check_course(seen["good"], "completed")
        check_course(seen["bad"], "failed")

        last = seen["good"][-1]
        assert (last.pipeline, last.pipeline_id) == ("training", server.seeded["pipelines"]["training"])
        assert last.tags == (("followed",) if server.version >= "0.70" else ())
        assert last.created == good.created
        assert last.updated is not None
        assert await zenml.changed_runs(last.updated.replace(year=2099)) == []

        ids = [good.id, bad.id]
        found = {run.id: run for run in await zenml.runs([*ids, GONE], "default")}
        assert {run.name: run.status for run in found.values()} == {"good": "completed", "bad": "failed"}
        connect(server).delete_run(good.id)
        assert [run.id for run in await zenml.runs(ids)] == [bad.id]
        assert [run.name for run in await zenml.changed_runs(None)] == ["bad"]

    ask(server, scene)


def test_a_run_is_stopped_where_the_server_can(server: ZenMLServer, ask: Ask) -> None:
    async def scene(zenml: ZenML) -> None:
        run = await start(zenml, "long", seconds=20.0)
        if server.version < "0.93":  # from 0.84 on some orchestrators could, but not this one
            with pytest.raises(Refused, match=r"cannot stop runs|does not support stopping") as caught:
                await zenml.stop_run(run.id)
            assert caught.value.code == "cannot_stop"
            return
        await stopped(zenml, run)
        assert run.created is not None
        seen = await follow(zenml, run.created, "long")
        assert {one.status for one in seen["long"]} <= {"stopping", "stopped"}
        with pytest.raises(Refused, match="has ended already"):
            await zenml.stop_run(run.id)

    async def stopped(zenml: ZenML, run: Run) -> None:
        for _ in range(100):
            try:
                return await zenml.stop_run(run.id)
            except NotYet:
                await asyncio.sleep(0.1)
        pytest.fail("it cannot be stopped")

    ask(server, scene)


def test_more_runs_than_a_page_change_in_few_seconds(
    zenml_server: ZenMLServer, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.zenml.following.PAGE", 2)

    async def scene(zenml: ZenML) -> None:
        runs = [await start(zenml, f"crowd-{number}") for number in range(7)]
        first = runs[0].created
        assert first is not None
        await follow(zenml, first, *(run.name for run in runs))
        found = await zenml.changed_runs(first)
        assert {run.id for run in runs} <= {run.id for run in found}
        assert found == sorted(found, key=lambda run: run.updated or first)

    ask(zenml_server, scene)
