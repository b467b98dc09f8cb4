"""`/api/v1/triggers`: queue runs, and look at them."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import APIRouter, Header, Query, Request, Response

from worker.api.accepting import answers, record
from worker.api.access import Called, Caller
from worker.api.bodies import read_json
from worker.api.context import Context, Ctx
from worker.api.pages import USUAL, Cursor, Limit, chosen, decode_cursor, encode_cursor, fields_of, page
from worker.api.streams import Instant
from worker.api.triggershapes import (
    BODY,
    Queued,
    QueuedBatch,
    TriggerPage,
    TriggerView,
    view_of,
)
from worker.domain.access import Area
from worker.domain.errors import Conflict, Fault
from worker.domain.trigger import ACTIVE, Origin, TriggerState
from worker.engine.enqueue import Accepted
from worker.engine.requests import Requests, TriggerRequest, parse_requests
from worker.engine.steering import not_there, read_trigger
from worker.engine.triggerlist import TriggerFilter, list_triggers
from worker.store.items import Command

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
    told = answers(await start(context, caller, wanted, key), response)
    if wanted.many:
        return QueuedBatch(triggers=told)
    response.headers["Location"] = told[0].url
    return told[0]


async def start(
    context: Context, caller: Caller, wanted: Requests, key: str | None, more: Sequence[Command] = ()
) -> list[Accepted]:
    """Record what a caller asks for, if it may; `more` goes with it, if any of it is new.

    Raises CallRefused, Conflict and QueueFull.
    """
    for each in wanted.triggers:
        await caller.check_trigger(each.pipeline, each.project)
    return await record(context, Origin.API, _keyed(wanted, key, caller), caller.asker, more)


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
    text: Annotated[
        str | None, Query(max_length=255, description="In the run's name, or how the id of the trigger or run begins.")
    ] = None,
    since: Instant = None,
    before: Instant = None,
    limit: Limit = USUAL,
    cursor: Cursor = None,
    fields: Annotated[str | None, fields_of(TriggerView)] = None,
) -> Any:
    """List triggers, the newest first. A page may be shorter than asked for, or empty, and have a next one.

    `since` (or later) and `before` are about when a trigger was recorded; of the dead alone, when it died.
    """
    wanted = chosen(fields, TriggerView)
    place = decode_cursor(cursor, int, str)
    filters = TriggerFilter(
        states=frozenset(state or ()),
        pipeline=pipeline,
        origin=origin,
        schedule=schedule,
        sweep=sweep,
        asked_by=asked_by,
        text=text,
        since=since,
        before=before,
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
