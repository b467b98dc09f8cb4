"""What the beat that leads does besides scheduling: it follows runs, reacts, minds the time, and tells people."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

from worker.engine.alerting import Alerting
from worker.engine.cancelling import cancelled
from worker.engine.fanout import Fanout
from worker.engine.following import Wanted
from worker.engine.measuring import Measurer
from worker.engine.minding import Minder
from worker.engine.others import Others
from worker.engine.past import Past
from worker.engine.pausing import Pausing
from worker.engine.preflight import Preflight, Upcoming
from worker.engine.reacting import Reactor
from worker.engine.runtime import Engine
from worker.engine.sending import Sender
from worker.engine.tallying import Tally
from worker.engine.trials import SweepReader
from worker.engine.watcher import Watcher
from worker.notify import Notifier
from worker.source import Definitions


class Duties:
    """All of it, put together on one engine."""

    def __init__(self, engine: Engine) -> None:
        settings = engine.settings
        self._notifier = Notifier(settings.receivers, engine.clock)
        alerting = Alerting(engine.alerts, settings.receivers, settings.notified)
        pausing = Pausing(engine.pauses, engine.outcomes, alerting)
        self.past = Past(engine.pauses, engine.results, engine.sweeps)
        self._sweeps = engine.sweeps
        self._others = _others(engine)
        self._watcher = _watcher(engine, self._others)
        self._reactor = _reactor(engine, alerting, pausing, self.past, self._others)
        self._minder = _minder(engine, alerting, pausing)
        self._preflight = Preflight(
            zenml=engine.zenml, triggers=engine.triggers, past=self.past, alerting=alerting, now=engine.clock
        )
        reader = SweepReader(engine.sweeps)
        self._measurer = Measurer(
            sweeps=engine.sweeps, reader=reader, triggers=engine.triggers, zenml=engine.zenml, now=engine.clock
        )
        self._fanout = Fanout(
            sweeps=engine.sweeps, reader=reader, triggers=engine.triggers, past=self.past, now=engine.clock
        )
        self._sender = Sender(engine.alerts, self._notifier, engine.clock)
        self._definitions: Definitions | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, fence: Callable[[], str], upcoming: Upcoming) -> None:
        """Begin with what goes on beside the ticks. `fence` gives the hold on the lead, "" without."""
        self._tasks = [
            asyncio.create_task(self._watcher.watch(fence)),
            asyncio.create_task(self._sender.watch(fence)),
            asyncio.create_task(self._preflight.watch(fence, upcoming)),
            asyncio.create_task(self._measurer.watch(fence)),
        ]

    @property
    def behind(self) -> bool:
        """Whether another tick is wanted at once."""
        return self._reactor.behind

    async def advance(self, definitions: Definitions, now: datetime, fence: str) -> list[str]:
        """Do what a tick is for. Gives the schedules whose cursors were moved by hand. Raises LeadLost."""
        if definitions is not self._definitions:
            self._definitions = definitions
            self._others.wanted = frozenset(
                Wanted(upstream.pipeline, upstream.project)
                for schedule in definitions.schedules
                for upstream in (schedule.after.upstreams if schedule.after else ())
                if upstream.pipeline
            )
        moved = await self._reactor.advance(definitions, fence)
        await self._minder.advance(definitions, now, fence)
        return moved

    async def fan_out(self, fence: str) -> bool:
        """Record the next trials of sweeps and backfills; tells whether there were any. Raises LeadLost."""
        known = self._definitions or Definitions()
        complete = self._definitions is not None and not known.faults
        return await self._fanout.advance(known.named, fence, complete=complete)

    async def look(self, fence: str) -> None:
        """Look at the runs that are due for it, once. Raises ZenMLError, StoreUnavailable, LeadLost."""
        await self._watcher.round(fence)

    async def measure(self, fence: str) -> None:
        """Read what trials report, once. Raises ZenMLError, StoreUnavailable, LeadLost."""
        await self._measurer.round(fence)

    async def trim(self, now: datetime) -> None:
        """Forget what is no news any more."""
        await self._watcher.trim(now)
        await self._sweeps.trim(now)

    async def close(self) -> None:
        """End what goes on beside the ticks."""
        await cancelled(self._tasks)
        await self._notifier.aclose()


def _others(engine: Engine) -> Others:
    return Others(
        zenml=engine.zenml,
        following=engine.following,
        triggers=engine.triggers,
        events=engine.events,
        now=engine.clock,
    )


def _watcher(engine: Engine, others: Others) -> Watcher:
    return Watcher(
        zenml=engine.zenml,
        following=engine.following,
        results=engine.results,
        others=others,
        start_timeout=timedelta(seconds=engine.settings.start_timeout),
        now=engine.clock,
    )


def _reactor(engine: Engine, alerting: Alerting, pausing: Pausing, past: Past, others: Others) -> Reactor:
    return Reactor(
        events=engine.events,
        triggers=engine.triggers,
        cursors=engine.cursors,
        results=engine.results,
        past=past,
        joins=engine.joins,
        alerting=alerting,
        pausing=pausing,
        tally=Tally(engine.sweeps),
        is_in=others.is_in,
        now=engine.clock,
        rng=Random(),
    )


def _minder(engine: Engine, alerting: Alerting, pausing: Pausing) -> Minder:
    return Minder(
        triggers=engine.triggers,
        cursors=engine.cursors,
        expectations=engine.expectations,
        results=engine.results,
        pauses=engine.pauses,
        joins=engine.joins,
        alerts=engine.alerts,
        alerting=alerting,
        pausing=pausing,
    )
