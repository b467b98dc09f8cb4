"""Ends tasks, also where a library takes a cancellation for a time-out of its own, and goes on."""

import asyncio
import contextlib
from collections.abc import Coroutine, Iterable
from typing import Any

AGAIN_SECONDS = 1.0
"""Until a task is told again that has not ended."""


async def cancelled(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    """Cancel tasks, and wait until they have ended; what they raise is not told.

    redis-py swallows a cancellation that comes while it looks whether there is something to read: told once, such a
    task would go on for ever, and who waits for its end with it.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        ended, left = await asyncio.wait(left, timeout=AGAIN_SECONDS)
        for task in ended:
            if not task.cancelled():
                task.exception()


async def to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Do what has to be done when a task ends, however often the task is told to end meanwhile.

    The work has to end by itself, and soon.
    """
    doing = asyncio.ensure_future(work)
    while not doing.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(doing)
    doing.result()
