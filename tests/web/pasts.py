"""The past of a schedule, written as the beat and the watcher write it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from worker.domain.results import Result
from worker.engine.runtime import Engine
from worker.store.codec import milliseconds
from worker.store.cursors import Cursor
from worker.store.items import Item


async def decide(engine: Engine, schedule: str, fire: datetime, decision: str = "fired", **more: Any) -> None:
    """Write a decision into a ledger."""
    entry: Mapping[str, Any] = {"fire_time": fire.isoformat(), "decision": decision, **more}
    await engine.redis.zadd(engine.keys.ledger(schedule), {orjson.dumps(entry).decode(): milliseconds(fire)})


async def end(engine: Engine, schedule: str, result: Result) -> None:
    """Write how a run ended."""
    await engine.triggers.record([Item(commands=engine.results.add(schedule, result, None))])


async def ran(engine: Engine, schedule: str, fire: datetime, fate: str = "completed", **more: Any) -> str:
    """Write the whole life of a fire time: it fired, and its run ended so; gives its trigger's id."""
    trigger = f"t-{milliseconds(fire)}"
    reason = {"reason": more.pop("reason")} if "reason" in more else {}
    runs = [{"trigger": trigger, "run": "r1", "fate": fate, **reason}]
    await decide(engine, schedule, fire, trigger=trigger, runs=runs)
    times = {"ended": fire, "fire_time": fire, "seconds": 90.0, "lateness_ms": 400}
    await end(engine, schedule, Result(trigger=trigger, fate=fate, **{**times, **more}))
    return trigger


async def considered(engine: Engine, schedule: str, revision: str, begin: datetime, until: datetime) -> None:
    """Write that a beat has considered a schedule from the one instant to the other."""
    await engine.redis.hset(engine.keys.cursors, schedule, Cursor(at=until, revision=revision).form())
    span = [{"from": str(milliseconds(begin)), "why": "it was new"}]
    await engine.redis.hset(engine.keys.spans, schedule, orjson.dumps(span).decode())
