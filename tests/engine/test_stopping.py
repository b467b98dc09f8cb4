"""`cancel_other` where the run cannot be stopped at once: it is asked again, or waited for."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.engine.night import Night
from worker.demo.zenml import DemoServer

LONG = """
- name: s
  pipeline: training
  every: 2s
  overlap: cancel_other
  max_runs: 5
  config:
    steps: {model_trainer: {parameters: {seconds: 600}}}
"""


@pytest.fixture
def demo(request: pytest.FixtureRequest) -> Iterator[DemoServer]:
    """A demo server as a test asks for."""
    with DemoServer(capacity=None, failure_rate=0, **getattr(request, "param", {})) as server:
        yield server


def stops(n: Night) -> int:
    return n.demo.state.requests["POST /api/v1/runs/{id}/stop"]


async def overtaken(n: Night, seconds: int) -> dict[str, str]:
    """Go on until the first run is to make way; gives its outcome."""
    n.define(LONG.replace("600", str(seconds)))
    (first,) = await n.started()

    async def stopping() -> bool:
        return "stopping" in (await n.engine.triggers.get([first["trigger"]]))[0]

    await n.until(stopping)
    return first


@pytest.mark.parametrize("demo", [{"version": "0.83.1"}], indirect=True)
def test_a_server_that_cannot_stop_runs_is_waited_for(demo: DemoServer, night: Any) -> None:
    async def body(n: Night) -> None:
        first = await overtaken(n, 600)
        await n.quiet(20)
        assert stops(n) == 0
        assert len(n.demo.state.runs) == 1, "the next one waits for its own end"
        n.end(first["run_id"])
        second = (await n.started(count=2))[1]
        assert second["run_id"] != first["run_id"]
        assert await n.outcomes("completed")

    night(body)


@pytest.mark.parametrize("demo", [{"submit_seconds": 3}], indirect=True)
def test_a_run_that_is_not_on_its_way_yet_is_asked_again(demo: DemoServer, night: Any) -> None:
    async def body(n: Night) -> None:
        first = await overtaken(n, 4)
        old = n.demo.state.runs.get(UUID(first["run_id"]))
        assert old is not None
        second = (await n.started(count=2))[1]
        assert stops(n) > 1
        new = n.demo.state.runs.get(UUID(second["run_id"]))
        assert new is not None
        assert old.course.ended <= new.created

    night(body)
