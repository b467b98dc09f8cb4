"""The HTTP API in this process: the real application on a real Redis, called as httpx calls a server."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.api.door import Door
from worker.settings import load_settings


@pytest.fixture
def door(redis_url: str, tmp_path: Path) -> Callable[..., None]:
    """Run a coroutine function with a door: the API, and a caller on this machine. Settings by their variables."""

    def go(body: Callable[[Door], Awaitable[None]], **variables: str) -> None:
        environment = {"REDIS_URL": redis_url, "SCHEDULES_DIR": str(tmp_path), **variables}

        async def scope() -> None:
            async with Door.open(load_settings(environment, tmp_path)) as opened:
                await body(opened)

        asyncio.run(scope())

    return go
