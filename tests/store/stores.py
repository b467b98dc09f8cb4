"""The stores on one connection, and what tests put into them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from worker.domain.outcome import Status
from worker.domain.trigger import Origin, Trigger, trigger_id
from worker.store.connection import connect, redis_time
from worker.store.cursors import Cursor, CursorStore
from worker.store.keys import Keys
from worker.store.limits import Limits, LimitStore
from worker.store.outcomes import OutcomeStore
from worker.store.sweeps import SweepStore
from worker.store.triggers import Entry, Item, Settlement, TriggerStore

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
FIRST = 4
FAR = datetime(2100, 1, 1, tzinfo=UTC)
NOW = timedelta(0)
LONG = timedelta(days=1)


class Store:
    """The stores on one connection."""

    def __init__(self, url: str, **limits: Any) -> None:
        self.redis = connect(url)
        self.keys = Keys()
        bounds = Limits(**{"first": FIRST, **limits})
        self.triggers = TriggerStore(self.redis, self.keys, bounds)
        self.limits = LimitStore(self.redis, self.keys, bounds)
        self.cursors = CursorStore(self.redis, self.keys)
        self.outcomes = OutcomeStore(self.redis, self.keys)
        self.sweeps = SweepStore(self.redis, self.keys)

    async def add(self, *triggers: Trigger, ready: datetime | None = None) -> list[int]:
        (answer,) = await self.triggers.record([Item(entries=[Entry(trigger=t, ready=ready) for t in triggers])])
        return list(answer.triggers)

    async def state(self, identity: str) -> dict[str, str]:
        (found,) = await self.triggers.get([identity])
        return found

    async def now(self) -> datetime:
        return await redis_time(self.redis)

    async def record_due(self, trigger: Trigger, expires: datetime) -> None:
        """Record a trigger for the first fire time of schedule `s`, as the scheduler does."""
        due = replace(trigger, schedule="s", fire_time=LONG_AGO)
        ledger = {"fire_time": LONG_AGO.isoformat(), "decision": "fired"}
        entry = Entry(trigger=due, fire_time=LONG_AGO, ledger=ledger, expires=expires)
        await self.triggers.record([Item(name="s", cursor=Cursor(at=LONG_AGO, revision="r").form(), entries=[entry])])

    async def until(self, ready: Callable[[], Awaitable[object]]) -> None:
        async with asyncio.timeout(10):
            while not await ready():
                await asyncio.sleep(0.01)


def make(source: str, **changes: Any) -> Trigger:
    identity = trigger_id(Origin.CLI, source)
    fields = {"pipeline": "training", "run_name": f"r-{source}", "due": LONG_AGO, "body": {}}
    return Trigger(**{"id": identity, "origin": Origin.CLI, "source": source, **fields, **changes})


def settled(identity: str, status: Status, **changes: Any) -> Settlement:
    return Settlement(
        id=identity, status=status, **{"outcome": {"trigger": identity}, "fields": {"run_id": "r"}, **changes}
    )
