"""The worker's part of a trigger's way: claim, resolve, look, POST, settle."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4

from worker.domain.errors import NameTaken, Refused, StoreUnavailable, Unclear, Unsettled, ZenMLError
from worker.domain.trigger import Trigger, idempotency_key
from worker.engine import recorder
from worker.engine.cancelling import cancelled
from worker.engine.halting import Point, reached
from worker.engine.resolver import Resolved, Resolver
from worker.engine.slots import Slots
from worker.store.attempts import Claimed, Settlement
from worker.store.triggers import TriggerStore
from worker.zenml.client import ZenML
from worker.zenml.models import Launch, Run

logger = logging.getLogger("zenbeat.executor")

FLUSH_SECONDS = 0.1
"""Results of a batch are written together; one slow answer does not hold up the others longer than this."""

QUICK_SECONDS = 1.5
"""An answer within this says that the server could take more at once."""

CLOSE = 3
"""A lease is renewed this many times before it would run out."""

SETTLED = timedelta(seconds=20)
"""ZenML makes a run's row before it sees whether it has room, and deletes it when it has none. After this long it stops
waiting for itself: what is there stays, and what is not there does not come any more.
"""

LOOK_AGAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A claimed trigger that can be sent: resolved, checked, and not on the server yet."""

    claim: Claimed
    resolved: Resolved
    launch: Launch


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """An attempt with its result; `quick` if the server answered soon."""

    settlement: Settlement
    quick: bool = False


class Executor:
    """Executes batches of triggers; one for each process, on its event loop."""

    def __init__(
        self,
        *,
        triggers: TriggerStore,
        zenml: ZenML,
        resolver: Resolver,
        slots: Slots,
        now: Callable[[], datetime],
        rng: Random,
    ) -> None:
        self._triggers = triggers
        self._zenml = zenml
        self._resolver = resolver
        self._slots = slots
        self._now = now
        self._rng = rng

    async def execute(self, ids: Sequence[str]) -> int:
        """Start the runs of these triggers, as far as nobody else has them. Gives how many were ours."""
        token = uuid4().hex
        reached(Point.BEFORE_CLAIM)
        claims = await self._triggers.claim(ids, token)
        if claims:
            reached(Point.AFTER_CLAIM)
            async with self._kept(claims, token):
                ready = await self._prepare(claims, token)
                await self._send(ready, token)
        return len(claims)

    @asynccontextmanager
    async def _kept(self, claims: Sequence[Claimed], token: str) -> AsyncIterator[None]:
        """Renew the claims as long as this lasts."""
        keeper = asyncio.create_task(self._renew([claim.trigger.id for claim in claims], token))
        try:
            yield
        finally:
            await cancelled([keeper])
            if not keeper.cancelled():
                keeper.result()  # a fault of ours

    async def _renew(self, ids: Sequence[str], token: str) -> None:
        while True:
            await asyncio.sleep(self._triggers.limits.lease.total_seconds() / CLOSE)
            try:
                await self._triggers.renew(ids, token)
            except StoreUnavailable as error:
                logger.warning("claims not renewed", extra={"reason": error})

    async def _prepare(self, claims: Sequence[Claimed], token: str) -> list[Ready]:
        """Resolve and check all; what cannot or need not be sent is settled here."""
        prepared = await asyncio.gather(*(self._ready(claim) for claim in claims))
        settled = [each for each in prepared if isinstance(each, Settlement)]
        if settled:
            await self._triggers.settle(settled, token, 0)
        ready = [each for each in prepared if isinstance(each, Ready)]
        if not ready:
            return []
        ours = await self._triggers.sending([each.claim.trigger.id for each in ready], token)
        reached(Point.BEFORE_POST)
        return [each for each, mine in zip(ready, ours, strict=True) if mine]

    async def _ready(self, claim: Claimed) -> Ready | Settlement:
        try:
            if claim.unclear and (found := await self._look(claim)):
                return found
            resolved = await self._resolve(claim.trigger)
            launch = await self._zenml.prepare(resolved.resolution, claim.trigger.body)
            return Ready(claim=claim, resolved=resolved, launch=launch)
        except ZenMLError as error:
            return recorder.failed(claim, error, self._now(), self._rng, sent=None)
        except StoreUnavailable:
            raise
        except Exception as error:
            # A fault of ours that one trigger brings out must not take the others of its batch down.
            return recorder.failed(claim, _fault(error, Refused), self._now(), self._rng, sent=None)

    async def _resolve(self, trigger: Trigger) -> Resolved:
        return await self._resolver.resolve(trigger.pipeline, trigger.template, trigger.snapshot, trigger.project)

    async def _look(self, claim: Claimed) -> Settlement | None:
        """Look for a run that an earlier attempt may have started; None if there is none, and it may be sent again."""
        run = await self._zenml.find_run(claim.trigger.run_name, claim.trigger.project)
        if run is not None and not await self._cleared(run):
            self._see_that_it_stays(claim, run)
            return self._started(claim, run, None, adopted=True)
        if claim.trigger.retry.allows(claim.attempts):
            return None
        if (wait := self._unsettled(claim)) > timedelta(0):
            raise Unsettled("ZenML may still start the run", code="unsettled", retry_after=wait.total_seconds())
        return recorder.exhausted(claim, self._now())

    def _see_that_it_stays(self, claim: Claimed, run: Run) -> None:
        if run.submitting and self._unsettled(claim) > timedelta(0):
            told = f"run {run.id} is there, but ZenML may still take it back"
            raise Unsettled(told, code="unsettled", retry_after=LOOK_AGAIN_SECONDS)

    def _unsettled(self, claim: Claimed) -> timedelta:
        """Say how long ZenML may still be at work on an earlier attempt."""
        return SETTLED - (self._now() - claim.sent) if claim.sent else timedelta(0)

    async def _cleared(self, run: Run) -> bool:
        """Free the name of a run that the server refused to start, and tell whether it was one."""
        if run.never_ran:
            logger.warning("deleting a run that never ran", extra={"run_id": run.id, "reason": run.status_reason})
            await self._zenml.delete_run(run)
        return run.never_ran

    async def _send(self, ready: Sequence[Ready], token: str) -> None:
        """POST all, and write results as they come."""
        pending = {asyncio.create_task(self._attempt(each)) for each in ready}
        try:
            while pending:
                timeout = FLUSH_SECONDS if len(pending) > 1 else None
                done, pending = await asyncio.wait(pending, timeout=timeout)
                await self._settle([task.result() for task in done], token)
        finally:
            # Redis went away: these are unclear, and whoever claims them next looks first.
            for task in pending:
                task.cancel()

    async def _settle(self, ended: Sequence[Ended], token: str) -> None:
        if ended:
            quick = sum(each.quick for each in ended)
            reached(Point.BEFORE_SETTLE)
            await self._triggers.settle([each.settlement for each in ended], token, quick)
            if any(each.settlement.capacity for each in ended):
                self._slots.refused()
            reached(Point.AFTER_SETTLE)

    async def _attempt(self, ready: Ready) -> Ended:
        begin, sent = asyncio.get_running_loop().time(), self._now()
        try:
            settlement = await self._post(ready, sent)
        except ZenMLError as error:
            failure = recorder.failed(ready.claim, error, self._now(), self._rng, sent=sent)
            return Ended(settlement=failure)
        except StoreUnavailable:
            raise
        except Exception as error:
            failure = recorder.failed(ready.claim, _fault(error, Unclear), self._now(), self._rng, sent=sent)
            return Ended(settlement=failure)
        quick = asyncio.get_running_loop().time() - begin < QUICK_SECONDS
        return Ended(settlement=settlement, quick=quick)

    async def _post(self, ready: Ready, sent: datetime) -> Settlement:
        try:
            run = await self._start(ready.claim, ready.launch)
        except NameTaken as error:
            if adopted := await self._adopt(ready, error, sent):
                return adopted
            run = await self._start(ready.claim, ready.launch)
        except Refused as error:
            # Not only 404: ZenML answers 400 for a template whose pipeline was deleted.
            ready = await self._resolved_anew(ready, error)
            run = await self._start(ready.claim, ready.launch)
        self._slots.started(ready.claim.trigger.id, run)
        notes = {"left_out": ", ".join(ready.launch.left_out) or None, "stale": ready.resolved.stale or None}
        return self._started(ready.claim, run, sent, **notes)

    async def _start(self, claim: Claimed, launch: Launch) -> Run:
        key = idempotency_key(claim.trigger.id, launch.url, launch.content, claim.generation, claim.attempts)
        run = await self._zenml.start(launch, key)
        reached(Point.ANSWER_READ)
        return run

    async def _adopt(self, ready: Ready, taken: NameTaken, sent: datetime) -> Settlement | None:
        """Take the run that has our name for ours, if its tags say so; None if it never ran and the name is free."""
        trigger = ready.claim.trigger
        run = await self._zenml.find_run(trigger.run_name, ready.resolved.resolution.project)
        if run is None:
            # Refused for a run that the server took back meanwhile, or for one that it does not show us.
            raise Unclear(str(taken), code=taken.code) from taken
        if run.tags and f"zenbeat:trigger={trigger.id}" not in run.tags:
            raise Refused(
                f"a run named {trigger.run_name} exists and is not ours (run {run.id})", code="name_collision"
            ) from taken
        if await self._cleared(run):
            return None
        self._see_that_it_stays(ready.claim, run)
        return self._started(ready.claim, run, sent, adopted=True)

    async def _resolved_anew(self, ready: Ready, gone: Refused) -> Ready:
        """The template was deleted or made anew while its id was cached: look it up again, once."""
        trigger = ready.claim.trigger
        await self._resolver.forget(trigger.pipeline, trigger.template, trigger.snapshot, trigger.project)
        resolved = await self._resolve(trigger)
        if resolved.resolution.id == ready.resolved.resolution.id:
            raise gone
        launch = await self._zenml.prepare(resolved.resolution, trigger.body)
        return Ready(claim=ready.claim, resolved=resolved, launch=launch)

    def _started(self, claim: Claimed, run: Run, sent: datetime | None, **notes: Any) -> Settlement:
        return recorder.started(claim, run, self._now(), notes={"url": run.url, **notes}, sent=sent)


def _fault(error: Exception, kind: type[ZenMLError]) -> ZenMLError:
    """Make an error of the tree of one that should not have been."""
    logger.error("fault of zenbeat", exc_info=error)
    return kind(f"a fault of zenbeat: {type(error).__name__}: {error}", code="internal")
