"""`/api/v1/sweeps`: begin a sweep, see how all of them stand, and what came of each trial."""

from typing import Annotated, Any
from uuid import uuid4

import orjson
from fastapi import APIRouter, Query, Request, Response

from worker.api.access import Called, Caller, Reader
from worker.api.bodies import read_json
from worker.api.context import Context, Ctx
from worker.api.pages import USUAL, Cursor, Limit, chosen, decode_cursor, encode_cursor, fields_of, page
from worker.api.sweepbegins import begin_it, examine, plan_of
from worker.api.sweepshapes import (
    SWEEP_BODY,
    Begun,
    SweepDetail,
    SweepPage,
    SweepPlan,
    SweepView,
    TrialPage,
    TrialView,
    sweep_detail,
    sweep_view,
    trial_view,
)
from worker.api.triggers import Key
from worker.domain.access import Area
from worker.engine.sweeping import not_there, read_sweep
from worker.engine.sweeplist import SweepFilter, list_sweeps
from worker.engine.triallist import list_trials
from worker.engine.trialrows import TrialStatus, read_kept
from worker.store.sweeprows import Kind, SweepRow

router = APIRouter(prefix="/sweeps", tags=["sweeps"])


@router.get("", response_model=SweepPage)
async def list_some(
    context: Ctx,
    _caller: Reader,
    name: Annotated[str | None, Query(max_length=255)] = None,
    kind: Annotated[Kind | None, Query()] = None,
    active: Annotated[bool | None, Query(description="Whether it still has something to do.")] = None,
    limit: Limit = USUAL,
    cursor: Cursor = None,
    fields: Annotated[str | None, fields_of(SweepView)] = None,
) -> Any:
    """List sweeps and backfills, the newest first. A page may be shorter than asked for, and have a next one."""
    wanted = chosen(fields, SweepView)
    place = decode_cursor(cursor, int, str)
    filters = SweepFilter(name=name, kind=kind, active=active)
    found = await list_sweeps(context.engine, filters, (place[0], place[1]) if place else None, limit)
    return page(map(sweep_view, found.rows), encode_cursor(*found.last) if found.last else None, wanted)


@router.post(
    "",
    status_code=202,
    response_model=Begun,
    responses={200: {"model": SweepPlan, "description": "What it would run, with `dry_run`"}},
    openapi_extra=SWEEP_BODY,
)
async def begin(
    request: Request,
    response: Response,
    context: Ctx,
    caller: Called,
    key: Key = None,
    dry_run: Annotated[bool, Query(description="Tell what it would run and what that costs; begin nothing.")] = False,  # noqa: FBT002 - a query parameter
) -> Any:
    """Begin a sweep: one of the schedule files, by its name alone, or one that is defined here, in the same words.

    Its first trial is held against what it would start at ZenML before anything is recorded. One of the files may also
    be begun with `operate`; one that is defined here needs a scope that lets the caller trigger its pipeline.
    """
    ready = await examine(context, caller, await read_json(request))
    if dry_run:
        return _told(await plan_of(context, ready))
    begun, new = await begin_it(context, caller, ready, key or uuid4().hex)
    if not new:
        response.headers["Idempotent-Replayed"] = "true"
    response.headers["Location"] = begun.url
    return begun


def _told(plan: SweepPlan) -> Response:
    return Response(orjson.dumps(plan.model_dump(mode="json")), media_type="application/json")


@router.get("/{identity}", response_model=SweepDetail)
async def show_one(context: Ctx, caller: Called, identity: str) -> Any:
    """Show a sweep or backfill: how far it is, and what it is made of."""
    row = await read_sweep(context.engine, identity)
    definition = await read_seen(context, caller, row)
    return sweep_detail(row, definition if row.kind is Kind.SWEEP else None)


async def read_seen(context: Context, caller: Caller, row: SweepRow) -> Any:
    """Give the definition of a sweep that the caller may look at. Raises CallRefused."""
    definition = await context.engine.sweeps.definition(row.id)
    target = definition.get("target") if isinstance(definition, dict) else None
    if target is None:
        await caller.check(Area.READ)
    else:
        await caller.check_seeing(target["pipeline"], target["project"], not_there(row.id))
    return definition


@router.get("/{identity}/trials", response_model=TrialPage)
async def list_its_trials(
    context: Ctx,
    caller: Called,
    identity: str,
    state: Annotated[list[TrialStatus] | None, Query(description="Repeatable.")] = None,
    limit: Limit = USUAL,
    cursor: Cursor = None,
    fields: Annotated[str | None, fields_of(TrialView)] = None,
) -> Any:
    """List the trials of a sweep, or the fire times of a backfill, by their numbers: also those still to come.

    A page may be shorter than asked for, and have a next one.
    """
    wanted = chosen(fields, TrialView)
    place = decode_cursor(cursor, int)
    row = await read_sweep(context.engine, identity)
    await read_seen(context, caller, row)
    kept = await read_kept(context.engine, row)
    found = await list_trials(context.engine, row, kept, frozenset(state or ()), place[0] if place else 1, limit)
    following = encode_cursor(found.following) if found.following else None
    return page(map(trial_view, found.rows), following, wanted)
