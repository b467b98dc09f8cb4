"""From a trigger's names to what can be started, asked of ZenML seldom and of Redis not often.

A name is looked for in this process (seconds), in Redis (minutes), then at ZenML by one process for all. What ZenML
does not have is remembered too, but shortly. While ZenML cannot be reached, the last known answer serves, and says so.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import uuid4

from redis.asyncio import Redis

from worker.domain.errors import NotFound, NotSent
from worker.store.cache import Entry, Name, NameCache
from worker.store.keys import Keys
from worker.zenml.client import ZenML
from worker.zenml.models import Resolution

logger = logging.getLogger("zenbeat.resolver")

Answer = TypeVar("Answer", bound="Resolved | NotFound")

MEMO = timedelta(seconds=5)
"""How long this process believes itself without asking Redis."""

LOOKING = timedelta(seconds=10)
"""How long others wait for the process that looks a name up, before they look for themselves."""

POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What is to be started. `stale` says that ZenML could not be asked, and that it is the last known answer."""

    resolution: Resolution
    stale: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Remembered:
    answer: Resolved | NotFound
    until: datetime


class Resolver:
    """Finds what triggers name; one for each process, on its event loop.

    An answer holds for `ttl`, "there is none" for `negative_ttl`; after that, the answer serves for `stale_for` while
    ZenML cannot be reached.
    """

    def __init__(
        self,
        zenml: ZenML,
        redis: Redis,
        keys: Keys,
        *,
        now: Callable[[], datetime],
        ttl: timedelta = timedelta(minutes=5),
        negative_ttl: timedelta = timedelta(seconds=15),
        stale_for: timedelta = timedelta(hours=24),
        most_remembered: int = 10_000,
    ) -> None:
        self._zenml = zenml
        self._cache = NameCache(redis, keys)
        self._now = now
        self._ttl = ttl
        self._negative_ttl = negative_ttl
        self._stale_for = max(stale_for, ttl)
        self._most_remembered = most_remembered
        self._memo: OrderedDict[Name, _Remembered] = OrderedDict()
        self._underway: dict[Name, asyncio.Task[Resolved]] = {}

    async def resolve(
        self, pipeline: str, template: str | None = None, snapshot: str | None = None, project: str | None = None
    ) -> Resolved:
        """Find what is to be started. Raises NotFound, Refused, AccessDenied, NotSent, StoreUnavailable."""
        name = self._name(pipeline, template, snapshot, project)
        remembered = self._memo.get(name)
        if remembered and self._now() < remembered.until:
            return _given(remembered.answer)
        task = self._underway.get(name)
        if task is None:
            task = asyncio.create_task(self._look(name))
            self._underway[name] = task
            task.add_done_callback(lambda done: self._landed(name, done))
        # Shielded: that one of those who wait gives up must not take the answer from the others.
        return await asyncio.shield(task)

    async def forget(
        self, pipeline: str, template: str | None = None, snapshot: str | None = None, project: str | None = None
    ) -> None:
        """Drop what is known of a name, because ZenML does not know it any more."""
        name = self._name(pipeline, template, snapshot, project)
        self._memo.pop(name, None)
        self._underway.pop(name, None)
        await self._cache.drop(name)

    def _name(self, pipeline: str, template: str | None, snapshot: str | None, project: str | None) -> Name:
        kind = "snapshot" if snapshot else "template" if template else "newest"
        # The settings' project may change between two starts, so it is part of the name.
        scope = self._zenml.scope(project) or ""
        return Name(kind=kind, project=scope, words=(pipeline, snapshot or template or ""))

    def _landed(self, name: Name, task: asyncio.Task[Resolved]) -> None:
        if self._underway.get(name) is task:
            del self._underway[name]
        if not task.cancelled():
            task.exception()  # seen, even if all who waited have given up

    async def _look(self, name: Name) -> Resolved:
        """Read Redis, or be the one process that asks ZenML, or wait for it."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + LOOKING.total_seconds()
        while True:
            entry = await self._cache.read(name)
            if entry and (known := self._fresh(name, entry)):
                return _given(known)
            if await self._cache.lock(name, uuid4().hex, LOOKING) or loop.time() >= give_up:
                return await self._ask(name)
            await asyncio.sleep(POLL_SECONDS)

    async def _ask(self, name: Name) -> Resolved:
        try:
            # Once more: another process may have found it between our look and our lock.
            entry = await self._cache.read(name)
            if entry and (known := self._fresh(name, entry)):
                return _given(known)
            return await self._found(name, entry)
        finally:
            await self._cache.unlock(name)

    async def _found(self, name: Name, last: Entry | None) -> Resolved:
        pipeline, target = name.words
        template, snapshot = (target, None) if name.kind == "template" else (None, target or None)
        try:
            resolution = await self._zenml.find_target(pipeline, template, snapshot, name.project or None)
        except NotFound as error:
            await self._cache.keep(name, Entry(missing=str(error)), self._negative_ttl)
            self._remember(name, error, min(MEMO, self._negative_ttl))
            raise
        except NotSent as error:
            return self._stale(name, last, error)
        await self._cache.keep(name, Entry(found=resolution.to_json()), self._stale_for)
        return self._remember(name, Resolved(resolution=resolution), min(MEMO, self._ttl))

    def _fresh(self, name: Name, entry: Entry) -> Resolved | NotFound | None:
        """Give what an entry says, if it is young enough, and remember it; an entry that cannot be read is none."""
        limit = self._ttl if entry.found else self._negative_ttl
        if entry.age >= limit:
            return None
        answer = _understood(entry)
        return self._remember(name, answer, min(MEMO, limit - entry.age)) if answer else None

    def _stale(self, name: Name, last: Entry | None, error: NotSent) -> Resolved:
        answer = _understood(last) if last else None
        if not isinstance(answer, Resolved):
            raise error
        age = round(last.age.total_seconds()) if last else 0
        logger.warning("stale", extra={"target": str(answer.resolution), "age": age, "reason": error})
        return self._remember(name, Resolved(resolution=answer.resolution, stale=True), MEMO)

    def _remember(self, name: Name, answer: Answer, hold: timedelta) -> Answer:
        self._memo[name] = _Remembered(answer=answer, until=self._now() + hold)
        self._memo.move_to_end(name)
        if len(self._memo) > self._most_remembered:
            self._memo.popitem(last=False)
        return answer


def _given(answer: Resolved | NotFound) -> Resolved:
    if isinstance(answer, NotFound):
        raise NotFound(str(answer), code=answer.code)
    return answer


def _understood(entry: Entry) -> Resolved | NotFound | None:
    if entry.found is None:
        return NotFound(entry.missing, code="not_found")
    try:
        return Resolved(resolution=Resolution.from_json(entry.found))
    except (ValueError, TypeError, KeyError):
        return None  # written by another version of zenbeat
