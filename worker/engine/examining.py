"""Whether Redis keeps what it is given, and who is alive: for `zenbeat doctor`, and for the dashboard."""

import re
from collections.abc import Mapping
from typing import Any

from worker.domain.errors import StoreUnavailable
from worker.domain.finding import Finding, fault, ok, warning
from worker.engine.runtime import Engine
from worker.store.connection import translated

OLDEST = (6, 2)
"""The first Redis with the commands that the scripts use."""


async def examine_redis(engine: Engine) -> list[Finding]:
    """Look at Redis, and at the beats and workers that leave signs in it."""
    try:
        async with translated():
            info: Mapping[str, Any] = await engine.redis.info()
        beats = await engine.heartbeats.alive("beat")
        workers = await engine.heartbeats.alive("worker")
        unreadable = await engine.unreadable.newest()
    except StoreUnavailable as error:
        return [fault("Redis", str(error), "start Redis, or set REDIS_URL to where it is", unreachable=True)]
    found = [_version(info), _keeping(info), _eviction(info), _beats(beats), _workers(workers)]
    return [*found, *_unreadable(*unreadable)]


def _version(info: Mapping[str, Any]) -> Finding:
    told = str(info.get("redis_version", ""))
    numbers = tuple(int(number) for number in re.findall(r"\d+", told)[:2])
    name = f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {told}"
    if numbers < OLDEST:
        return fault("Redis", f"{name} is too old", "use Redis 6.2 or later, or Valkey")
    return ok("Redis", f"{name} answers")


def _keeping(info: Mapping[str, Any]) -> Finding:
    if int(info.get("aof_enabled", 0)):
        return ok("Redis keeps data", "append-only file is on")
    return warning(
        "Redis keeps data",
        "the append-only file is off: a crash of Redis loses the triggers since the last snapshot",
        "set `appendonly yes`",
    )


def _eviction(info: Mapping[str, Any]) -> Finding:
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy == "noeviction":
        return ok("Redis eviction", "noeviction")
    return fault(
        "Redis eviction",
        f"maxmemory-policy is {policy}: when memory is short, Redis drops triggers without a word",
        "set `maxmemory-policy noeviction`",
    )


def _beats(alive: Mapping[str, Mapping[str, Any]]) -> Finding:
    if not alive:
        return fault("beat", "none is alive: no schedule fires", "start one: zenbeat beat")
    leaders = [name for name, sign in alive.items() if sign.get("leading")]
    if not leaders:
        return warning("beat", f"{', '.join(sorted(alive))} alive, none leads yet", "look again in a few seconds")
    alarms = [str(sign["alarm"]) for sign in alive.values() if sign.get("alarm")]
    if alarms:
        return warning("beat", alarms[0], "see that the host of Redis keeps its time by NTP")
    standing_by = len(alive) - len(leaders)
    return ok("beat", f"{', '.join(sorted(leaders))} leads" + (f", {standing_by} standing by" if standing_by else ""))


def _workers(alive: Mapping[str, Mapping[str, Any]]) -> Finding:
    if not alive:
        return fault("worker", "none is alive: triggers are recorded, but no run starts", "start one: zenbeat worker")
    return ok("worker", f"{len(alive)} alive: {', '.join(sorted(alive))}")


def _unreadable(count: int, newest: str) -> list[Finding]:
    if not count:
        return []
    told = f"{count} came by the queue that are no triggers; the newest: {newest}"
    return [warning("messages", told, "see who sends them: they are in the stream zenbeat:unreadable")]
