"""`/schedules`: every schedule, how it stands, and when it is due."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from starlette.datastructures import QueryParams

from worker.api.context import Context, Ctx
from worker.domain.schedule import ManagedBy
from worker.domain.standing import Standing
from worker.engine.schedulelist import ORDER, Sort, Wanted, list_schedules
from worker.web.pages import PageRoute, is_part, render
from worker.web.schedulerows import TOLD_FAULTS, row_of, told_faults
from worker.web.visits import Looker

router = APIRouter(include_in_schema=False, route_class=PageRoute)

LIST = "list"
"""Id of the part that is asked for again: when somebody types, and when there is news."""

LONGEST = 200
"""Characters of what is looked for."""

MOST_PAGES = 10_000

Word = TypeVar("Word", bound=StrEnum)


@router.get("/schedules")
async def schedules(request: Request, context: Ctx, visitor: Looker) -> Response:
    """Show the list, or the part of it that a script asks for."""
    wanted = wanted_of(request.query_params)
    alone = is_part(request) and request.headers.get("hx-target") == LIST
    shown = await _shown(request, context, wanted)
    page = render(request, visitor, "_schedules.html" if alone else "schedules.html", **shown)
    if alone:
        # The address says what is seen, so that it can be kept, and come back to.
        page.headers["HX-Replace-Url"] = address_of(wanted)
    return page


async def _shown(request: Request, context: Context, wanted: Wanted) -> dict[str, Any]:
    definitions = await context.book.read()
    now, folder = context.engine.clock(), str(context.engine.settings.schedules_dir)
    foresight = request.app.state.lookout.foresight
    listing = await list_schedules(context.engine, definitions, context.book.rows, foresight, wanted, now)
    return {
        "now": now,
        "wanted": wanted,
        "listing": listing,
        "rows": [row_of(listed, folder) for listed in listing.rows],
        "faults": told_faults(definitions.faults[:TOLD_FAULTS], folder),
        "more_faults": max(0, len(definitions.faults) - TOLD_FAULTS),
        "folder": folder,
        "here": address_of(wanted, listing.page),
        "before": address_of(wanted, listing.page - 1) if listing.page > 1 else "",
        "after": address_of(wanted, listing.page + 1) if listing.page < listing.pages else "",
        "states": {state: address_of(Wanted(standings=frozenset({state}))) for state in ORDER},
        "sorts": list(Sort),
        "managers": list(ManagedBy),
    }


def wanted_of(query: QueryParams) -> Wanted:
    """Read what somebody looks for. What is not known is not looked for: a form sends its empty fields too."""
    page = query.get("page", "")
    return Wanted(
        text=query.get("q", "").strip()[:LONGEST],
        standings=frozenset(_words(Standing, query.getlist("status"))),
        pipeline=query.get("pipeline", "")[:LONGEST],
        managed_by=next(_words(ManagedBy, query.getlist("managed_by")), None),
        sort=next(_words(Sort, query.getlist("sort")), Sort.NAME),
        page=min(max(1, int(page)), MOST_PAGES) if page.isascii() and page.isdigit() and len(page) < 6 else 1,
    )


def _words(kind: type[Word], found: Iterable[str]) -> Iterator[Word]:
    return (kind(word) for word in found if word in list(kind))


def address_of(wanted: Wanted, page: int = 1) -> str:
    """Give the address at which this is shown."""
    fields = [
        ("q", wanted.text),
        *(("status", state.value) for state in ORDER if state in wanted.standings),
        ("pipeline", wanted.pipeline),
        ("managed_by", wanted.managed_by or ""),
        ("sort", wanted.sort if wanted.sort is not Sort.NAME else ""),
        ("page", str(page) if page > 1 else ""),
    ]
    query = urlencode([(name, value) for name, value in fields if value])
    return f"/schedules?{query}" if query else "/schedules"
