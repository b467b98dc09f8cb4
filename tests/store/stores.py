"""The stores on one connection, and what tests put into them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from worker.domain.fate import Fate
from worker.domain.outcome import Status
from worker.domain.trigger import Origin, Trigger, trigger_id
from worker.store.attempts import Settlement
from worker.store.connection import connect, redis_time
from worker.store.cursors import Cursor, CursorStore
from worker.store.events import Event, EventStore
from worker.store.following import FollowingStore, Look
from worker.store.items import Entry, Item
from worker.store.keys import Keys
from worker.store.limits import Limits, LimitStore
from worker.store.outcomes import OutcomeStore
from worker.store.results import ResultStore
from worker.store.sweeprows import NewSweep
from worker.store.sweeps import SweepStore
from worker.store.triggers import TriggerStore

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
        self.outcomes = OutcomeStore(self.redis, self.keys, bounds.outcomes_max)
        self.sweeps = SweepStore(self.redis, self.keys)
        self.following = FollowingStore(self.redis, self.keys, bounds)
        self.events = EventStore(self.redis, self.keys)
        self.results = ResultStore(self.redis, self.keys)

    async def sweep(self, identity: str, total: int) -> bool:
        """Begin a sweep; tells whether it is new."""
        new = NewSweep(id=identity, name="n", data=b"{}", fingerprint="f", total=total, created=LONG_AGO)
        item = Item(take=self.sweeps.taken(identity), commands=self.sweeps.begin(new))
        (recorded,) = await self.triggers.record([item])
        return recorded.written

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

    async def start(self, *triggers: Trigger) -> None:
        """Record triggers and let a worker start their runs."""
        await self.add(*triggers)
        ids = (await self.limits.dispatch()).ids
        await self.triggers.claim(ids, "token")
        await self.triggers.settle([settled(each, Status.STARTED) for each in ids], "token", 0)

    async def told(self, status: str = "") -> list[str]:
        """Give the triggers of the outcomes with a status, oldest first."""
        found = (await self.outcomes.newest(1000))[::-1]
        return [outcome["trigger"] for outcome in found if status in ("", outcome["status"])]

    async def happened(self) -> list[Event]:
        """Give the events that are not seen to."""
        return await self.events.oldest(1000)

    async def places(self, identity: str) -> set[str]:
        """Give the sets in which a trigger is."""
        names = ("ready", "delayed", "inflight", "held", "following", "dead")
        scores = [await self.redis.zscore(getattr(self.keys, name), identity) for name in names]
        return {name for name, score in zip(names, scores, strict=True) if score is not None}

    async def content(self) -> dict[bytes, Any]:
        """Give all that there is, to be compared; the clock is left out."""
        found: dict[bytes, Any] = {}
        for key in await self.redis.keys("*"):
            kind = await self.redis.type(key)
            if kind == b"zset":
                found[key] = sorted(await self.redis.zrange(key, 0, -1))
            elif kind == b"hash":
                found[key] = await self.redis.hgetall(key)
            elif kind == b"stream":
                found[key] = await self.redis.xrange(key)
            elif kind == b"list":
                found[key] = await self.redis.lrange(key, 0, -1)
            else:
                found[key] = await self.redis.get(key)
        return found

    async def until(self, ready: Callable[[], Awaitable[object]]) -> None:
        async with asyncio.timeout(10):
            while not await ready():
                await asyncio.sleep(0.01)


def make(source: str, **changes: Any) -> Trigger:
    identity = trigger_id(Origin.CLI, source)
    fields = {"pipeline": "training", "run_name": f"r-{source}", "due": LONG_AGO, "body": {}}
    return Trigger(**{"id": identity, "origin": Origin.CLI, "source": source, **fields, **changes})


def settled(identity: str, status: Status, **changes: Any) -> Settlement:
    run = {"run_id": f"run-{identity}", "run_project": "p"} if status is Status.STARTED else {}
    plain = {"outcome": {"trigger": identity}, **changes, "fields": {**run, **changes.get("fields", {})}}
    return Settlement(id=identity, status=status, changed=LONG_AGO, **plain)


def look(identity: str, status: str = "running", **changes: Any) -> Look:
    return Look(id=identity, status=status, wait=LONG, **changes)


def end(identity: str, fate: Fate = Fate.COMPLETED, **changes: Any) -> Look:
    outcome = {"status": fate.value, "trigger": identity}
    return look(identity, fate.value, fate=fate, ended=LONG_AGO, outcome=outcome, **changes)
