"""Rings the workers for those who must not wait for it: soon, and once for all who asked meanwhile."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from worker.domain.errors import StoreUnavailable

logger = logging.getLogger("zenbeat.bell")


class Bell:
    """What is recorded is rung by the beat anyway; this makes it a matter of milliseconds."""

    def __init__(self, ring: Callable[[], Awaitable[object]]) -> None:
        self._ring = ring
        self._wanted = asyncio.Event()

    def ring(self) -> None:
        """Ask for it. Returns at once."""
        self._wanted.set()

    async def watch(self) -> None:
        """Ring whenever it is asked for, as long as the process lives."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self._ring()
            except StoreUnavailable as error:
                logger.warning("workers not rung", extra={"reason": error})
            except Exception:
                # Whatever it is, who asks next is served; the beat rings for this one.
                logger.exception("workers not rung")
