"""Leaves signs of life: of a worker, or of an API process."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from worker.domain.errors import StoreUnavailable
from worker.engine.cancelling import to_its_end
from worker.engine.runtime import Engine
from worker.engine.trouble import Trouble
from worker.store.heartbeats import EVERY

logger = logging.getLogger("zenbeat.alive")

LEAVE_SECONDS = 3.0
"""How long taking the sign away may hold up the end of a process; after that it fades."""


def _nothing() -> Mapping[str, Any]:
    return {}


async def keep_signing(
    engine: Engine, role: str, identity: str, say: Callable[[], Mapping[str, Any]] = _nothing
) -> None:
    """Leave a sign of life every few seconds, and learn Redis' time by the way; take it away at the end.

    `say` gives what else it tells: what this process did last.
    """
    trouble = Trouble(logger)
    since = engine.clock().isoformat()
    try:
        while True:
            try:
                sign = {"at": engine.clock().isoformat(), "since": since, **say()}
                engine.clock.hear(await engine.heartbeats.beat(role, identity, sign))
            except StoreUnavailable as error:
                trouble.met(str(error))
            else:
                trouble.over()
            await asyncio.sleep(EVERY.total_seconds())
    finally:
        await to_its_end(_leave(engine, role, identity))


async def _leave(engine: Engine, role: str, identity: str) -> None:
    try:
        async with asyncio.timeout(LEAVE_SECONDS):
            await engine.heartbeats.leave(role, identity)
    except (StoreUnavailable, TimeoutError) as error:
        logger.debug("sign of life not taken away", extra={"reason": error})
