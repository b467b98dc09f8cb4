"""`/api/v1/schedules/{name}/…`: start a run now, pause, resume, run the fire times of the past."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeVar
from uuid import uuid4

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ValidationError

from worker.api.access import Called, Caller, Operator
from worker.api.bodies import read_json
from worker.api.context import Context, Ctx
from worker.api.instants import read_instant
from worker.api.schedulebook import Page, open_page
from worker.api.scheduleshapes import (
    BackfillView,
    BackfillWish,
    Changed,
    FiresChange,
    PauseWish,
    ProspectView,
    ResumeWish,
    RunView,
    body_of,
    link_of,
)
from worker.api.scheduleviews import pause_of
from worker.api.triggers import Key
from worker.api.triggershapes import link_of as trigger_link
from worker.api.triggershapes import schema_of
from worker.domain.access import Area
from worker.domain.duration import DurationError, parse_duration
from worker.domain.errors import Fault, InvalidInput
from worker.domain.nearest import did_you_mean
from worker.domain.pause import Pause
from worker.domain.schedule import Overlap, Schedule
from worker.domain.trigger import Origin
from worker.engine import byhand
from worker.engine.backfilling import Order, Wish
from worker.engine.backplans import Planned, begin_backfill, plan_backfill
from worker.engine.booking import TOLD, seen_of
from worker.engine.standings import next_fires
from worker.engine.starting import Started, start_now

router = APIRouter(prefix="/schedules", tags=["schedules"])

Wished = TypeVar("Wished", bound=BaseModel)

TOLD_FIRES = 1_000
"""Fire times of a backfill of which a trial tells."""

DryRun = Annotated[bool, Query(description="Only tell what would become of each fire time; start nothing.")]

PAUSE_BODY = body_of(
    schema_of(PauseWish),
    {
        "for a while": {"value": {"why": "the data is late", "until": "2030-01-01T08:00:00+01:00"}},
        "for good": {"value": {}},
    },
    required=False,
)
RESUME_BODY = body_of(schema_of(ResumeWish), {"from now on": {"value": {"catchup": False}}}, required=False)
BACKFILL_BODY = body_of(
    schema_of(BackfillWish), {"a week": {"value": {"from": "2026-01-05", "to": "2026-01-11"}}}, required=True
)


@router.post("/{name}/run", status_code=202, response_model=RunView)
async def run_schedule(response: Response, context: Ctx, caller: Called, name: str, key: Key = None) -> Any:
    """Start a run of a schedule now, rendered as if it were due; the same key again is the same run.

    Its times stay as they are. Neither a pause nor its overlap policy keeps it back. The key needs `operate`, or
    `trigger` for the pipeline.
    """
    schedule = (await open_page(context, name)).sound
    trigger = (await run(context, caller, schedule, key or uuid4().hex)).trigger
    response.headers["Location"] = trigger_link(trigger.id)
    return RunView(
        id=trigger.id,
        schedule=name,
        pipeline=trigger.pipeline,
        run_name=trigger.run_name,
        due=trigger.due,
        url=trigger_link(trigger.id),
    )


async def check_running(caller: Caller, schedule: Schedule) -> None:
    """See that the caller may start a run of a schedule. Raises CallRefused."""
    if not caller.may_trigger(schedule.target.pipeline, schedule.target.project):
        await caller.check(Area.OPERATE)


async def run(context: Context, caller: Caller, schedule: Schedule, key: str) -> Started:
    """Start a run of a schedule now; the same key again is the same run. Raises InvalidInput, and CallRefused."""
    await check_running(caller, schedule)
    told = context.engine.audit.add(caller.audited("schedule.run", schedule.name))
    started = await start_now(context.engine, schedule, Origin.API, caller.own(f"{schedule.name}:{key}"), [told])
    context.bell.ring()
    return started


@router.post("/{name}/pause", response_model=Changed, openapi_extra=PAUSE_BODY)
async def pause_schedule(request: Request, context: Ctx, caller: Operator, name: str) -> Any:
    """Start nothing for a schedule until it is resumed, or until a time. What runs goes on.

    One that is paused already stays paused since when it was, and gets the new reason and end.
    """
    wish = parse(await read_json(request, optional=True), PauseWish)
    opened = await open_page(context, name)
    await pause(context, caller, opened, wish)
    return await _steered(context, opened)


def pause_wished(caller: Caller, opened: Page, wish: PauseWish) -> Pause:
    """Make the pause that somebody wishes. Raises InvalidInput."""
    zone = opened.schedule.timezone if opened.schedule else "UTC"
    until = read_instant(wish.until, zone, "until") if wish.until is not None else None
    if until is not None and until <= opened.now:
        raise InvalidInput([Fault(path="until", message="has passed")])
    return Pause(since=opened.now, by=caller.title, why=wish.why, until=until)


async def pause(context: Context, caller: Caller, opened: Page, wish: PauseWish) -> Pause:
    """Pause a schedule; gives the pause that it is in now. Raises InvalidInput, and CallRefused."""
    await caller.check(Area.OPERATE)
    wanted = pause_wished(caller, opened, wish)
    before, after = _fires(opened, opened.seen.pause), _fires(opened, wanted)
    told = caller.audited("schedule.pause", opened.name, before=_json(before), after=_json(after), reason=wish.why)
    return await byhand.pause(context.engine, opened.name, wanted, [context.engine.audit.add(told)])


@router.post("/{name}/resume", response_model=Changed, openapi_extra=RESUME_BODY)
async def resume_schedule(request: Request, context: Ctx, caller: Operator, name: str) -> Any:
    """Let a paused schedule go on from now. What was due meanwhile stays skipped, unless `catchup` says otherwise.

    One that was not paused goes on anyway.
    """
    wish = parse(await read_json(request, optional=True), ResumeWish)
    opened = await open_page(context, name)
    await resume(context, caller, opened, wish)
    return await _steered(context, opened)


async def resume(context: Context, caller: Caller, opened: Page, wish: ResumeWish) -> Pause | None:
    """Let a schedule go on; gives the pause that it was in, None if it was not paused.

    Raises InvalidInput, and CallRefused.
    """
    await caller.check(Area.OPERATE)
    held = opened.seen.pause
    if held is None:
        return None
    byhand.check_resumable(opened.name, opened.schedule, held, opened.now, catchup=wish.catchup)
    before, after = _fires(opened, held), _fires(opened, None)
    told = caller.audited("schedule.resume", opened.name, before=_json(before), after=_json(after))
    return await byhand.resume(
        context.engine,
        opened.name,
        opened.schedule,
        caller.title,
        opened.now,
        catchup=wish.catchup,
        more=[context.engine.audit.add(told)],
    )


async def _steered(context: Context, opened: Page) -> Changed:
    seen = await seen_of(context.engine, opened.name, opened.now)
    return Changed(
        name=opened.name,
        url=link_of(opened.name),
        next_fires=FiresChange(before=_fires(opened, opened.seen.pause), after=_fires(opened, seen.pause)),
        paused=pause_of(seen),
    )


def _fires(opened: Page, pause: Pause | None) -> list[datetime]:
    if opened.schedule is None:
        return []
    return next_fires(opened.schedule, replace(opened.seen, pause=pause), opened.now, TOLD)


def _json(fires: Sequence[datetime]) -> str:
    return orjson.dumps({"next_fires": list(fires)}).decode()


@router.post("/{name}/backfill", status_code=202, response_model=BackfillView, openapi_extra=BACKFILL_BODY)
async def backfill_schedule(
    request: Request, response: Response, context: Ctx, caller: Operator, name: str, *, dry_run: DryRun = False
) -> Any:
    """Run the fire times of a range of a schedule's past, both ends included, each at most once.

    It goes behind what is due now. The same range and options again go on where it was.
    """
    wish = parse(await read_json(request), BackfillWish)
    schedule, planned = await plan_wished(context, caller, name, wish, sure=wish.many or dry_run)
    if dry_run or planned.idle:
        response.status_code = 200
        return _told(planned, name, dry_run=dry_run)
    identity, new = await begin_wished(context, caller, schedule, planned, wish)
    url = f"/api/v1/sweeps/{identity}"
    response.headers["Location"] = url
    return _told(planned, name, dry_run=False).model_copy(update={"id": identity, "url": url, "new": new})


async def plan_wished(
    context: Context, caller: Caller, name: str, wish: BackfillWish, *, sure: bool
) -> tuple[Schedule, Planned]:
    """See what would become of a backfill that somebody wishes; `sure`: also of more than 10,000 fire times.

    Raises InvalidInput, and CallRefused for who may not begin one.
    """
    await caller.check(Area.OPERATE)
    opened = await open_page(context, name)
    schedule = opened.sound
    wanted = _wish(wish, schedule, opened.now)
    return schedule, await plan_backfill(context.engine, schedule, wanted, None if sure else "many: true")


async def begin_wished(
    context: Context, caller: Caller, schedule: Schedule, planned: Planned, wish: BackfillWish
) -> tuple[str, bool]:
    """Begin what `plan_wished` gave, with its entry in the audit log; gives its id, and whether it is new.

    Raises InvalidInput.
    """
    counts = {"fires": len(planned.prospects), "from": wish.begin, "to": wish.end}
    told = caller.audited("schedule.backfill", schedule.name, after=orjson.dumps(counts).decode())
    return await begin_backfill(context.engine, schedule, planned, [context.engine.audit.add(told)], by=caller.name)


def _told(planned: Planned, name: str, *, dry_run: bool) -> BackfillView:
    shown = planned.prospects[:TOLD_FIRES] if dry_run else []
    return BackfillView(
        schedule=name,
        new=not planned.known,
        dry_run=dry_run,
        fires=len(planned.prospects),
        to_run=sum(prospect.runs for prospect in planned.prospects),
        notes=list(planned.notes),
        prospects=[ProspectView(fire_time=each.fire_time, runs=each.runs, becomes=each.told) for each in shown],
    )


def _wish(asked: BackfillWish, schedule: Schedule, now: datetime) -> Wish:
    return Wish(
        begin=read_instant(asked.begin, schedule.timezone, "from"),
        # A backfill is about the past.
        end=min(now, read_instant(asked.end, schedule.timezone, "to", last=True)) if asked.end else now,
        every=_length(asked.every),
        overlap=Overlap(asked.overlap) if asked.overlap else None,
        max_parallel=asked.max_parallel,
        order=Order(asked.order),
        coalesce=asked.coalesce,
        force=asked.force,
        key=asked.key,
        priority=asked.priority,
    )


def _length(text: str | None) -> timedelta | None:
    try:
        return parse_duration(text) if text else None
    except DurationError as error:
        raise InvalidInput([Fault(path="every", message=str(error))]) from error


def parse(values: Any, model: type[Wished]) -> Wished:
    """Check what a caller wishes. Raises InvalidInput with every fault, each with its path."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InvalidInput([_fault(detail, model) for detail in error.errors(include_url=False)]) from None


def _fault(detail: Mapping[str, Any], model: type[BaseModel]) -> Fault:
    path = ".".join(map(str, detail["loc"]))
    if detail["type"] == "extra_forbidden":
        known = [field.alias or name for name, field in model.model_fields.items()]
        return Fault(path=path, message=f"unknown field{did_you_mean(path, known)}")
    return Fault(path=path, message=str(detail["msg"]).removeprefix("Value error, "))
