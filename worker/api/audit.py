"""`/api/v1/audit`: every change that somebody made, and every call that was refused."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from worker.api.access import Admin
from worker.api.context import Context, Ctx
from worker.api.pages import USUAL, Cursor, Limit, chosen, fields_of, page
from worker.api.streams import decode_entry, encode_entry
from worker.store.audit import Audited, Result

router = APIRouter(prefix="/audit", tags=["audit"])

AT_ONCE = 1_000
"""Entries that are read together, where not all are meant."""

MOST_LOOKED = 10_000
"""Entries that are looked through for one page."""


class AuditView(BaseModel):
    """Who did what, from where, and what it changed."""

    id: str
    at: datetime
    action: str = Field(description="A word such as `schedule.pause`; those with `call.` were refused.")
    what: str = Field(description="What it was done to: a name or id, or the method and path of a call.")
    who: str | None = Field(None, description="An API key, `hook:<name>` or `cli:<user>`; null where nobody knows.")
    key_id: str | None = None
    address: str | None = None
    result: Result
    reason: str | None = None
    request_id: str | None = None
    before: Any = Field(None, description="What it was, where that is kept.")
    after: Any = Field(None, description="What it is now, where that is kept.")


class AuditPage(BaseModel):
    """A page of the audit log, the newest first."""

    items: list[AuditView]
    next: str | None = Field(description="Cursor of the next page; null on the last.")


@router.get("", response_model=AuditPage)
async def list_some(
    context: Ctx,
    _caller: Admin,
    who: Annotated[str | None, Query(max_length=255)] = None,
    action: Annotated[str | None, Query(max_length=255, description="`key.` finds all that begin so.")] = None,
    refused: Annotated[bool | None, Query(description="Only calls that were refused, or only what was done.")] = None,
    limit: Limit = USUAL,
    cursor: Cursor = None,
    fields: Annotated[str | None, fields_of(AuditView)] = None,
) -> Any:
    """List the audit log, the newest first; it needs the scope `admin`.

    A page may be shorter than asked for, or empty, and have a next one; or an entry longer, where two came at once.
    """
    wanted = chosen(fields, AuditView)
    found = await read_page(context, who=who, action=action, refused=refused, limit=limit, cursor=cursor)
    return page(found.items, found.next, wanted)


async def read_page(
    context: Context, *, who: str | None, action: str | None, refused: bool | None, limit: int, cursor: str | None
) -> AuditPage:
    """Read a page of the log: what fits, newest first. Raises Unknown for a cursor that is none."""

    def fits(entry: Audited) -> bool:
        acted = action is None or entry.action == action or (action.endswith(".") and entry.action.startswith(action))
        return acted and who in (None, entry.who) and refused in (None, entry.result is Result.REFUSED)

    rows, last = await _page(context, fits, decode_entry(cursor), limit)
    return AuditPage(items=[_view(row) for row in rows], next=encode_entry(last) if last else None)


async def _page(context: Context, fits: Callable[[Audited], bool], after: str, limit: int) -> tuple[list[Audited], str]:
    rows: list[Audited] = []
    looked, last = 0, after
    while looked < MOST_LOOKED:
        found = await context.engine.audit.newest(AT_ONCE, last)
        for entry in found:
            # Entries of one id, of the two streams, stay on one page: the next one begins after the id.
            if len(rows) >= limit and entry.id != last:
                return rows, last
            last = entry.id
            if fits(entry):
                rows.append(entry)
        looked += len(found)
        if len(found) < AT_ONCE:
            return rows, ""
    return rows, last


def _view(entry: Audited) -> AuditView:
    texts = ("who", "key_id", "address", "reason", "request_id")
    return AuditView(
        id=entry.id,
        at=entry.at,
        action=entry.action,
        what=entry.what,
        result=entry.result,
        before=_state(entry.before),
        after=_state(entry.after),
        **{name: getattr(entry, name) or None for name in texts},
    )


def _state(state: str) -> Any:
    try:
        return orjson.loads(state) if state else None
    except orjson.JSONDecodeError:
        return state
