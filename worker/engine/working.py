"""What a worker process does besides executing: it warms up, and says that it is alive."""

import asyncio
import logging
from collections.abc import Sequence

from worker.domain.errors import StoreUnavailable, ZenMLError
from worker.engine.runtime import Engine, clock
from worker.engine.trouble import Trouble
from worker.store.heartbeats import EVERY

logger = logging.getLogger("zenbeat.worker")


class Worker:
    """The worker's side of the engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._trouble = Trouble(logger)

    async def execute(self, ids: Sequence[str]) -> None:
        """Execute a batch, and let the next one come.

        When Redis is away, the claims run out and the beat rings again: nothing is lost, nothing is to be done here.
        """
        if not ids:
            return
        try:
            await self._engine.executor.execute(ids)
            await self._engine.dispatcher.ring()
        except StoreUnavailable as error:
            logger.error("batch not finished", extra={"triggers": len(ids), "reason": error})

    async def live(self, identity: str) -> None:
        """Warm up, then leave a sign of life every few seconds until the process ends."""
        try:
            await self._engine.zenml.open()
        except ZenMLError as error:
            logger.warning("ZenML not ready", extra={"reason": error})
        watching = asyncio.create_task(self._engine.slots.watch(self.execute))
        try:
            while True:
                await self._sign(identity)
                await asyncio.sleep(EVERY.total_seconds())
        finally:
            watching.cancel()
            await self._leave(identity)

    async def _sign(self, identity: str) -> None:
        try:
            await self._engine.heartbeats.beat("worker", identity, {"at": clock().isoformat()})
        except StoreUnavailable as error:
            self._trouble.met(str(error))
        else:
            self._trouble.over()

    async def _leave(self, identity: str) -> None:
        try:
            await self._engine.heartbeats.leave("worker", identity)
        except StoreUnavailable as error:
            logger.debug("sign of life not taken away", extra={"reason": error})
