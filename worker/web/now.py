"""`/`: what ran, what runs, what comes next, and what went wrong: at a glance."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from worker.api.context import Context, Ctx
from worker.api.outcomes import outcome_view
from worker.engine.foresight import Foresight
from worker.engine.fresh import Fresh
from worker.engine.overview import Overview, read_overview
from worker.engine.verdict import Subject, Wrong, aside, find_wrong
from worker.web.charts.timeline import Timeline, draw
from worker.web.pages import PageRoute, is_part, render
from worker.web.visits import Looker

router = APIRouter(include_in_schema=False, route_class=PageRoute)

FEED = 20
"""Outcomes that the page begins with."""

KEPT_SECONDS = 1.0
"""Whoever looks sees what was read at most so long ago: many viewers cost no more than one. After news, pages wait a
little longer before they ask, so that what they get was read after it."""

PARTS = {"figures": "_figures.html", "timeline": "_timeline.html"}

FAULTS_TOLD = 3

PLACES = {
    Subject.BEAT: "/servers",
    Subject.WORKER: "/servers",
    Subject.SERVER: "/servers",
    Subject.FAILING: "/schedules?status=failing",
    Subject.BROKEN: "/schedules?status=broken+file",
    Subject.LATE: "/schedules?status=late",
    Subject.FILES: "#faults",
    Subject.DEAD: "/dead",
}
"""The page that explains what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What everybody sees who looks now."""

    overview: Overview
    timeline: Timeline
    wrong: list[Wrong]


class Lookout:
    """Reads it, once for all who look within a moment."""

    def __init__(self, context: Context) -> None:
        self.foresight = Foresight()

        async def look() -> Sight:
            definitions = await context.book.read()
            engine = context.engine
            overview = await read_overview(
                engine, definitions, engine.clock(), foresight=self.foresight, booked=context.book.rows
            )
            return Sight(overview=overview, timeline=draw(overview), wrong=find_wrong(overview))

        self._fresh = Fresh(look, KEPT_SECONDS)

    async def look(self) -> Sight:
        """Give it. Raises StoreUnavailable."""
        return await self._fresh.get()


def _lookout(request: Request) -> Lookout:
    lookout: Lookout = request.app.state.lookout
    return lookout


@router.get("/")
async def now(
    request: Request,
    context: Ctx,
    visitor: Looker,
    lookout: Annotated[Lookout, Depends(_lookout)],
    part: Annotated[str | None, Query(max_length=20)] = None,
) -> Response:
    """Show the page; with `part`, for a script, only that part of it."""
    sight = await lookout.look()
    told: dict[str, Any] = {
        "overview": sight.overview,
        "timeline": sight.timeline,
        "wrong": sight.wrong,
        "aside": aside(sight.overview),
        "places": PLACES,
        "faults": sight.overview.faults[:FAULTS_TOLD],
    }
    if part in PARTS and is_part(request):
        return render(request, visitor, PARTS[part], **told)
    newest = await context.engine.outcomes.before("+", "-", FEED)
    # What comes between this answer and the stream's beginning is not missed.
    told["heard"] = newest[0]["id"] if newest else "0"
    return render(request, visitor, "now.html", outcomes=[outcome_view(each) for each in newest], **told)
