"""`/api/v1/sweeps/{id}/…`: pause a sweep or backfill, let it go on, end it, run again what failed, give it more."""

import asyncio
from typing import Any

import orjson
from fastapi import APIRouter, Request

from worker.api.access import Caller, Operator
from worker.api.bodies import checked, read_json
from worker.api.context import Context, Ctx
from worker.api.sweepshapes import (
    CancelWish,
    ExtendWish,
    Extension,
    Retries,
    RetryWish,
    SweepView,
    body_of,
    extension,
    sweep_view,
)
from worker.api.triggershapes import schema_of
from worker.domain.access import Area
from worker.domain.errors import Conflict, Unknown
from worker.domain.schedule import SweepDefinition
from worker.engine import sweeping
from worker.engine.newsweeps import find_defined
from worker.engine.sweeping import read_sweep
from worker.store.items import Command
from worker.store.sweeprows import Kind, SweepRow

router = APIRouter(prefix="/sweeps/{identity}", tags=["sweeps"])


@router.post("/pause", response_model=SweepView)
async def pause_sweep(context: Ctx, caller: Operator, identity: str) -> Any:
    """Pause it: none of its trials is sent until it is resumed, and what runs goes on. Twice is as good as once."""
    return sweep_view(await pause(context, caller, identity))


async def pause(context: Context, caller: Caller, identity: str) -> SweepRow:
    """Pause a sweep or backfill, and give it as it is then. Raises Unknown, Conflict, CallRefused."""
    await caller.check(Area.OPERATE)
    row = await read_sweep(context.engine, identity)
    await sweeping.pause(context.engine, row, caller.title, [_told(caller, "sweep.pause", row)])
    return await read_sweep(context.engine, identity)


@router.post("/resume", response_model=SweepView)
async def resume_sweep(context: Ctx, caller: Operator, identity: str) -> Any:
    """Let it go on. One that was not paused does so anyway."""
    return sweep_view(await resume(context, caller, identity))


async def resume(context: Context, caller: Caller, identity: str) -> SweepRow:
    """Let a sweep or backfill go on, and give it as it is then. Raises Unknown, CallRefused."""
    await caller.check(Area.OPERATE)
    row = await read_sweep(context.engine, identity)
    if await sweeping.resume(context.engine, row):
        await context.engine.audit.tell(caller.audited("sweep.resume", identity, reason=row.name))
    return await read_sweep(context.engine, identity)


@router.post(
    "/cancel",
    response_model=SweepView,
    openapi_extra=body_of(schema_of(CancelWish), required=False, stop={"stop_running": True}),
)
async def cancel_sweep(request: Request, context: Ctx, caller: Operator, identity: str) -> Any:
    """End it: no more trials are recorded, and those that were not sent yet are withdrawn.

    Its runs go on to their end, unless `stop_running` says otherwise. The beat at work does all that, soon.
    """
    wish = checked(CancelWish, await read_json(request, optional=True))
    return sweep_view(await cancel(context, caller, identity, wish))


async def cancel(context: Context, caller: Caller, identity: str, wish: CancelWish) -> SweepRow:
    """End a sweep or backfill, and give it as it is then. Raises Unknown, Conflict, CallRefused."""
    await caller.check(Area.OPERATE)
    row = await read_sweep(context.engine, identity)
    told = _told(caller, "sweep.cancel", row, wish.model_dump())
    await sweeping.cancel(context.engine, row, caller.title, stop_running=wish.stop_running, more=[told])
    return await read_sweep(context.engine, identity)


@router.post(
    "/retry",
    response_model=Retries,
    openapi_extra=body_of(schema_of(RetryWish), required=False, stopped={"stopped": True}),
)
async def retry_sweep(request: Request, context: Ctx, caller: Operator, identity: str) -> Any:
    """Run again what failed, with the same parameters and under the same numbers."""
    return await retry(context, caller, identity, checked(RetryWish, await read_json(request, optional=True)))


async def retry(context: Context, caller: Caller, identity: str, wish: RetryWish) -> Retries:
    """Run again what of a sweep or backfill failed. Raises Unknown, Conflict, InvalidInput, CallRefused."""
    await caller.check(Area.OPERATE)
    row = await read_sweep(context.engine, identity)
    definitions = await context.book.read()
    done = await sweeping.retry(context.engine, row, definitions.named, stopped=wish.stopped)
    counts = {"again": done.again, "replayed": done.replayed}
    if any(counts.values()):
        after = orjson.dumps(counts).decode()
        await context.engine.audit.tell(caller.audited("sweep.retry", identity, after=after, reason=row.name))
        context.bell.ring()
    return Retries(**counts, sweep=sweep_view(await read_sweep(context.engine, identity)))


@router.post(
    "/extend", response_model=Extension, openapi_extra=body_of(schema_of(ExtendWish), required=False, more={"by": 5})
)
async def extend_sweep(request: Request, context: Ctx, caller: Operator, identity: str) -> Any:
    """Give it the trials that its definition in the schedule files has now, or `by` so many more.

    The trials that it had stay as they are, and are not run again.
    """
    return await extend(context, caller, identity, checked(ExtendWish, await read_json(request, optional=True)))


async def extend(context: Context, caller: Caller, identity: str, wish: ExtendWish) -> Extension:
    """Give a sweep more trials. Raises Unknown, Conflict, CallRefused."""
    await caller.check(Area.OPERATE)
    row = await read_sweep(context.engine, identity)
    larger = await _larger(context, row, wish.by)
    told = _told(caller, "sweep.extend", row, {"before": row.total, "total": larger.sweep.size})
    done = await sweeping.extend(context.engine, row, larger, [told])
    return extension(await read_sweep(context.engine, identity), done)


async def _larger(context: Context, row: SweepRow, more: int | None) -> SweepDefinition:
    if more is not None or row.kind is Kind.BACKFILL:
        return await sweeping.larger(context.engine, row, more or 0)
    try:
        definition = find_defined(await context.book.read(), row.name).definition
    except Unknown as error:
        raise Conflict(f"{row.name} does not stand in the schedule files; say with `by` how many more") from error
    # Where conditions leave points out, all of them are looked at.
    await asyncio.to_thread(lambda: definition.sweep.size)
    return definition


def _told(caller: Caller, action: str, row: SweepRow, after: Any = None) -> Command:
    """Give the command that writes the change into the audit log, with it."""
    said = orjson.dumps(after).decode() if after else ""
    return caller.context.engine.audit.add(caller.audited(action, row.id, after=said, reason=row.name))
