"""An engine in this process, against a real Redis and the demo ZenML server, without Celery in between."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from worker.demo.zenml import DEMO_API_KEY, DemoServer
from worker.domain.trigger import Origin
from worker.engine.enqueue import accept
from worker.engine.requests import parse_request
from worker.engine.runtime import Engine, clock, open_engine
from worker.settings import load_settings


class Flow:
    """An engine whose doorbell is answered at once, by itself."""

    def __init__(self, engine: Engine, demo: DemoServer) -> None:
        self.engine = engine
        self.demo = demo

    @classmethod
    async def open(cls, settings: Any, demo: DemoServer) -> "Flow":
        rung: list[str] = []

        async def publish(ids: Sequence[str]) -> None:
            rung.extend(ids)

        flow = cls(open_engine(settings, publish), demo)
        flow.rung = rung
        return flow

    rung: list[str]

    async def ask(self, **request: Any) -> str:
        """Record a trigger as a caller would; gives its id."""
        wanted = parse_request({"pipeline": "training", **request})
        accepted = await accept(self.engine.requests, Origin.CLI, wanted, "k", clock())
        return accepted.trigger.id

    async def step(self) -> None:
        """Dispatch what is ready, and execute it."""
        if self.engine.dispatcher.capped:
            await self.engine.slots.look()
        await self.engine.dispatcher.ring()
        ids = list(self.rung)
        self.rung.clear()
        if ids:
            await self.engine.executor.execute(ids)

    async def settle(self, seconds: float = 60) -> None:
        """Go on until nothing waits any more."""
        async with asyncio.timeout(seconds):
            while True:
                await self.step()
                if not await self.engine.triggers.waiting() and not self.rung:
                    return
                await asyncio.sleep(0.02)

    async def state(self, identity: str) -> dict[str, str]:
        """Read a trigger."""
        (found,) = await self.engine.triggers.get([identity])
        return found

    async def statuses(self) -> list[str]:
        """Give the statuses of all outcomes, oldest first."""
        return [outcome["status"] for outcome in await self.engine.outcomes.newest(1000)][::-1]


@pytest.fixture
def flow(redis_url: str, demo: DemoServer, tmp_path: Path) -> Callable[..., None]:
    """Run a coroutine function with a flow; settings are given by their variables."""

    def go(body: Callable[[Flow], Awaitable[None]], **variables: str) -> None:
        environment = {
            "REDIS_URL": redis_url,
            "ZENML_STORE_URL": demo.url,
            "ZENML_STORE_API_KEY": DEMO_API_KEY,
            "SCHEDULES_DIR": str(tmp_path),
            **variables,
        }

        async def scope() -> None:
            flow = await Flow.open(load_settings(environment, tmp_path), demo)
            try:
                await body(flow)
            finally:
                await flow.engine.close()

        asyncio.run(scope())

    return go


@pytest.fixture
def night(flow: Any, tmp_path: Path) -> Callable[..., None]:
    """Run a coroutine function with a whole night; settings are given by their variables."""
    from tests.engine.night import Night  # which is made of the Flow above

    def go(body: Callable[[Any], Awaitable[None]], **variables: str) -> None:
        async def scope(f: Flow) -> None:
            begun = Night(f, tmp_path)
            try:
                await body(begun)
            finally:
                await begun.duties.close()

        flow(scope, **variables)

    return go


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are looked at as often as a test takes steps, not once a second."""
    moment = timedelta(milliseconds=20)
    monkeypatch.setattr("worker.engine.pace.QUICKEST", moment)
    monkeypatch.setattr("worker.engine.looking.QUICKEST", moment)
    monkeypatch.setattr("worker.engine.watcher.QUICKEST", moment)
    monkeypatch.setattr("worker.engine.watcher.REGULARLY", moment)


@pytest.fixture
def prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep that ends is wound up, and its runs are asked what they report, as often as a test takes steps."""
    moment = timedelta(milliseconds=20)
    monkeypatch.setattr("worker.engine.winding.AGAIN", moment)
    monkeypatch.setattr("worker.engine.measuring.REPORTS_EVERY", moment)


@pytest.fixture
def clockwork(flow: Any, tmp_path: Path) -> Callable[..., None]:
    """Run a coroutine function with a scheduler whose time the test sets."""
    from tests.engine.clockwork import Clockwork  # beside Night, in a file of its own

    def go(body: Callable[[Any], Awaitable[None]], **variables: str) -> None:
        async def scope(f: Flow) -> None:
            await body(Clockwork(f.engine, f.demo, tmp_path))

        flow(scope, **variables)

    return go
