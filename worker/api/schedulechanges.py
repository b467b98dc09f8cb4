"""`/api/v1/schedules`: make a schedule, change it, take it away. Those of files are changed in their files."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response

from worker.api.access import Caller, Operator
from worker.api.bodies import read_json
from worker.api.context import Context, Ctx
from worker.api.etags import IfMatch, IfNoneMatch, check_match, check_none, etag_of
from worker.api.problems import MEDIA_TYPE, PreconditionFailed
from worker.api.schedulebook import answer, detail, open_page, unknown
from worker.api.scheduleshapes import CHANGED_BODY, NEW_BODY, Changed, FiresChange, link_of
from worker.domain.errors import Conflict, Fault
from worker.engine.booking import Draft, check_free, draft, draft_removal, seen_of, write
from worker.source import Definitions
from worker.store.booked import Booked
from worker.store.items import Command

router = APIRouter(prefix="/schedules", tags=["schedules"])

PRECONDITIONS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, description in ((412, "It was changed meanwhile."), (428, "If-Match is missing."))
}
"""What routes may answer that change a schedule."""

DryRun = Annotated[bool, Query(description="Only check it, and tell what would come of it.")]

CREATED: dict[int | str, dict[str, Any]] = {
    200: {"model": Changed, "description": "With `dry_run`: nothing was changed."},
    201: {"model": Changed, "description": "It was made."},
}


@router.post("", status_code=201, response_model=Changed, responses=CREATED, openapi_extra=NEW_BODY)
async def create_schedule(request: Request, context: Ctx, caller: Operator, *, dry_run: DryRun = False) -> Any:
    """Make a schedule, in the words of the schedule files. It counts from now on; the past is not made up for.

    The key needs `operate`, and `trigger` for the pipeline.
    """
    words = await read_json(request)
    name = _name_in(words)
    definitions = await context.book.read()
    check_free(definitions, name)
    if name in context.book.rows:
        message = "there is a schedule of this name already; change it with PUT"
        raise Conflict([Fault(path="name", message=message)], {"url": link_of(name)})
    wanted = await _drafted(context, caller, definitions, name, words, None)
    return await _put(context, caller, wanted, dry_run=dry_run)


@router.put(
    "/{name}",
    response_model=Changed,
    responses={**PRECONDITIONS, **CREATED},
    openapi_extra=CHANGED_BODY,
)
async def change_schedule(
    request: Request,
    context: Ctx,
    caller: Operator,
    name: str,
    match: IfMatch = None,
    none_match: IfNoneMatch = None,
    *,
    dry_run: DryRun = False,
) -> Any:
    """Put a schedule in the place of the one that `If-Match` names, or with `If-None-Match: *` where there is none.

    A change of its timing counts from now on. The key needs `operate`, and `trigger` for the pipeline.
    """
    words = await read_json(request)
    definitions = await context.book.read()
    check_free(definitions, name)
    row = context.book.rows.get(name)
    wanted = await _drafted(context, caller, definitions, name, words, row)
    # What is wrong with the request itself comes first, as RFC 9110 has it.
    if none_match is not None and match is None:
        check_none(none_match, row.tag if row else None)
    elif row is None and match is not None:
        raise unknown(definitions, context.book.rows, name)
    else:
        check_match(match, row.tag if row else None)
    return await _put(context, caller, wanted, dry_run=dry_run)


@router.delete("/{name}", response_model=Changed, responses=PRECONDITIONS)
async def delete_schedule(
    context: Ctx,
    caller: Operator,
    name: str,
    match: IfMatch = None,
    *,
    dry_run: DryRun = False,
) -> Any:
    """Take a schedule away that was made over the API, and its pause. What runs goes on, and its ledger stays.

    One of this name that is made later begins anew.
    """
    definitions = await context.book.read()
    check_free(definitions, name)
    row = context.book.rows.get(name)
    if row is None:
        raise unknown(definitions, context.book.rows, name)
    check_match(match, row.tag)
    now = context.engine.clock()
    wanted = draft_removal(definitions, row, await seen_of(context.engine, name, now), now)
    if not dry_run:
        await _write(context, caller, wanted, "schedule.delete")
    return _changed(wanted, dry_run=dry_run)


def _name_in(words: Any) -> str:
    """Give the name of a new schedule; "" where there is none that could be one, which is a fault then."""
    name = words.get("name") if isinstance(words, dict) else None
    return name if isinstance(name, str) else ""


async def _drafted(
    context: Context, caller: Caller, definitions: Definitions, name: str, words: Any, replaces: Booked | None
) -> Draft:
    """Check what is asked for, and that the caller may start what it would start."""
    now = context.engine.clock()
    # What is new has no past.
    seen = await seen_of(context.engine, name, now) if replaces is not None else None
    wanted = draft(context.book, definitions, name, words, replaces=replaces, seen=seen, now=now)
    await caller.check_trigger(words["pipeline"], words.get("project"))
    return wanted


async def _put(context: Context, caller: Caller, wanted: Draft, *, dry_run: bool) -> Response:
    told = _changed(wanted, dry_run=dry_run)
    if dry_run:
        return Response(told.model_dump_json(exclude_none=True), 200, media_type="application/json")
    new = wanted.replaces is None
    tag = await _write(context, caller, wanted, "schedule.create" if new else "schedule.change")
    headers = {"ETag": await _etag(context, wanted.name, tag), **({"Location": told.url} if new else {})}
    return Response(told.model_dump_json(exclude_none=True), 201 if new else 200, headers, "application/json")


async def _etag(context: Context, name: str, tag: str) -> str:
    """Give the ETag that a GET gives now."""
    opened = await open_page(context, name)
    if opened.row is None or opened.row.tag != tag:
        return etag_of(tag, "")  # somebody was quick to change it again
    return answer(await detail(context, opened), opened).headers["ETag"]


async def _write(context: Context, caller: Caller, wanted: Draft, action: str) -> str:
    def telling(done: Draft) -> Command:
        before = _told(done.replaces.entry if done.replaces else None, done.consequence.before)
        after = _told(done.entry, done.consequence.after)
        return context.engine.audit.add(caller.audited(action, done.name, before=before, after=after))

    tag = await write(context.engine, wanted, caller.title, telling)
    if tag is None:
        raise await _lost(context, wanted)
    return tag


async def _lost(context: Context, wanted: Draft) -> Exception:
    """Tell a caller that somebody else was first."""
    await context.book.read()
    there: Booked | None = context.book.rows.get(wanted.name)
    if wanted.replaces is None and there is not None:
        message = "somebody else made a schedule of this name just now"
        return Conflict([Fault(path="name", message=message)], {"url": link_of(wanted.name)})
    return PreconditionFailed("it was changed meanwhile; GET it again, and look at what is new")


def _told(entry: Any, fires: Any) -> str:
    if entry is None:
        return ""
    return orjson.dumps({"entry": entry, "next_fires": list(fires)}).decode()


def _changed(wanted: Draft, *, dry_run: bool) -> Changed:
    fires = wanted.consequence
    return Changed(
        name=wanted.name,
        url=link_of(wanted.name),
        dry_run=dry_run,
        next_fires=FiresChange(before=list(fires.before), after=list(fires.after)),
        warnings=list(wanted.warnings),
    )
