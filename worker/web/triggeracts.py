"""`/triggers/{id}/…`: cancel, replay, discard."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from worker.api import triggersteering
from worker.api.access import Caller
from worker.api.context import Context, Ctx
from worker.web.forms import own_path
from worker.web.pages import PageRoute, done, render
from worker.web.trigger import known
from worker.web.visits import Acting, Visit

router = APIRouter(include_in_schema=False, route_class=PageRoute)


class Steer(StrEnum):
    """What can be done to a trigger."""

    CANCEL = "cancel"
    REPLAY = "replay"
    DISCARD = "discard"


DOES: dict[Steer, tuple[Callable[[Context, Caller, str], Awaitable[None]], str]] = {
    Steer.CANCEL: (triggersteering.cancel, "The trigger was cancelled: no run is started for it."),
    Steer.REPLAY: (triggersteering.replay, "The trigger waits again: its run is started as soon as ZenML takes it."),
    Steer.DISCARD: (triggersteering.discard, "The dead letter was discarded: no run is started for it."),
}


@router.get("/triggers/{identity}/{what}")
async def ask(request: Request, context: Ctx, visitor: Visit, identity: str, what: Steer, back: str = "") -> Response:
    """Ask whether it shall be done."""
    await known(context, identity)
    view = await triggersteering.for_steering(context, visitor.caller, identity)
    return render(request, visitor, "triggeract.html", view=view, what=what.value, back=own_path(back, _page(view.id)))


@router.post("/triggers/{identity}/{what}")
async def do(request: Request, context: Ctx, act: Acting, identity: str, what: Steer) -> Response:
    """Do it."""
    steer, told = DOES[what]
    await steer(context, act.caller, identity)
    return done(request, own_path(act.form.text("back"), _page(identity)), told)


def _page(identity: str) -> str:
    return f"/triggers/{quote(identity, safe='')}"
