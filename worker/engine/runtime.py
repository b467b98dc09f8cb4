"""One process's engine: its event loop, its connections, and everything that works on them.

The only place that reads the clock, and the only seam between Celery's threads and the event loop.
"""

import asyncio
import logging
import os
import socket
import threading
from collections.abc import Coroutine
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from secrets import token_hex
from typing import Any, TypeVar

from redis.asyncio import Redis

from worker.domain.errors import InvalidInput
from worker.engine import halting
from worker.engine.cancelling import cancelled
from worker.engine.dispatcher import Dispatcher, Publish
from worker.engine.executor import Executor
from worker.engine.redisclock import RedisClock
from worker.engine.resolver import Resolver
from worker.engine.slots import Slots
from worker.settings import Settings, load_settings
from worker.store.alerts import AlertStore
from worker.store.apikeys import KeyStore
from worker.store.audit import AuditStore
from worker.store.booked import BookedStore
from worker.store.connection import connect
from worker.store.cursors import CursorStore
from worker.store.events import EventStore
from worker.store.expectations import ExpectationStore
from worker.store.following import FollowingStore
from worker.store.heartbeats import HeartbeatStore
from worker.store.joins import JoinStore
from worker.store.keys import Keys
from worker.store.limits import Limits, LimitStore
from worker.store.outcomes import OutcomeStore
from worker.store.pauses import PauseStore
from worker.store.requests import RequestStore
from worker.store.results import ResultStore
from worker.store.sessions import SessionStore
from worker.store.sweeps import SweepStore
from worker.store.throttles import ThrottleStore
from worker.store.triggers import TriggerStore
from worker.store.unreadable import UnreadableStore
from worker.zenml.client import ZenML
from worker.zenml.options import ZenMLOptions

logger = logging.getLogger("zenbeat.runtime")

T = TypeVar("T")


def clock() -> datetime:
    """Read the clock: an aware instant in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the one place


def process_name() -> str:
    """Name one life of this process, for leases and heartbeats.

    Host and number are not enough: in containers that share the host's name, each process may be number 1.
    """
    return f"{socket.gethostname()}:{os.getpid()}:{token_hex(3)}"


def zenml_options(settings: Settings) -> ZenMLOptions:
    """Give the client's options. Raises nothing: without an address, every call says that there is none."""
    verify: bool | str = settings.zenml_verify_ssl
    if settings.zenml_verify_ssl.lower() in {"true", "false", "1", "0"}:
        verify = settings.zenml_verify_ssl.lower() in {"true", "1"}
    return ZenMLOptions(
        url=settings.zenml_url or "",
        api_key=settings.zenml_api_key.get_secret_value() if settings.zenml_api_key else None,
        api_token=settings.zenml_api_token.get_secret_value() if settings.zenml_api_token else None,
        read_secrets=_read_secrets,
        project=settings.zenml_project,
        verify_ssl=verify,
        total_timeout=settings.http_timeout,
        pool_size=settings.max_in_flight,
    )


def _read_secrets() -> tuple[str | None, str | None]:
    """Read ZenML's key and token once more: files and `.env` can change while we run."""
    try:
        settings = load_settings()
    except InvalidInput as error:
        logger.warning("settings not read again", extra={"reason": error})
        return None, None
    key, token = settings.zenml_api_key, settings.zenml_api_token
    return key.get_secret_value() if key else None, token.get_secret_value() if token else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What works on one event loop. Made by `open_engine`."""

    settings: Settings
    keys: Keys
    redis: Redis
    clock: RedisClock
    zenml: ZenML
    triggers: TriggerStore
    requests: RequestStore
    limits: LimitStore
    cursors: CursorStore
    booked: BookedStore
    outcomes: OutcomeStore
    following: FollowingStore
    events: EventStore
    results: ResultStore
    pauses: PauseStore
    joins: JoinStore
    expectations: ExpectationStore
    alerts: AlertStore
    unreadable: UnreadableStore
    sweeps: SweepStore
    heartbeats: HeartbeatStore
    apikeys: KeyStore
    sessions: SessionStore
    throttles: ThrottleStore
    audit: AuditStore
    resolver: Resolver
    dispatcher: Dispatcher
    slots: Slots
    executor: Executor

    async def close(self) -> None:
        """Close the connections."""
        await self.zenml.aclose()
        await self.redis.aclose()


def open_engine(settings: Settings, publish: Publish) -> Engine:
    """Put an engine together. Call it on the loop that it shall work on; it connects when it is first used."""
    halting.arm(settings.halt_file)
    return _put_together(settings, publish, connect(settings.redis), Keys(prefix=settings.prefix))


def _put_together(settings: Settings, publish: Publish, redis: Redis, keys: Keys) -> Engine:
    now = RedisClock(clock)
    zenml = ZenML(zenml_options(settings), wall=clock)
    limits = _limits(settings)
    triggers = TriggerStore(redis, keys, limits)
    gate = LimitStore(redis, keys, limits)
    dispatcher = Dispatcher(triggers, gate, publish, settings.batch)
    slots = Slots(zenml, gate, dispatcher)
    resolver = Resolver(zenml, redis, keys, ttl=timedelta(seconds=settings.resolve_ttl), now=now)
    return Engine(
        settings=settings,
        keys=keys,
        redis=redis,
        clock=now,
        zenml=zenml,
        triggers=triggers,
        requests=RequestStore(redis, keys, limits),
        limits=gate,
        cursors=CursorStore(redis, keys),
        booked=BookedStore(redis, keys),
        outcomes=OutcomeStore(redis, keys, limits.outcomes_max),
        following=FollowingStore(redis, keys, limits),
        events=EventStore(redis, keys),
        results=ResultStore(redis, keys),
        pauses=PauseStore(redis, keys),
        joins=JoinStore(redis, keys),
        expectations=ExpectationStore(redis, keys),
        alerts=AlertStore(redis, keys),
        unreadable=UnreadableStore(redis, keys, limits),
        sweeps=SweepStore(redis, keys),
        heartbeats=HeartbeatStore(redis, keys),
        apikeys=KeyStore(redis, keys),
        sessions=SessionStore(redis, keys),
        throttles=ThrottleStore(redis, keys),
        audit=AuditStore(redis, keys),
        resolver=resolver,
        dispatcher=dispatcher,
        slots=slots,
        executor=Executor(triggers=triggers, zenml=zenml, resolver=resolver, slots=slots, now=now, rng=Random()),
    )


def _limits(settings: Settings) -> Limits:
    return Limits(
        ceiling=settings.max_in_flight,
        per_minute=settings.max_per_minute,
        per_day=settings.max_per_day,
        by_tag=settings.tag_limits,
        lease=timedelta(seconds=settings.lease),
        keep=timedelta(days=settings.retention_days),
        outcomes_max=settings.outcomes_max,
        ledger_max=settings.ledger_max,
    )


class Runtime:
    """An event loop on a thread of its own, with an engine on it. For the doors that are not async: Celery, beat."""

    def __init__(self, settings: Settings, publish: Publish) -> None:
        self._handed_over: set[Future[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="zenbeat-engine", daemon=True)
        self._thread.start()
        self.engine: Engine = self.run(self._open(settings, publish))

    @staticmethod
    async def _open(settings: Settings, publish: Publish) -> Engine:
        return open_engine(settings, publish)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the engine's loop and wait for its result. Any thread may call it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Let a coroutine run on the engine's loop for as long as the runtime lives."""
        self._submit(work)

    def hand_over(self, work: Coroutine[Any, Any, None]) -> None:
        """Let a coroutine run on the engine's loop to its end, without waiting for it; `close` does."""
        handed_over = self._submit(work)
        self._handed_over.add(handed_over)
        handed_over.add_done_callback(self._handed_over.discard)

    def _submit(self, work: Coroutine[Any, Any, None]) -> "Future[None]":
        submitted = asyncio.run_coroutine_threadsafe(work, self._loop)
        submitted.add_done_callback(_tell)
        return submitted

    def close(self) -> None:
        """Wait for what was handed over, end what still runs, close the connections and the loop."""
        wait(tuple(self._handed_over), timeout=self.engine.settings.http_timeout)
        self.run(_end_tasks())
        self.run(self.engine.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _tell(ended: "Future[None]") -> None:
    """Say what went wrong where nobody waits."""
    if not ended.cancelled() and (error := ended.exception()):
        logger.error("failed", exc_info=error)


async def _end_tasks() -> None:
    await cancelled(task for task in asyncio.all_tasks() if task is not asyncio.current_task())
