"""The way from a command, which is not async, into the engine."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from worker.engine.dispatcher import Publish
from worker.engine.runtime import Engine, open_engine
from worker.settings import Settings, load_settings

T = TypeVar("T")


async def no_publish(ids: Sequence[str]) -> None:
    """Publish nothing: for commands that only look. What is recorded is rung by the beat anyway."""


def with_engine(
    work: Callable[[Engine], Awaitable[T]], settings: Settings | None = None, publish: Publish = no_publish
) -> T:
    """Do `work` with an engine on an event loop of its own, and close it whatever happens.

    Without `settings` they are read from the environment. Raises what the work raises, and InvalidInput for settings.
    """
    return asyncio.run(_working(work, settings or load_settings(), publish))


async def _working(work: Callable[[Engine], Awaitable[T]], settings: Settings, publish: Publish) -> T:
    engine = open_engine(settings, publish)
    try:
        return await work(engine)
    finally:
        await engine.close()
