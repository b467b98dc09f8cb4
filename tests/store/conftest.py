"""A store of its own for each test, against a real Redis."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from .doors import Doors
from .stores import Store


@pytest.fixture
def run(redis_url: str) -> Callable[..., None]:
    """Run a test's coroutine function with a store of its own."""

    def go(body: Callable[[Store], Awaitable[None]], **limits: Any) -> None:
        async def scope() -> None:
            store = Store(redis_url, **limits)
            try:
                await body(store)
            finally:
                await store.redis.aclose()

        asyncio.run(scope())

    return go


@pytest.fixture
def at_doors(redis_url: str) -> Callable[..., None]:
    """Run a test's coroutine function with the stores of keys, rates and the audit log."""

    def go(body: Callable[[Doors], Awaitable[None]], **options: Any) -> None:
        async def scope() -> None:
            doors = Doors(redis_url, **options)
            try:
                await body(doors)
            finally:
                await doors.redis.aclose()

        asyncio.run(scope())

    return go
