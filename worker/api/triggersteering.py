"""`/api/v1/triggers/{id}/…`: withdraw one, let a dead letter wait again, or give it up."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson
from fastapi import APIRouter, Response

from worker.api.access import Called, Caller
from worker.api.context import Context, Ctx
from worker.api.triggershapes import TriggerView, link_of, view_of
from worker.domain.access import Area
from worker.domain.errors import Conflict
from worker.domain.outcome import Status
from worker.domain.trigger import TriggerState
from worker.engine.steering import (
    WITHDRAWN,
    Steered,
    give_up,
    named,
    not_there,
    read_trigger,
    steer_dead,
    withdraw,
)

router = APIRouter(prefix="/triggers", tags=["triggers"])


@router.post("/{identity}/cancel", response_model=TriggerView)
async def cancel_one(context: Ctx, caller: Called, identity: str) -> Any:
    """Withdraw a trigger that was not sent yet. One that a worker holds may be sent already: it goes on (409)."""
    await cancel(context, caller, identity)
    return view_of(await read_trigger(context.engine, identity))


async def cancel(context: Context, caller: Caller, identity: str) -> None:
    """Withdraw a trigger. Raises Unknown, CallRefused and Conflict."""
    view = await for_steering(context, caller, identity)
    state = await withdraw(context.engine, identity, TriggerState.CANCELLED, Status.CANCELLED, caller.title)
    if state not in WITHDRAWN:
        raise Conflict(
            f"the trigger is {state or view.state.value}; what was sent cannot be withdrawn", {"state": state}
        )
    await context.engine.audit.tell(caller.audited("trigger.cancel", identity))


@router.post("/{identity}/replay", status_code=202, response_model=TriggerView)
async def replay_one(response: Response, context: Ctx, caller: Called, identity: str) -> Any:
    """Let a dead letter wait again. It keeps its run's name: what was started after all is found, not doubled."""
    await replay(context, caller, identity)
    response.headers["Location"] = link_of(identity)
    return view_of(await read_trigger(context.engine, identity))


async def replay(context: Context, caller: Caller, identity: str) -> None:
    """Let a dead letter wait again. Raises Unknown, CallRefused and Conflict."""
    view = await for_steering(context, caller, identity)
    _was_dead(view, await context.engine.triggers.replay(identity))
    context.bell.ring()
    await context.engine.audit.tell(caller.audited("trigger.replay", identity))


@router.post("/{identity}/discard", response_model=TriggerView)
async def discard_one(context: Ctx, caller: Called, identity: str) -> Any:
    """Give up a dead letter. It stays to be seen for as long as outcomes are kept."""
    await discard(context, caller, identity)
    return view_of(await read_trigger(context.engine, identity))


async def discard(context: Context, caller: Caller, identity: str) -> None:
    """Give up a dead letter. Raises Unknown, CallRefused and Conflict."""
    view = await for_steering(context, caller, identity)
    _was_dead(view, await give_up(context.engine, identity, caller.title))
    await context.engine.audit.tell(caller.audited("trigger.discard", identity))


async def replay_all(context: Context, caller: Caller, ids: Sequence[str], reason: str = "") -> Steered:
    """Let dead letters wait again, with one entry in the audit log. Raises CallRefused before anything is done."""
    await may_steer(context, caller, ids)
    done = await steer_dead(ids, context.engine.triggers.replay, _telling(context, caller, "trigger.replay", reason))
    context.bell.ring()
    return done


async def discard_all(context: Context, caller: Caller, ids: Sequence[str], reason: str = "") -> Steered:
    """Give up dead letters, with one entry in the audit log. Raises CallRefused before anything is done."""
    await may_steer(context, caller, ids)

    async def act(identity: str) -> TriggerState | None:
        known = await context.engine.triggers.get([identity])
        return await give_up(context.engine, identity, caller.title) if known[0] else None

    return await steer_dead(ids, act, _telling(context, caller, "trigger.discard", reason))


def _telling(context: Context, caller: Caller, action: str, reason: str) -> Callable[[Sequence[str]], Awaitable[None]]:
    async def tell(done: Sequence[str]) -> None:
        after = orjson.dumps({"triggers": done}).decode() if len(done) > 1 else ""
        await context.engine.audit.tell(caller.audited(action, named(done), after=after, reason=reason))

    return tell


async def for_steering(context: Context, caller: Caller, identity: str) -> TriggerView:
    """Read a trigger that the caller wants to steer. Raises Unknown and CallRefused."""
    view = view_of(await read_trigger(context.engine, identity))
    await caller.check_seeing(view.pipeline, view.project, not_there(identity))
    if not caller.may_trigger(view.pipeline, view.project):
        await caller.check(Area.OPERATE)
    return view


async def may_steer(context: Context, caller: Caller, ids: Sequence[str]) -> None:
    """See that the caller may steer all of these. Raises CallRefused."""
    if caller.grants.may(Area.OPERATE):
        return
    for fields in filter(None, await context.engine.triggers.get(ids)):
        view = view_of(fields)
        if not caller.may_trigger(view.pipeline, view.project):
            await caller.check(Area.OPERATE)


def _was_dead(view: TriggerView, state: TriggerState | None) -> None:
    if state is not TriggerState.DEAD:
        raise Conflict(f"the trigger is {state or view.state.value}, not dead", {"state": state})
