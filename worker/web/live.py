"""`/live`: what comes into the outcome stream, as rows of a page: the page itself decides what to do with them."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response

from worker.api.events import Wanted, open_stream
from worker.api.outcomes import outcome_view
from worker.web.pages import PageRoute, environment
from worker.web.visits import Looker, logged_in
from worker.web.words import blotted

router = APIRouter(include_in_schema=False, route_class=PageRoute)

ROWS = 500
"""The rows that are kept: of what came last."""


@router.get("/live")
async def live(
    request: Request,
    visitor: Looker,
    schedule: Annotated[str | None, Query(max_length=255)] = None,
    sweep: Annotated[str | None, Query(max_length=64)] = None,
    trigger: Annotated[str | None, Query(max_length=64)] = None,
    after: Annotated[str | None, Query(max_length=40)] = None,
    last_id: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
) -> Response:
    """Follow the outcomes as they come: of all, or of one schedule, sweep or trigger."""
    named = {"schedule": schedule, "sweep": sweep, "trigger": trigger}
    wanted = Wanted(fields={name: value for name, value in named.items() if value is not None}, statuses=frozenset())

    async def still() -> bool:
        return await logged_in(visitor)

    return await open_stream(request, visitor.caller, wanted, last_id or after, row, still)


def row(outcome: Mapping[str, str]) -> bytes:
    """Make the row of an outcome, in one line."""
    return _made(tuple(outcome.items()))


@lru_cache(maxsize=ROWS)
def _made(fields: tuple[tuple[str, str], ...]) -> bytes:
    # Once for all who look: it costs more than everything else that is done to tell of an outcome.
    made = environment().get_template("outcome.html").render(outcome=outcome_view(dict(fields)))
    return " ".join(blotted(made).split()).encode()
