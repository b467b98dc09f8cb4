"""How an installation stands: the ZenML server, the queue, our own processes, Redis, and what is wrong with them."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

import orjson

from worker.domain.errors import ZenMLError
from worker.domain.finding import Finding, Mark, fault, warning
from worker.engine.capacity import Breaker, Capacity, read_breaker, read_capacity
from worker.engine.examining import examine_redis
from worker.engine.runtime import Engine
from worker.store.codec import instant
from worker.store.connection import translated

PATIENCE = 2.0
"""Seconds that the server has to say what it is."""

SAMPLE = 500
"""Waiting triggers whose priority is read, the next to go."""

RECENT = 50
"""Triggers, the newest, from which it is told how long a launch takes."""

ROLES = ("beat", "worker", "api")

WELL = frozenset({Mark.OK})


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the server said when it was asked what it is."""

    version: str = ""
    fault: str = ""
    """Why nothing was heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The ZenML server, as far as launches go."""

    url: str
    capacity: Capacity
    breaker: Breaker
    in_flight: int
    """Launches that are on their way."""
    holding: int
    """Runs that hold a slot beyond their launch, where that matters."""
    seconds: float | None
    """How long a launch keeps others from being sent, usually: it holds a slot where the server is known to have few,
    and else waits for its answer. None is not known."""

    @property
    def rate(self) -> float | None:
        """Launches that it takes in a minute, estimated: those at once, each for its usual time."""
        return self.capacity.window * 60 / self.seconds if self.seconds else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """What waits, and for what."""

    ready: int
    delayed: int
    held: int
    inflight: int
    dead: int
    priorities: Sequence[tuple[int, int]]
    """Priority and how many of those that are ready have it, the highest first."""
    looked: int
    """How many of them were looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A limit of ours, and how much of it is used."""

    name: str
    used: int
    most: int
    setting: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One of our processes that is alive."""

    role: str
    host: str
    pid: str
    at: datetime
    since: datetime | None
    last: datetime | None
    """When a worker last executed something."""
    said: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What Redis says of itself."""

    name: str
    used: int
    """Bytes."""
    most: int
    """Bytes; 0 is as much as there is."""
    keeps: str
    """How it keeps what it is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """All of it, at one moment."""

    heard: Heard
    server: Server
    queue: Queue
    limits: Sequence[Limit]
    throttled: datetime | None
    """When one of the limits held something back last."""
    processes: Sequence[Process]
    redis: Memory
    alerts: int
    """Alerts that are not delivered yet."""
    findings: Sequence[Finding]

    @property
    def wrong(self) -> list[Finding]:
        """What is not well, the worst first."""
        return sorted(
            (each for each in self.findings if each.mark not in WELL), key=lambda each: each.mark is Mark.WARNING
        )


async def hear(engine: Engine, patience: float = PATIENCE) -> Heard:
    """Ask the server what it is. Raises nothing: that it does not answer is an answer."""
    try:
        async with asyncio.timeout(patience):
            return Heard(version=(await engine.zenml.ask()).version_text)
    except TimeoutError:
        return Heard(fault=f"it does not answer within {patience:g} s")
    except ZenMLError as error:
        return Heard(fault=str(error))


async def read_installation(engine: Engine, heard: Heard, now: datetime) -> Installation:
    """Read it all. Raises StoreUnavailable."""
    state = await engine.limits.state()
    processes = await _processes(engine)
    server = await _server(engine, state, processes)
    alerts = await engine.alerts.waiting()
    return Installation(
        heard=heard,
        server=server,
        queue=await _queue(engine),
        limits=await _limits(engine, now),
        throttled=instant(float(state["throttled"])) if "throttled" in state else None,
        processes=processes,
        redis=await _memory(engine),
        alerts=alerts,
        findings=[*_of_server(engine, heard, server), *await examine_redis(engine)],
    )


def _of_server(engine: Engine, heard: Heard, server: Server) -> list[Finding]:
    found = []
    if not engine.settings.zenml_url:
        return [fault("ZenML", "no address is set", "set ZENML_STORE_URL; `zenbeat up` starts a demo server without")]
    if heard.fault:
        hint = "see that ZENML_STORE_URL is right and that the server runs; what is due waits meanwhile"
        found.append(fault("ZenML", heard.fault, hint))
    if server.breaker.open:
        hint = "`zenbeat doctor` tells whether it is the address, the login or the server; what is due waits meanwhile"
        found.append(fault("launches", server.breaker.told(), hint))
    elif server.breaker.failures:
        found.append(warning("launches", server.breaker.told(), "look again in a moment"))
    return found


async def _server(engine: Engine, state: Mapping[str, str], processes: Sequence[Process]) -> Server:
    limits = engine.limits.limits
    capacity = read_capacity(state, limits.first, limits.ceiling)
    holding = await engine.limits.held()
    return Server(
        url=engine.settings.zenml_url or "",
        capacity=capacity,
        breaker=read_breaker(state),
        in_flight=(await engine.triggers.counts())["inflight"],
        holding=len(holding or ()),
        seconds=_held_seconds(processes) if capacity.capped else await _answer_seconds(engine),
    )


def _held_seconds(processes: Sequence[Process]) -> float | None:
    """Tell how long a launch holds its slot, by what the workers have seen; None where none has seen any."""
    seen = [float(process.said["holds"]) for process in processes if process.said.get("holds")]
    return median(seen) if seen else None


async def _answer_seconds(engine: Engine) -> float | None:
    """Tell how long the server takes to answer a launch, by those of late; None where there were none."""
    rows = await engine.triggers.get(await engine.triggers.newest(RECENT))
    took = [int(row["accepted"]) - int(row["sent"]) for row in rows if "accepted" in row and "sent" in row]
    took = [length for length in took if length > 0]
    return median(took) / 1000 if took else None


async def _queue(engine: Engine) -> Queue:
    counts = await engine.triggers.counts()
    rows = await engine.triggers.get(await engine.triggers.ready(SAMPLE))
    known = Counter(int(orjson.loads(row["data"]).get("priority", 0)) for row in rows if "data" in row)
    held = sum(map(len, (await engine.triggers.held()).values()))
    return Queue(**counts, held=held, priorities=sorted(known.items(), reverse=True), looked=known.total())


async def _limits(engine: Engine, now: datetime) -> list[Limit]:
    limits = engine.limits.limits
    in_minute, today = await engine.limits.used(now)
    inflight = await engine.triggers.inflight(limits.ceiling)
    found = [Limit(name="launches at once", used=len(inflight), most=limits.ceiling, setting="ZENBEAT_MAX_IN_FLIGHT")]
    if limits.per_minute:
        found.append(Limit(name="a minute", used=in_minute, most=limits.per_minute, setting="ZENBEAT_MAX_PER_MINUTE"))
    if limits.per_day:
        found.append(Limit(name="today (UTC)", used=today, most=limits.per_day, setting="ZENBEAT_MAX_PER_DAY"))
    if limits.by_tag:
        rows = await engine.triggers.get(inflight)
        tags = [_tags(row["data"]) for row in rows if "data" in row]
        for tag, most in limits.by_tag.items():
            used = _most_carried(tag, tags)
            found.append(Limit(name=f"at once with the tag {tag}", used=used, most=most, setting="ZENBEAT_TAG_LIMITS"))
    return found


def _tags(data: str) -> list[str]:
    return [str(tag) for tag in orjson.loads(data).get("body", {}).get("tags") or ()]


def _most_carried(tag: str, carried: Sequence[Sequence[str]]) -> int:
    """Count how many carry a tag; of `prefix*`, the one that most carry."""
    counts = Counter(each for tags in carried for each in tags)
    if not tag.endswith("*"):
        return counts[tag]
    return max((count for each, count in counts.items() if each.startswith(tag[:-1])), default=0)


async def _processes(engine: Engine) -> list[Process]:
    found = []
    for role in ROLES:
        for identity, said in sorted((await engine.heartbeats.alive(role)).items()):
            host, _, rest = identity.rpartition(":")[0].rpartition(":")
            found.append(
                Process(
                    role=role,
                    host=host or identity,
                    pid=rest,
                    at=_moment(said, "at") or engine.clock(),
                    since=_moment(said, "since"),
                    last=_moment(said, "last"),
                    said=said,
                )
            )
    return found


def _moment(said: Mapping[str, Any], name: str) -> datetime | None:
    return datetime.fromisoformat(said[name]) if said.get(name) else None


async def _memory(engine: Engine) -> Memory:
    async with translated():
        info: Mapping[str, Any] = await engine.redis.info()
    name = f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {info.get('redis_version', '')}"
    appends = bool(int(info.get("aof_enabled", 0)))
    failing = appends and info.get("aof_last_write_status", "ok") != "ok"
    kept = "append-only file" if appends else "snapshots only: a crash loses what came since the last one"
    return Memory(
        name=name,
        used=int(info.get("used_memory", 0)),
        most=int(info.get("maxmemory", 0)),
        keeps="append-only file, but its last write failed" if failing else kept,
    )
