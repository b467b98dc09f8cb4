"""A door with a ZenML behind it, and what the workers do with what was asked for."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.api.door import Door
from tests.engine.conftest import Flow
from worker.demo.zenml import DEMO_API_KEY, DemoServer

TRIGGERS = "/api/v1/triggers"


async def ask(opened: Door, **request: Any) -> str:
    """Ask for a run over the API; gives the trigger's id."""
    answer = await opened.http.post(TRIGGERS, json={"pipeline": "training", **request})
    assert answer.status_code == 202, answer.text
    identity: str = answer.json()["id"]
    return identity


@pytest.fixture
def stage(door: Callable[..., None], demo: DemoServer) -> Callable[..., None]:
    """Run a coroutine function with a door, and a flow that does what the workers do."""

    def go(body: Callable[[Door, Flow], Any]) -> None:
        async def scope(opened: Door) -> None:
            flow = Flow(opened.engine, demo)
            flow.rung = opened.rung
            await body(opened, flow)

        door(scope, ZENML_STORE_URL=demo.url, ZENML_STORE_API_KEY=DEMO_API_KEY)

    return go
