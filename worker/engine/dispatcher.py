"""From waiting to the workers: as many as the server takes, in batches."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from worker.domain.errors import BrokerUnavailable
from worker.engine.halting import Point, reached
from worker.engine.trouble import Trouble
from worker.store.limits import Dispatched, LimitStore
from worker.store.triggers import TriggerStore

logger = logging.getLogger("zenbeat.dispatcher")

Publish = Callable[[Sequence[str]], Awaitable[None]]
"""Send one message with ids to the workers. May lose or double it: ids are claimed in Redis."""


class Dispatcher:
    """Rings the workers' doorbell. Runs on every tick, after every finished batch and after every enqueue."""

    def __init__(self, triggers: TriggerStore, limits: LimitStore, publish: Publish, batch: int) -> None:
        self._triggers = triggers
        self._limits = limits
        self._publish = publish
        self._batch = batch
        self._trouble = Trouble(logger)
        self.capped = False
        """Whether the server is known to take few launches at once."""

    async def ring(self) -> datetime | None:
        """Dispatch what the limits allow. Gives the instant when it is worth another try."""
        found = await self._dispatch()
        await self._send(found.ids)
        return found.later

    async def take(self) -> list[str]:
        """Dispatch what the limits allow, but keep one batch: for a worker that can execute it itself, at once."""
        found = await self._dispatch()
        await self._send(found.ids[self._batch :])
        return found.ids[: self._batch]

    async def _dispatch(self) -> Dispatched:
        reached(Point.BEFORE_DISPATCH)
        found = await self._limits.dispatch()
        self.capped = found.capped
        if found.why:
            self._trouble.met(f"triggers are held back: {found.why}")
        elif found.ids:
            self._trouble.over()
        if found.ids:
            reached(Point.AFTER_DISPATCH)
        return found

    async def _send(self, ids: Sequence[str]) -> None:
        try:
            for start in range(0, len(ids), self._batch):
                reached(Point.BEFORE_PUBLISH)
                await self._publish(ids[start : start + self._batch])
                reached(Point.AFTER_PUBLISH)
        except BrokerUnavailable as error:
            # Nobody claims what was not sent, so it goes back to waiting, and is sent again.
            logger.warning("workers not rung", extra={"triggers": len(ids), "reason": error})

    async def reclaim(self, *, jumped: bool = False) -> None:
        """Return to waiting what a lost message or a dead worker held; after a jump of the clock, see to what waits."""
        returned, given_up = await self._triggers.reclaim(jumped=jumped)
        if returned:
            logger.warning("reclaimed", extra={"triggers": returned})
        if given_up:
            logger.error("given up", extra={"triggers": given_up, "reason": "their workers died again and again"})
