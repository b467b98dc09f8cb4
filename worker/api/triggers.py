"""`/api/v1/triggers`: queue runs, look at them, withdraw one, let a dead letter wait again."""

import asyncio
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import APIRouter, Header, Query, Request, Response

from worker.api.accepting import take_in
from worker.api.access import Called, Caller
from worker.api.bodies import read_json
from worker.api.context import Ctx
from worker.api.pages import USUAL, Cursor, Limit, chosen, decode_cursor, encode_cursor, fields_of, page
from worker.api.triggershapes import (
    BODY,
    Queued,
    QueuedBatch,
    TriggerPage,
    TriggerView,
    link_of,
    view_of,
)
from worker.domain.access import Area
from worker.domain.errors import Conflict, Fault
from worker.domain.outcome import Status
from worker.domain.trigger import ACTIVE, Origin, TriggerState
from worker.engine.requests import Requests, TriggerRequest, parse_requests
from worker.engine.steering import not_there, read_trigger, withdraw
from worker.engine.triggerlist import TriggerFilter, list_triggers

router = APIRouter(prefix="/triggers", tags=["triggers"])

GOING_ON = {"started": ACTIVE, "ended": ACTIVE | {TriggerState.STARTED}}
"""States in which what is waited for has not come."""

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+( +[\x21-\x7e]+)*$",
        description="The same key and body again give the same answer, and no second run. Chosen by the caller.",
    ),
]


@router.post("", status_code=202, response_model=Queued | QueuedBatch, openapi_extra=BODY)
async def queue_triggers(request: Request, response: Response, context: Ctx, caller: Called, key: Key = None) -> Any:
    """Queue one run, or up to 1,000 with `{"triggers": […]}`: all of them, or none.

    `202` is sent when they are on record: from then on each is started once, whatever happens.
    """
    wanted = parse_requests(await read_json(request))
    for each in wanted.triggers:
        await caller.check_trigger(each.pipeline, each.project)
    answers = await take_in(context, response, Origin.API, _keyed(wanted, key, caller), caller.asker)
    if wanted.many:
        return QueuedBatch(triggers=answers)
    response.headers["Location"] = answers[0].url
    return answers[0]


def _keyed(wanted: Requests, header: str | None, caller: Caller) -> list[tuple[TriggerRequest, str]]:
    """Give each request what its id is derived from."""
    if header and not wanted.many and wanted.triggers[0].idempotency_key not in (None, header):
        message = "differs from the header Idempotency-Key; give one of them"
        raise Conflict([Fault(path="idempotency_key", message=message)])
    stem = header or uuid4().hex
    return [
        (each, caller.own(each.idempotency_key or (f"{stem}#{number}" if wanted.many else stem)))
        for number, each in enumerate(wanted.triggers)
    ]


@router.get("", response_model=TriggerPage)
async def list_some(
    context: Ctx,
    caller: Called,
    state: Annotated[list[TriggerState] | None, Query(description="Repeatable.")] = None,
    pipeline: Annotated[str | None, Query(max_length=255)] = None,
    origin: Annotated[Origin | None, Query()] = None,
    schedule: Annotated[str | None, Query(max_length=255)] = None,
    sweep: Annotated[str | None, Query(max_length=255)] = None,
    asked_by: Annotated[str | None, Query(max_length=255, description="Name of an API key or hook.")] = None,
    limit: Limit = USUAL,
    cursor: Cursor = None,
    fields: Annotated[str | None, fields_of(TriggerView)] = None,
) -> Any:
    """List triggers, the newest first. A page may be shorter than asked for, or empty, and have a next one."""
    wanted = chosen(fields, TriggerView)
    place = decode_cursor(cursor, int, str)
    filters = TriggerFilter(
        states=frozenset(state or ()),
        pipeline=pipeline,
        origin=origin,
        schedule=schedule,
        sweep=sweep,
        asked_by=asked_by,
    )
    if not caller.grants.may(Area.READ):
        filters = filters.only(caller.may_trigger)
    found = await list_triggers(context.engine, filters, (place[0], place[1]) if place else None, limit)
    following = encode_cursor(*found.last) if found.last else None
    return page(map(view_of, found.rows), following, wanted)


@router.get("/{identity}", response_model=TriggerView)
async def show_one(
    context: Ctx,
    caller: Called,
    identity: str,
    wait: Annotated[float, Query(ge=0, le=60, description="Seconds to wait at the most for what `until` says.")] = 0,
    until: Annotated[
        Literal["started", "ended"], Query(description="`started`: ZenML has the run, or it will not come; `ended`.")
    ] = "ended",
) -> Any:
    """Show a trigger: what was asked for, and what became of it. With `wait`, an answer comes when there is one."""
    engine = context.engine
    deadline = asyncio.get_running_loop().time() + wait
    with context.tail.following(identity) as news:
        fields = await read_trigger(engine, identity)
        view = view_of(fields)
        await caller.check_seeing(view.pipeline, view.project, not_there(identity))
        while view.state in GOING_ON[until]:
            if not await news.heard(deadline - asyncio.get_running_loop().time()):
                break
            view = view_of(await read_trigger(engine, identity))
    return view


@router.post("/{identity}/cancel", response_model=TriggerView)
async def cancel_one(context: Ctx, caller: Called, identity: str) -> Any:
    """Withdraw a trigger that was not sent yet. One that a worker holds may be sent already: it goes on (409)."""
    view = await _for_steering(context, caller, identity)
    state = await withdraw(context.engine, identity, TriggerState.CANCELLED, Status.CANCELLED, caller.title)
    if state not in (TriggerState.WAITING, TriggerState.DISPATCHED):
        raise Conflict(
            f"the trigger is {state or view.state.value}; what was sent cannot be withdrawn", {"state": state}
        )
    await context.engine.audit.tell(caller.audited("trigger.cancel", identity))
    return view_of(await read_trigger(context.engine, identity))


@router.post("/{identity}/replay", status_code=202, response_model=TriggerView)
async def replay_one(response: Response, context: Ctx, caller: Called, identity: str) -> Any:
    """Let a dead letter wait again. It keeps its run's name: what was started after all is found, not doubled."""
    view = await _for_steering(context, caller, identity)
    state = await context.engine.triggers.replay(identity)
    if state is not TriggerState.DEAD:
        raise Conflict(f"the trigger is {state or view.state.value}, not dead", {"state": state})
    context.bell.ring()
    await context.engine.audit.tell(caller.audited("trigger.replay", identity))
    response.headers["Location"] = link_of(identity)
    return view_of(await read_trigger(context.engine, identity))


async def _for_steering(context: Ctx, caller: Caller, identity: str) -> TriggerView:
    view = view_of(await read_trigger(context.engine, identity))
    await caller.check_seeing(view.pipeline, view.project, not_there(identity))
    if not caller.may_trigger(view.pipeline, view.project):
        await caller.check(Area.OPERATE)
    return view
