"""`/api/v1/sweeps`: begin a sweep, see how all of them stand, and what came of each trial."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import orjson
from fastapi import APIRouter, Query, Request, Response

from worker.api.access import Called, Caller, Reader
from worker.api.bodies import read_json
from worker.api.context import Context, Ctx
from worker.api.pages import USUAL, Cursor, Limit, chosen, decode_cursor, encode_cursor, fields_of, page
from worker.api.sweepshapes import (
    LINK,
    SWEEP_BODY,
    Begun,
    SweepDetail,
    SweepPage,
    SweepPlan,
    SweepView,
    TrialPage,
    TrialView,
    plan_view,
    sweep_detail,
    sweep_view,
    trial_view,
)
from worker.api.triggers import Key
from worker.domain.access import Area
from worker.domain.errors import Fault, InvalidInput
from worker.engine.newsweeps import Defined, find_defined
from worker.engine.sweepcheck import MOST_TRIALS, check_sweep
from worker.engine.sweepcost import estimate
from worker.engine.sweeping import not_there, read_sweep, start
from worker.engine.sweeplist import SweepFilter, list_sweeps
from worker.engine.triallist import list_trials
from worker.engine.trialrows import TrialStatus, read_kept
from worker.source.inline import build_sweep
from worker.store.sweeprows import Kind, SweepRow

router = APIRouter(prefix="/sweeps", tags=["sweeps"])

SHOWN = 10
"""Trials of a plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A sweep that somebody asks for."""

    defined: Defined
    named: bool
    """It stands in the schedule files."""
    warnings: tuple[Fault, ...] = ()


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
    wanted = await _wanted(context, await read_json(request))
    definition = wanted.defined.definition
    await _check_allowed(caller, wanted)
    trials = await _counted(wanted)
    unchecked = await _check(context, wanted)
    if dry_run:
        return _told(await _plan(context, wanted, unchecked, trials))
    told = caller.audited("sweep.begin", definition.name, after=_summary(wanted, trials))
    audit = context.engine.audit.add(told)
    own = caller.own(key or uuid4().hex)
    identity, new = await start(context.engine, definition, own, wanted.defined.zone, [audit])
    if not new:
        response.headers["Idempotent-Replayed"] = "true"
    response.headers["Location"] = LINK + identity
    return Begun(id=identity, name=definition.name, trials=trials, url=LINK + identity)


async def _wanted(context: Context, words: Any) -> Wanted:
    if isinstance(words, Mapping) and set(words) == {"name"}:
        definitions = await context.book.read()
        try:
            return Wanted(defined=find_defined(definitions, str(words["name"])), named=True)
        except InvalidInput as error:
            # It is the body that is wrong: the path is there.
            raise InvalidInput([replace(fault, path="name") for fault in error.faults]) from error
    built = await asyncio.to_thread(build_sweep, words, context.engine.settings.schedules_dir)
    return Wanted(defined=Defined(definition=built.definition), named=False, warnings=built.warnings)


async def _check_allowed(caller: Caller, wanted: Wanted) -> None:
    """See that the caller may begin it. To operate is to begin what is defined, and nothing else."""
    target = wanted.defined.definition.target
    if not wanted.named:
        await caller.check_trigger(target.pipeline, target.project)
    elif not caller.may_trigger(target.pipeline, target.project):
        await caller.check(Area.OPERATE)


async def _counted(wanted: Wanted) -> int:
    sweep = wanted.defined.definition.sweep
    if (sweep.run_cap or 0) > MOST_TRIALS:
        raise _too_many(wanted, sweep.run_cap or 0)
    # Where conditions leave points out, all of them are looked at.
    trials = await asyncio.to_thread(lambda: sweep.size)
    if trials > MOST_TRIALS:
        raise _too_many(wanted, trials)
    return trials


def _too_many(wanted: Wanted, trials: int) -> InvalidInput:
    message = f"{trials:,} trials are more than can be begun here ({MOST_TRIALS:,}); say with run_cap how many to run"
    return InvalidInput([Fault(path="name" if wanted.named else "run_cap", message=message)])


async def _check(context: Context, wanted: Wanted) -> str:
    """Hold the first trial against ZenML. What is wrong with a sweep of the files has its place there."""
    try:
        return await check_sweep(context.engine, wanted.defined)
    except InvalidInput as error:
        if not wanted.named:
            raise
        raise InvalidInput([Fault(path="name", message=_placed(fault)) for fault in error.faults]) from error


def _placed(fault: Fault) -> str:
    place = ":".join(str(part) for part in (Path(fault.file).name if fault.file else "", fault.line or "") if part)
    return ": ".join(part for part in (place, fault.path, fault.message) if part)


async def _plan(context: Context, wanted: Wanted, unchecked: str, trials: int) -> SweepPlan:
    definition = wanted.defined.definition
    sweep = definition.sweep
    head = await asyncio.to_thread(sweep.head, SHOWN) if sweep.computed else []
    return plan_view(
        await estimate(definition, context.engine),
        [_placed(fault) for fault in wanted.warnings],
        unchecked,
        name=definition.name,
        pipeline=definition.target.pipeline,
        method=sweep.method.value,
        trials=trials,
        first=[{"trial": number, "params": params} for number, params in enumerate(head, 1)],
    )


def _told(plan: SweepPlan) -> Response:
    return Response(orjson.dumps(plan.model_dump(mode="json")), media_type="application/json")


def _summary(wanted: Wanted, trials: int) -> str:
    definition = wanted.defined.definition
    said = {"pipeline": definition.target.pipeline, "trials": trials, "sweep": definition.sweep.definition()}
    return orjson.dumps({key: value for key, value in said.items() if key != "sweep" or not wanted.named}).decode()


@router.get("/{identity}", response_model=SweepDetail)
async def show_one(context: Ctx, caller: Called, identity: str) -> Any:
    """Show a sweep or backfill: how far it is, and what it is made of."""
    row = await read_sweep(context.engine, identity)
    definition = await _seen(context, caller, row)
    return sweep_detail(row, definition if row.kind is Kind.SWEEP else None)


async def _seen(context: Context, caller: Caller, row: SweepRow) -> Any:
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
    await _seen(context, caller, row)
    kept = await read_kept(context.engine, row)
    found = await list_trials(context.engine, row, kept, frozenset(state or ()), place[0] if place else 1, limit)
    following = encode_cursor(found.following) if found.following else None
    return page(map(trial_view, found.rows), following, wanted)
