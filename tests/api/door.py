"""The API as a test calls it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx

from worker.api.context import Context
from worker.engine import keychanges
from worker.engine.bell import Bell
from worker.engine.book import Book
from worker.engine.cancelling import cancelled
from worker.engine.keyring import Keyring
from worker.engine.runtime import Engine, open_engine
from worker.engine.tail import Tail
from worker.settings import Settings
from worker.source import Source
from worker.web.app import make_app

SWEEPS = """
sweeps:
  - name: learning-rates
    pipeline: training
    method: grid
    parameters:
      steps.model_trainer.parameters.lr: {values: [0.01, 0.1]}
"""
"""A schedule file that has a sweep of two trials."""

HOME = ("127.0.0.1", 50_000)
"""A caller on the same machine."""


class Door:
    """The application, its context, and a client that calls it from this machine."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.engine: Engine = context.engine
        self.rung: list[str] = []
        self.app = make_app(context)
        self.http = self.client()

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> "AsyncIterator[Door]":
        """Open the API, with what goes on beside it."""
        rung: list[str] = []

        async def publish(ids: Sequence[str]) -> None:
            rung.extend(ids)

        engine = open_engine(settings, publish)
        context = Context(
            engine=engine,
            keyring=Keyring(engine),
            book=Book(Source(settings.schedules_dir, settle=False), engine.booked),
            bell=Bell(engine.dispatcher.ring),
            tail=Tail(engine.outcomes),
        )
        tasks = [asyncio.create_task(context.bell.watch()), asyncio.create_task(context.tail.watch())]
        opened = cls(context)
        opened.rung = rung
        try:
            yield opened
        finally:
            await opened.http.aclose()
            await cancelled(tasks)
            await engine.close()

    def client(self, address: tuple[str, int] = HOME, key: str = "", host: str = "127.0.0.1:8420") -> httpx.AsyncClient:
        """Make a client that calls from an address, with a key."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=address)
        return httpx.AsyncClient(transport=transport, base_url=f"http://{host}", headers=headers)

    async def key(self, *scopes: str, name: str = "ci", rate: int = 0) -> str:
        """Make an API key."""
        return (await keychanges.create(self.engine, name, scopes, rate=rate, by="test")).text

    async def trigger(self, identity: str) -> dict[str, Any]:
        """Read a trigger's fields."""
        (found,) = await self.engine.triggers.get([identity])
        return found
