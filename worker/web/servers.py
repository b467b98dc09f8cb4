"""`/servers`: what the ZenML server takes, what waits for it, our own processes, and what the next day brings."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from worker.api.context import Context, Ctx
from worker.engine.forecast import HOURS, MINUTE, Forecast, Forecasts, Outlook, look_out
from worker.engine.fresh import Fresh
from worker.engine.installation import Heard, Installation, Process, hear, read_installation
from worker.web.charts import herd
from worker.web.pages import PageRoute, is_part, render
from worker.web.visits import Looker

router = APIRouter(include_in_schema=False, route_class=PageRoute)

HEARD_SECONDS = 5.0
"""However many look, the server is not asked more often."""

PATIENCE_SECONDS = 1.0
"""A forecast that takes longer comes after the page."""


class Watch:
    """What is read once for all who look."""

    def __init__(self, context: Context) -> None:
        async def ask() -> Heard:
            return await hear(context.engine)

        self.heard = Fresh(ask, HEARD_SECONDS)
        self.forecasts = Forecasts(context.engine)
        self.patience = PATIENCE_SECONDS


def _watch(request: Request) -> Watch:
    watch: Watch = request.app.state.watch
    return watch


Watched = Annotated[Watch, Depends(_watch)]


@router.get("/servers")
async def servers(
    request: Request,
    context: Ctx,
    visitor: Looker,
    watch: Watched,
    part: Annotated[Literal["state", "forecast"] | None, Query()] = None,
) -> Response:
    """Show how all stands. Scripts ask for a part of the page to put it in the place of the old one."""
    now = context.engine.clock()
    wanted = part if is_part(request) else None
    stands = await read_installation(context.engine, await watch.heard.get(), now)
    about: dict[str, Any] = {"now": now, "stands": stands, "leads": _leads(stands.processes)}
    if wanted != "state":
        definitions = await context.book.read()
        forecast = await watch.forecasts.get(definitions, now, watch.patience)
        about["ahead"] = _ahead(forecast, stands, now) if forecast else None
    template = {"state": "_serverstate.html", "forecast": "_forecast.html"}.get(wanted or "", "servers.html")
    return render(request, visitor, template, **about)


def _leads(processes: Sequence[Process]) -> int:
    return sum(bool(process.said.get("leading")) for process in processes)


def _ahead(forecast: Forecast, stands: Installation, now: Any) -> dict[str, Any]:
    """Give what the template tells of the next day."""
    rate = stands.server.rate
    outlook: Outlook = look_out(forecast, now, rate)
    return {
        "forecast": forecast,
        "outlook": outlook,
        "rate": rate,
        "drawing": herd.draw(forecast.counts, rate, (now - forecast.start) // MINUTE),
        "hours": [forecast.start + timedelta(hours=hour) for hour in range(HOURS)],
    }
