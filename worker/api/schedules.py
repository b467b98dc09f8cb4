"""`/api/v1/schedules`: what there is, how it stands, when it is due, and what was decided."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from worker.api.access import Reader
from worker.api.context import Context, Ctx
from worker.api.etags import Known, is_known
from worker.api.instants import read_instant
from worker.api.pages import USUAL, Cursor, Limit, chosen, decode_cursor, encode_cursor, fields_of, page
from worker.api.schedulebook import answer, detail, open_page, unknown
from worker.api.scheduleshapes import (
    DecisionView,
    Fires,
    FireView,
    LedgerPage,
    ScheduleDetail,
    SchedulePage,
    ScheduleView,
)
from worker.api.scheduleviews import broken_view, view_of
from worker.domain.catchup import upcoming
from worker.domain.schedule import ManagedBy, Schedule
from worker.domain.standing import Standing
from worker.domain.zones import find_zone
from worker.engine.standings import read_standings
from worker.source import Definitions, file_of
from worker.store.codec import milliseconds

router = APIRouter(prefix="/schedules", tags=["schedules"])

AT_ONCE = 200
"""Schedules that are looked at in one go."""


@router.get("", response_model=SchedulePage)
async def list_schedules(
    context: Ctx,
    _caller: Reader,
    pipeline: Annotated[str | None, Query(max_length=255)] = None,
    status: Annotated[list[Standing] | None, Query(description="How it stands. Repeatable.")] = None,
    managed_by: Annotated[ManagedBy | None, Query()] = None,
    paused: Annotated[bool | None, Query()] = None,
    limit: Limit = USUAL,
    cursor: Cursor = None,
    fields: Annotated[str | None, fields_of(ScheduleView)] = None,
) -> Any:
    """List schedules, by name: those of the files, and those made over the API."""
    wanted = chosen(fields, ScheduleView)
    place = decode_cursor(cursor, str)
    definitions = await context.book.read()
    names = [name for name in _names(context, definitions, pipeline, managed_by) if not place or name > place[0]]
    found: list[ScheduleView] = []
    async for view in _views(context, definitions, names):
        if (not status or view.status in status) and (paused is None or (view.paused is not None) is paused):
            found.append(view)
        if len(found) > limit:
            break
    following = encode_cursor(found[limit - 1].name) if len(found) > limit else None
    return page(found[:limit], following, wanted)


def _names(context: Context, definitions: Definitions, pipeline: str | None, managed_by: ManagedBy | None) -> list[str]:
    """Give the names of those that match, as far as their definitions tell."""
    rows = {name: row for name, row in context.book.rows.items() if name not in definitions.named}
    sound = [
        schedule.name
        for schedule in definitions.schedules
        if pipeline in (None, schedule.target.pipeline) and managed_by in (None, schedule.managed_by)
    ]
    broken = [
        name
        for name, row in rows.items()
        if pipeline in (None, row.entry.get("pipeline")) and managed_by in (None, ManagedBy.API)
    ]
    return sorted([*sound, *broken])


async def _views(context: Context, definitions: Definitions, names: Sequence[str]) -> AsyncIterator[ScheduleView]:
    rows = context.book.rows
    for start in range(0, len(names), AT_ONCE):
        some = names[start : start + AT_ONCE]
        now = context.engine.clock()
        seen = await read_standings(context.engine, some, now)
        for name in some:
            schedule: Schedule | None = definitions.named.get(name)
            if schedule is not None:
                yield view_of(schedule, seen[name], now)
            elif name in rows:
                yield broken_view(rows[name], file_of(name), seen[name])


@router.get("/{name}", response_model=ScheduleDetail, responses={304: {"description": "The caller has it already."}})
async def show_schedule(context: Ctx, _caller: Reader, name: str, known: Known = None) -> Any:
    """Show one schedule in full. Its ETag is what a change has to name in `If-Match`."""
    opened = await open_page(context, name)
    told = answer(await detail(context, opened), opened)
    etag = told.headers["ETag"]
    return Response(status_code=304, headers={"ETag": etag}) if is_known(known, etag) else told


@router.get("/{name}/fires", response_model=Fires)
async def next_of_schedule(
    context: Ctx,
    _caller: Reader,
    name: str,
    after: Annotated[
        str | None,
        Query(
            max_length=64,
            description="From when on; without an offset on the clock of its zone. Left out: from now on.",
            json_schema_extra={"format": "date-time"},
        ),
    ] = None,
    count: Annotated[int, Query(ge=1, le=1000, description="How many.")] = 10,
) -> Any:
    """Tell when a schedule is due by its timing, whatever pauses and `max_runs` say.

    What follows others has no times.
    """
    opened = await open_page(context, name)
    schedule = opened.sound
    begin = read_instant(after, schedule.timezone, "?after", clamped=True) if after is not None else opened.now
    zone = find_zone(schedule.timezone)
    fires = upcoming(schedule.timing, begin, count)
    return Fires(items=[FireView(fire_time=fire, local=fire.astimezone(zone)) for fire in fires])


@router.get("/{name}/ledger", response_model=LedgerPage)
async def ledger_of_schedule(
    context: Ctx,
    _caller: Reader,
    name: str,
    limit: Limit = USUAL,
    cursor: Cursor = None,
    fields: Annotated[str | None, fields_of(DecisionView)] = None,
) -> Any:
    """List what was decided for each fire time, the newest first; also of a schedule that was deleted."""
    wanted = chosen(fields, DecisionView)
    place = decode_cursor(cursor, int)
    entries = await context.engine.cursors.ledger_before(name, place[0] if place else None, limit + 1)
    if not entries:
        definitions = await context.book.read()
        if name not in definitions.named and name not in context.book.rows:
            raise unknown(definitions, context.book.rows, name)
    items = [DecisionView.model_validate(entry) for entry in entries[:limit]]
    following = encode_cursor(milliseconds(items[-1].fire_time)) if len(entries) > limit else None
    return page(items, following, wanted)
