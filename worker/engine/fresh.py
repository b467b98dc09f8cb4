"""What many ask for and one reads: kept for a moment, so that asking more often costs no more."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Fresh(Generic[T]):
    """Gives what `read` gave at most `seconds` ago. What it raises is not kept."""

    def __init__(self, read: Callable[[], Awaitable[T]], seconds: float) -> None:
        self._read = read
        self._seconds = seconds
        self._lock = asyncio.Lock()
        self._kept: tuple[float, T] | None = None

    async def get(self) -> T:
        """Give it. Whoever asks while it is being read waits for that."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if self._kept is None or now - self._kept[0] > self._seconds:
                self._kept = (now, await self._read())
            return self._kept[1]
