"""Tells everybody in this process who waits for news what comes into the outcome stream: one reader for all of them."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import TypeAlias

from worker.domain.errors import StoreUnavailable
from worker.engine.trouble import Trouble
from worker.store.outcomes import OutcomeStore, place

logger = logging.getLogger("zenbeat.tail")

Outcome: TypeAlias = dict[str, str]

PATIENCE = timedelta(seconds=2)
AGAIN_SECONDS = 1.0

BACKLOG = 1_000
"""Outcomes that may wait for one listener; who takes them more slowly than they come is let go."""


class Listener:
    """Somebody who gets all outcomes from one moment on. `slow`: it was let go, because it did not keep up."""

    def __init__(self) -> None:
        self.slow = False
        self._waiting: deque[Outcome] = deque()
        self._stir = asyncio.Event()
        self._over = False

    async def take(self, patience: float) -> list[Outcome]:
        """Give what came since the last time, oldest first; nothing if nothing comes within `patience` seconds."""
        if not self._waiting and not self._over:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._stir.wait()
        found = list(self._waiting)
        self._waiting.clear()
        if not self._over:
            self._stir.clear()
        return found

    @property
    def over(self) -> bool:
        """Whether nothing comes any more."""
        return self._over and not self._waiting

    def hear(self, outcome: Outcome) -> None:
        """Get one outcome."""
        if self._over:
            return
        if len(self._waiting) >= BACKLOG:
            self.slow = True
            self._waiting.clear()
            self.end()
            return
        self._waiting.append(outcome)
        self._stir.set()

    def end(self) -> None:
        """Get no more."""
        self._over = True
        self._stir.set()


class News:
    """What somebody waits for who waits for one trigger."""

    def __init__(self) -> None:
        self._stir = asyncio.Event()

    async def heard(self, patience: float) -> bool:
        """Wait until something has happened to the trigger since the last time: look again then. False: too long."""
        if patience <= 0:
            return False
        try:
            async with asyncio.timeout(patience):
                await self._stir.wait()
        except TimeoutError:
            return False
        self._stir.clear()
        return True

    def stir(self) -> None:
        """Something has happened."""
        self._stir.set()


class Tail:
    """The end of the outcome stream. `watch` has to be kept going on the event loop of those who wait."""

    def __init__(self, outcomes: OutcomeStore) -> None:
        self._outcomes = outcomes
        self._at: str | None = None
        self._listeners: set[Listener] = set()
        self._followed: dict[str, set[News]] = {}
        self._trouble = Trouble(logger)
        self._closed = False

    @property
    def reached(self) -> str:
        """Id of the outcome up to which all is told; "" before the first look."""
        return self._at or ""

    async def watch(self) -> None:
        """Read what comes and tell it, as long as the process lives."""
        while True:
            try:
                await self._step()
                self._trouble.over()
            except StoreUnavailable as error:
                self._trouble.met(str(error))
                await asyncio.sleep(AGAIN_SECONDS)

    async def _step(self) -> None:
        begun = await self._begun()
        for outcome in await self._outcomes.after(begun, PATIENCE):
            self._at = outcome["id"]
            self._tell(outcome)

    async def _begun(self) -> str:
        """Give the outcome up to which all is told; the newest, at first."""
        if self._at is None:
            self._at = await self._outcomes.last_id()
        return self._at

    def _tell(self, outcome: Outcome) -> None:
        for listener in tuple(self._listeners):
            listener.hear(outcome)
        for news in self._followed.get(outcome.get("trigger", ""), ()):
            news.stir()

    def close(self) -> None:
        """Let everybody go who waits: the process ends. They get what they have not taken yet."""
        self._closed = True
        for listener in self._listeners:
            listener.end()
        for each in self._followed.values():
            for news in each:
                news.stir()

    @contextlib.contextmanager
    def listening(self) -> Iterator[Listener]:
        """Hear all outcomes, from now on."""
        listener = Listener()
        if self._closed:
            listener.end()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    @contextlib.contextmanager
    def following(self, identity: str) -> Iterator[News]:
        """Hear of one trigger, from now on; so look at it after this has begun, and whenever there is news."""
        news = News()
        self._followed.setdefault(identity, set()).add(news)
        try:
            yield news
        finally:
            self._followed[identity].discard(news)
            if not self._followed[identity]:
                del self._followed[identity]

    async def since(self, last: str) -> AsyncIterator[list[Outcome]]:
        """Give what has come since the outcome with this id, oldest first, up to what listeners have been told.

        When it has ended, and without waiting for anything, begin to listen: then nothing is missed. What is told
        twice all the same is told by its id: see `place`. Raises StoreUnavailable.
        """
        while place(last) < place(told := await self._begun()):
            found = await self._outcomes.since(last)
            if found:
                last = found[-1]["id"]
                yield found
            elif told == self._at:
                return  # what was told is not kept any more
