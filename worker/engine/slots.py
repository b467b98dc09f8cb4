"""When a server takes few launches at once: sees which of its slots are free again, and fills them.

ZenML holds a slot beyond its answer, until the run is submitted; a run that is not `initializing` any more has given
its slot back. To ask for that costs the server little, and a launch that it refuses costs it more.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from worker.domain.errors import StoreUnavailable, ZenMLError
from worker.engine.dispatcher import Dispatcher
from worker.store.limits import LimitStore
from worker.zenml.client import ZenML
from worker.zenml.models import SUBMITTING, Run

logger = logging.getLogger("zenbeat.slots")

MOST = 64
"""Runs that are looked at: more than that hold no slots of a server that takes few."""

QUICKEST_SECONDS = 0.005
SLOWEST_SECONDS = 1.0
UNCAPPED_SECONDS = 1.0
"""How often it is seen whether slots matter at all."""

BEGIN, STEP = 0.8, 0.02
"""Looks begin after this part of the time for which slots are usually held, and come this part of it apart: so that a
slot lies empty for a small part of the time only, and the server is asked little."""

GROWTH = 0.2
"""What is not known, or takes longer than usual, is looked at again when it has taken longer by this part."""

CALM = 2
"""After a look, the server is left alone for as many times as long as its answer took."""

SHARE = 0.25
"""How much of each new experience goes into what is usual."""

Execute = Callable[[Sequence[str]], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Held:
    """A slot that is held: by which run, and since when we know of it (seconds of the event loop)."""

    run: str
    project: str
    since: float
    own: bool = False
    """Whether we launched it: then we know how long it has been held."""


class Slots:
    """The slots that are held at the server."""

    def __init__(self, zenml: ZenML, limits: LimitStore, dispatcher: Dispatcher) -> None:
        self._zenml = zenml
        self._limits = limits
        self._dispatcher = dispatcher
        self._held: dict[str, Held] = {}
        self._seen: set[str] = set()
        """Those that were seen to hold their slots."""
        self._capped = False
        self._wake = asyncio.Event()
        self._usual: float | None = None
        """How long a slot is held, by experience; None without any."""
        self._took = 0.0
        """How long the last look took."""

    @property
    def usual(self) -> float | None:
        """How many seconds a launch holds its slot, by experience; None without any."""
        return self._usual

    def started(self, identity: str, run: Run) -> None:
        """Note a launch of ours that was accepted: of those it is known best how long they hold their slots."""
        self._held[identity] = Held(run.id, run.project, _now(), own=True)
        if len(self._held) > MOST:
            del self._held[next(iter(self._held))]

    def refused(self) -> None:
        """The server had no room: look at once, for what holds a slot now is what it takes."""
        self._capped = True
        self._wake.set()

    async def look(self) -> int:
        """Free the slots of runs that are submitted. Gives how many that were."""
        begun = _now()
        seen = await self._know()
        submitting: set[str] = set()
        for project in {held.project for held in seen.values()}:
            ids = [held.run for held in seen.values() if held.project == project and held.run]
            if ids:
                submitting |= await self._zenml.runs_with_status(ids, SUBMITTING, project or None)
        free = [identity for identity, held in seen.items() if held.run not in submitting]
        for identity in free:
            if seen[identity].own:
                self._experience(_now() - seen[identity].since, exact=identity in self._seen)
            self._held.pop(identity, None)
        self._seen = seen.keys() - set(free)
        self._took = _now() - begun
        if seen:
            await self._limits.release(free)
        return len(free)

    def _experience(self, seconds: float, *, exact: bool) -> None:
        """Learn how long a slot is held; one that was free at the first look was held for less than we know."""
        if self._usual is None or (not exact and seconds < self._usual):
            self._usual = seconds
        elif exact:
            self._usual += (seconds - self._usual) * SHARE

    async def _know(self) -> dict[str, Held]:
        """Learn from Redis who holds a slot: also the launches of other workers, which may be gone."""
        held = await self._limits.held()
        self._capped = held is not None
        if held is None:
            return {}
        known = {identity: self._held.get(identity, Held(*run, _now())) for identity, run in held.items()}
        self._held = dict(list(known.items())[-MOST:])
        return dict(self._held)

    async def watch(self, execute: Execute) -> None:
        """Look, and fill what is free, for as long as the process lives."""
        filling: set[asyncio.Task[None]] = set()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._wait()):
                    await self._wake.wait()
            self._wake.clear()
            try:
                if not await self.look():
                    continue
                # Not waited for: while these are sent, other slots become free.
                task = asyncio.create_task(self._fill(execute))
                filling.add(task)
                task.add_done_callback(filling.discard)
            except (ZenMLError, StoreUnavailable) as error:
                logger.debug("slots not looked at", extra={"reason": error})
                await asyncio.sleep(SLOWEST_SECONDS)

    async def _fill(self, execute: Execute) -> None:
        try:
            await execute(await self._dispatcher.take())
        except StoreUnavailable as error:
            logger.debug("slots not filled", extra={"reason": error})

    def _wait(self) -> float:
        if not (self._capped or self._dispatcher.capped):
            return UNCAPPED_SECONDS
        if not self._held:
            return QUICKEST_SECONDS * 10
        soonest = min(next_look(_now() - held.since, self._usual) for held in self._held.values())
        return min(max(soonest, QUICKEST_SECONDS, CALM * self._took), SLOWEST_SECONDS)


def next_look(age: float, usual: float | None) -> float:
    """Say in how many seconds it is worth a look whether a slot is free that has been held for `age` seconds.

    `usual` is for how long slots are held, as far as that is known. One that is held far longer is looked at ever more
    seldom: its run may never leave its first state.
    """
    if usual is None:
        return GROWTH * age
    if age < BEGIN * usual:
        return BEGIN * usual - age
    return max(STEP * usual, GROWTH * (age - usual))


def _now() -> float:
    return asyncio.get_running_loop().time()
