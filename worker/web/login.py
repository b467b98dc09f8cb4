"""`/login` and `/logout`: an API key opens the dashboard for a day's work, and is not kept in the browser."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from worker.api.access import call_of
from worker.api.context import Ctx
from worker.domain.errors import CallRefused
from worker.engine.refusing import Call
from worker.store.audit import Audited
from worker.web.forms import own_path, read_form
from worker.web.pages import HEADERS, PageRoute, render
from worker.web.visits import Acting, cookie_name, let_in, let_out

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/login")
async def ask(request: Request, context: Ctx, next: str = "/") -> Response:  # noqa: A002 - a query parameter
    """Ask for an API key."""
    return render(request, None, "login.html", back=own_path(next), refused="", needed=await context.keyring.closed())


@router.post("/login")
async def log_in(request: Request, context: Ctx) -> Response:
    """Let somebody in who shows an API key. That another site sends this, the guard has ruled out."""
    form = await read_form(request)
    back = own_path(form.text("next"))
    call = call_of(request)
    try:
        key = await context.keyring.admit(form.text("key"), call)
    except CallRefused as error:
        if error.kind != "unknown":
            raise
        return render(request, None, "login.html", status=401, back=back, refused=str(error), needed=True)
    assert key is not None  # noqa: S101 - a text was shown, and found to be one
    await _end(request, context)
    session = await context.engine.sessions.begin(key.id, context.engine.clock())
    await context.engine.audit.tell(_audited(context, call, "login", key.name, key.id))
    response = RedirectResponse(back, status_code=303, headers=HEADERS)
    let_in(request, response, session)
    return response


@router.post("/logout")
async def log_out(request: Request, context: Ctx, act: Acting) -> Response:
    """End the session: on the server too, so that its cookie opens nothing any more."""
    await _end(request, context)
    await context.engine.audit.tell(act.caller.audited("logout", act.caller.title))
    response = RedirectResponse("/login", status_code=303, headers=HEADERS)
    let_out(request, response)
    return response


async def _end(request: Request, context: Any) -> None:
    token = request.cookies.get(cookie_name(request))
    if token:
        await context.engine.sessions.end(token)


def _audited(context: Any, call: Call, action: str, who: str, key_id: str) -> Audited:
    return Audited(
        at=context.engine.clock(),
        action=action,
        what=who,
        who=who,
        key_id=key_id,
        address=call.address,
        request_id=call.request_id,
    )
