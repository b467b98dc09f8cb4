"""`/sweeps/{id}/…`: pause a sweep, let it go on, give it more, run again what failed, end it."""

from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import Any

from fastapi import APIRouter, Request, Response

from worker.api import sweepsteering
from worker.api.bodies import checked
from worker.api.context import Ctx
from worker.api.sweepshapes import CancelWish, ExtendWish, RetryWish
from worker.domain.access import Area
from worker.domain.errors import Conflict, Fault, InvalidInput, Unknown
from worker.engine.definitions import decode_sweep
from worker.engine.sweeping import ENDLESS, read_sweep
from worker.engine.sweepstanding import counts
from worker.store.sweeprows import Kind
from worker.web.pages import PageRoute, done, render
from worker.web.visits import Act, Acting, Visit, Visitor

router = APIRouter(prefix="/sweeps/{identity}", include_in_schema=False, route_class=PageRoute)


class Deed(StrEnum):
    """What may be done to a sweep; the last word of the address."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    RETRY = "retry"
    EXTEND = "extend"


@router.get("/pause")
@router.get("/resume")
@router.get("/cancel")
@router.get("/retry")
@router.get("/extend")
async def ask(request: Request, context: Ctx, visitor: Visit, identity: str) -> Response:
    """Show the form of a deed."""
    await visitor.caller.check(Area.OPERATE)
    return await _form(request, context, visitor, identity, Deed(request.url.path.rpartition("/")[2]))


async def _form(
    request: Request,
    context: Any,
    visitor: Visitor,
    identity: str,
    deed: Deed,
    error: InvalidInput | None = None,
    **typed: Any,
) -> Response:
    row = await read_sweep(context.engine, identity)
    endless = False
    if row.kind is Kind.SWEEP:
        sweep = decode_sweep(await context.engine.sweeps.definition(row.id)).sweep
        endless = sweep.method in ENDLESS and sweep.run_cap is not None
    return render(
        request,
        visitor,
        "sweepact.html",
        status=200 if error is None else 409 if isinstance(error, Conflict) else 422,
        row=row,
        counts=counts(row),
        deed=deed.value,
        endless=endless,
        faults=[fault.message for fault in error.faults] if error else [],
        typed={"by": "", "stop_running": False, "stopped": False, **typed},
    )


async def _do(
    request: Request,
    context: Any,
    act: Act,
    deed: Deed,
    work: Callable[[], Coroutine[Any, Any, str]],
    **typed: Any,
) -> Response:
    """Do it, and tell what was done; or show the form again, with what stands against it."""
    identity = request.path_params["identity"]
    try:
        told = await work()
    except Unknown:
        raise
    except InvalidInput as error:
        return await _form(request, context, act.visitor, identity, deed, error, **typed)
    return done(request, f"/sweeps/{identity}", told)


@router.post("/pause")
async def pause(request: Request, context: Ctx, act: Acting, identity: str) -> Response:
    """Pause it."""

    async def work() -> str:
        row = await sweepsteering.pause(context, act.caller, identity)
        return f"{row.name} is paused: none of its trials is sent until it is resumed."

    return await _do(request, context, act, Deed.PAUSE, work)


@router.post("/resume")
async def resume(request: Request, context: Ctx, act: Acting, identity: str) -> Response:
    """Let it go on."""

    async def work() -> str:
        row = await sweepsteering.resume(context, act.caller, identity)
        return f"{row.name} goes on."

    return await _do(request, context, act, Deed.RESUME, work)


@router.post("/cancel")
async def cancel(request: Request, context: Ctx, act: Acting, identity: str) -> Response:
    """End it."""
    stop = act.form.ticked("stop_running")

    async def work() -> str:
        row = await sweepsteering.cancel(context, act.caller, identity, CancelWish(stop_running=stop))
        runs = "its runs are being stopped" if stop else "its runs go on to their end"
        return f"{row.name} gets no more trials; what was not sent is withdrawn, {runs}."

    return await _do(request, context, act, Deed.CANCEL, work, stop_running=stop)


@router.post("/retry")
async def retry(request: Request, context: Ctx, act: Acting, identity: str) -> Response:
    """Run again what failed."""
    stopped = act.form.ticked("stopped")

    async def work() -> str:
        told = await sweepsteering.retry(context, act.caller, identity, RetryWish(stopped=stopped))
        count = told.again + told.replayed
        if not count:
            raise Conflict("none of its trials failed")
        return f"{count} {'trial runs' if count == 1 else 'trials run'} again, with the same parameters."

    return await _do(request, context, act, Deed.RETRY, work, stopped=stopped)


@router.post("/extend")
async def extend(request: Request, context: Ctx, act: Acting, identity: str) -> Response:
    """Give it more trials."""
    by = act.form.text("by")

    async def work() -> str:
        told = await sweepsteering.extend(context, act.caller, identity, _extension(by))
        more = told.total - told.before
        if more == 0:
            return f"{told.sweep.name} has {told.total} trials, as before."
        return f"{told.sweep.name} has {told.total} trials now, {more} more than before."

    return await _do(request, context, act, Deed.EXTEND, work, by=by)


def _extension(by: str) -> ExtendWish:
    """Read how many more. Raises InvalidInput."""
    if not by:
        return ExtendWish()
    if not by.isdecimal():
        raise InvalidInput([Fault(path="by", message=f'write how many more as a whole number, not "{by}"')])
    return checked(ExtendWish, {"by": int(by)})
