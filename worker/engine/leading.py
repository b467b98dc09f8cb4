"""Keeps the lead, or waits for it, on a thread of its own: a tick that takes long does not lose it."""

import asyncio
import contextlib
import logging
import threading
import time
from datetime import timedelta

from worker.domain.errors import StoreUnavailable
from worker.engine.trouble import Trouble
from worker.store.connection import connect
from worker.store.keys import Keys
from worker.store.lease import Lease

logger = logging.getLogger("zenbeat.beat")

TTL = timedelta(seconds=4)
"""What is not renewed for this long is free. A beat that stands by takes over within it."""

RENEW_SECONDS = 1.0
"""Between renewals: three may fail."""

ANSWER_SECONDS = 1.0
"""How long Redis may take for an answer here: a connection that hangs must leave time for another try."""

AGAIN_SECONDS = 0.25
"""Until the next try when Redis gave no answer."""

FIRST_SECONDS = 2.0
"""How long a beat that starts waits to hear whether it leads."""


class Leader:
    """One beat's part in who leads. Any thread may ask for the `fence`; it is about one's own word, not a promise.

    The promise is in the scripts: each that writes for the scheduler compares the fence with who leads, so that a beat
    that was stopped, and goes on when another one leads, changes nothing.
    """

    def __init__(self, redis_url: str, keys: Keys, identity: str) -> None:
        self._url = redis_url
        self._keys = keys
        self._identity = identity
        self._fence = ""
        self._until = 0.0
        self._heard = threading.Event()
        self._trouble = Trouble(logger)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), name="zenbeat-lead", daemon=True)

    @property
    def fence(self) -> str:
        """Give this beat's hold on the lead, `epoch:id`; "" while it stands by."""
        return self._fence if time.monotonic() < self._until else ""

    async def start(self) -> None:
        """Ask for the lead, and wait a moment for the answer."""
        self._thread.start()
        await asyncio.to_thread(self._heard.wait, FIRST_SECONDS)

    async def close(self) -> None:
        """Give up the lead, so that another beat takes over at once."""
        if self._loop is not None and self._end is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._end.set)
        if self._thread.ident is not None:
            await asyncio.to_thread(self._thread.join)

    def lost(self) -> None:
        """Stand by: Redis said that another beat leads."""
        self._until = 0.0

    async def _live(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        redis = connect(self._url, answer_seconds=ANSWER_SECONDS, again=0)
        lease = Lease(redis, self._keys, self._identity, TTL)
        try:
            while not self._end.is_set():
                wait = await self._take(lease)
                self._heard.set()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._end.wait(), wait)
            await self._resign(lease)
        finally:
            self._heard.set()
            await redis.aclose()

    async def _take(self, lease: Lease) -> float:
        """Take or renew the lead; gives the seconds until it is time for the next try."""
        # Counted from before the question: Redis counts from when it got it.
        asked = time.monotonic()
        try:
            lead = await lease.take()
        except StoreUnavailable as error:
            self._trouble.met(f"the lead is not renewed: {error}")
            return AGAIN_SECONDS
        self._trouble.over()
        self._fence = lead.fence
        self._until = asked + TTL.total_seconds() if lead.fence else 0.0
        return RENEW_SECONDS if lead.fence else min(RENEW_SECONDS, lead.free_in.total_seconds())

    async def _resign(self, lease: Lease) -> None:
        self._until = 0.0
        try:
            await lease.resign()
        except StoreUnavailable as error:
            logger.warning("lead not given up", extra={"reason": error})
