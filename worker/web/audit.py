"""`/audit`: who changed what, from where, and which calls were refused."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from worker.api.audit import read_page
from worker.api.context import Ctx
from worker.api.pages import USUAL, Cursor
from worker.domain.access import Area
from worker.web.pages import PageRoute, render
from worker.web.visits import Visit

router = APIRouter(include_in_schema=False, route_class=PageRoute)

RESULTS = {"": None, "done": False, "refused": True}
"""What may be asked for, and whether those were refused."""

Word = Annotated[str, Query(max_length=255)]


@router.get("/audit")
async def audit(
    request: Request,
    context: Ctx,
    visitor: Visit,
    who: Word = "",
    action: Word = "",
    result: Word = "",
    cursor: Cursor = None,
) -> Response:
    """Show a page of the log; it needs the scope `admin`, as the API does."""
    await visitor.caller.check(Area.ADMIN)
    asked = {"who": who.strip(), "action": action.strip(), "result": result if result in RESULTS else ""}
    found = await read_page(
        context,
        who=asked["who"] or None,
        action=asked["action"] or None,
        refused=RESULTS[asked["result"]],
        limit=USUAL,
        cursor=cursor or None,
    )
    given = {name: value for name, value in asked.items() if value}
    older = f"/audit?{urlencode({**given, 'cursor': found.next})}" if found.next else ""
    return render(
        request, visitor, "audit.html", entries=found.items, asked=asked, older=older, now=context.engine.clock()
    )
