"""Work that a tick does not wait for, because other schedules are due meanwhile."""

import asyncio
from collections.abc import Callable, Collection, Coroutine
from typing import Any, TypeVar

MOMENT = 0.2
"""Seconds for which a tick waits all the same: nearly everything is done by then."""

Answer = TypeVar("Answer")


class Aside:
    """Begins each piece of work once, and has its result when a later tick asks again."""

    def __init__(self) -> None:
        self._tasks: dict[tuple[str, ...], asyncio.Task[Any]] = {}

    @property
    def busy(self) -> bool:
        """Whether anything goes on."""
        return not all(task.done() for task in self._tasks.values())

    def keep(self, owners: Collection[str]) -> None:
        """Forget the work for all others; the first word of a key says for whom it is."""
        for key in [key for key in self._tasks if key[0] not in owners]:
            self._tasks.pop(key).cancel()

    async def get(self, key: tuple[str, ...], work: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer | None:
        """Give the result, None while it is not there. Raises what the work raises."""
        if key not in self._tasks:
            self._tasks[key] = asyncio.create_task(work())
        task = self._tasks[key]
        done, _ = await asyncio.wait([task], timeout=MOMENT)
        if not done:
            return None
        del self._tasks[key]
        result: Answer = task.result()
        return result
