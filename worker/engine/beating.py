"""One tick of a beat: if it leads, see what is due, record, dispatch."""

import logging
from datetime import datetime, timedelta

from worker.domain.errors import LeadLost, StoreUnavailable
from worker.engine.book import Book
from worker.engine.clockwatch import ClockWatch
from worker.engine.duties import Duties
from worker.engine.leading import Leader
from worker.engine.rebuilding import Rebuilder
from worker.engine.runtime import Engine, clock, process_name
from worker.engine.scheduler import Scheduler
from worker.engine.trouble import Trouble
from worker.source import Source
from worker.store.connection import redis_time
from worker.store.heartbeats import EVERY

logger = logging.getLogger("zenbeat.beat")

LONGEST_TICK = 1.0
"""Seconds between ticks at the most: files are re-read, lost messages rung again."""

SHORTEST_TICK = 0.01

BUSY_TICK = 0.02
"""While a sweep has room for more trials, or more has happened than a tick sees to, the next one comes soon."""

STANDBY_TICK = 0.2
"""A beat that stands by looks this often whether it leads; it asks nobody for that."""

TRIM_EVERY = timedelta(minutes=10)


class Beat:
    """What a beat process does. One of several leads; the others stand by and change nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._identity = process_name()
        self._since = clock()
        self._leader = Leader(engine.settings.redis, engine.keys, self._identity)
        self._duties = Duties(engine)
        self._scheduler = Scheduler(
            Book(Source(engine.settings.schedules_dir), engine.booked),
            engine.cursors,
            engine.triggers,
            self._duties.past,
            Rebuilder(engine.zenml),
            engine.dispatcher.ring,
        )
        self._clock = ClockWatch()
        self._leading: bool | None = None
        self._trouble = Trouble(logger)
        self._beaten: datetime | None = None
        self._trimmed: datetime | None = None

    async def open(self) -> None:
        """Ask for the lead. Before the first tick."""
        await self._leader.start()
        self._duties.start(lambda: self._leader.fence, self._scheduler.upcoming)

    async def tick(self) -> float:
        """Do what is due. Gives the seconds until the next tick is wanted.

        Nothing that goes wrong with Redis or with one schedule gets out: a beat that exits starts no runs.
        """
        try:
            delay = await self._tick()
        except LeadLost:
            self._leader.lost()
            return SHORTEST_TICK
        except StoreUnavailable as error:
            self._trouble.met(str(error))
            return LONGEST_TICK
        except Exception:
            # The one broad except: whatever it is, the clock must go on for the other schedules.
            logger.exception("tick failed")
            return LONGEST_TICK
        self._trouble.over()
        return delay

    async def _tick(self) -> float:
        fence = self._leader.fence
        changed = self._tell_lead(leading=bool(fence))
        await self._sign(changed=changed)
        if not fence:
            return STANDBY_TICK
        now = await redis_time(self._engine.redis)
        self._engine.clock.hear(now)
        jumped = self._clock.jumped(now) or changed
        if jumped:
            self._scheduler.forget()
        await self._scheduler.tick(now, fence)
        # Nobody watched the clock while nobody led.
        await self._engine.dispatcher.reclaim(jumped=jumped)
        held = await self._react(now, fence)
        fanning = await self._duties.fan_out(fence)
        later = await self._engine.dispatcher.ring()
        await self._trim(now)
        busy = fanning or self._duties.behind
        return BUSY_TICK if busy else _until(now, self._scheduler.next_fire(), later, held)

    async def _react(self, now: datetime, fence: str) -> datetime | None:
        """See to what has happened, then to what is held; gives when the next of that is due."""
        moved = await self._duties.advance(self._scheduler.definitions, now, fence)
        admitted = await self._engine.triggers.admit()
        for schedule in admitted.skipped:
            logger.warning("skipped", extra={"schedule": schedule, "reason": "its overlap policy, or a pause"})
        await self._scheduler.reread([*moved, *admitted.skipped])
        return admitted.later

    async def _sign(self, *, changed: bool) -> None:
        now = clock()
        if changed:
            self._beaten = None
        if self._beaten is not None and abs(now - self._beaten) < EVERY:
            return
        if not self._leading:
            self._scheduler.stand_by()
        what = {
            "at": now.isoformat(),
            "since": self._since.isoformat(),
            "leading": self._leading,
            "schedules": len(self._scheduler),
            "alarm": self._clock.alarm,
        }
        said = await self._engine.heartbeats.beat("beat", self._identity, what)
        self._beaten = now
        if not self._leading:
            # A jump makes the lead run out: who takes it over then has to know what the clock said before.
            self._clock.jumped(said)

    async def _trim(self, now: datetime) -> None:
        if self._trimmed is None or now - self._trimmed > TRIM_EVERY:
            self._trimmed = now
            await self._engine.triggers.trim(now)
            await self._duties.trim(now)

    def _tell_lead(self, *, leading: bool) -> bool:
        """Say whether this beat leads, if that is new."""
        changed = leading is not self._leading
        if changed:
            logger.info("leading" if leading else "standing by", extra={"beat": self._identity})
        self._leading = leading
        return changed

    async def close(self) -> None:
        """Give up the lead, so that another beat takes over at once."""
        await self._duties.close()
        await self._leader.close()
        try:
            await self._engine.heartbeats.leave("beat", self._identity)
        except StoreUnavailable as error:
            logger.warning("sign of life not taken away", extra={"reason": error})


def _until(now: datetime, *moments: datetime | None) -> float:
    waits = [(moment - now).total_seconds() for moment in moments if moment is not None]
    return min([LONGEST_TICK, *(max(SHORTEST_TICK, wait) for wait in waits)])
