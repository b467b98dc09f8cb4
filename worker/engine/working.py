"""What a worker process does besides executing: it warms up, and says that it is alive."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from worker.domain.errors import StoreUnavailable, ZenMLError
from worker.engine.runtime import Engine
from worker.engine.signing import keep_signing

logger = logging.getLogger("zenbeat.worker")


class Worker:
    """The worker's side of the engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._executed = 0
        self._last: datetime | None = None

    async def execute(self, ids: Sequence[str]) -> None:
        """Execute a batch, and let the next one come.

        When Redis is away, the claims run out and the beat rings again: nothing is lost, nothing is to be done here.
        """
        if not ids:
            return
        try:
            await self._engine.executor.execute(ids)
            self._executed += len(ids)
            self._last = self._engine.clock()
            await self._engine.dispatcher.ring()
        except StoreUnavailable as error:
            logger.error("batch not finished", extra={"triggers": len(ids), "reason": error})

    async def live(self, identity: str) -> None:
        """Warm up, leave a sign of life every few seconds, and see to free slots, until the process ends."""
        # If one of them ends by a fault of ours, so do the others: without signs of life, the worker is restarted.
        # They begin together: a server that does not answer must not make this worker look dead.
        async with asyncio.TaskGroup() as together:
            together.create_task(keep_signing(self._engine, "worker", identity, self.did))
            together.create_task(self._warm_up())
            together.create_task(self._engine.slots.watch(self.execute))

    def did(self) -> dict[str, Any]:
        """Tell what it did, and how long launches hold their slots, which nobody else sees."""
        last = self._last.isoformat() if self._last else None
        return {"executed": self._executed, "last": last, "holds": self._engine.slots.usual}

    async def _warm_up(self) -> None:
        try:
            await self._engine.zenml.open()
        except ZenMLError as error:
            logger.warning("ZenML not ready", extra={"reason": error})
