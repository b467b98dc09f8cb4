"""Who looks at the dashboard: somebody who has logged in with an API key, or, before there is one, who is at home."""

import contextlib
import hmac
from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Request, Response

from worker.api import access
from worker.api.access import Caller, at_home, call_of
from worker.api.context import Ctx
from worker.api.problems import BadRequest
from worker.domain.access import EVERYTHING, Area, Grants
from worker.domain.apikey import ApiKey
from worker.domain.errors import CallRefused, ZenbeatError
from worker.engine.keyring import MISSING
from worker.store.sessions import LONGEST, Session
from worker.web.forms import Form, own_path, read_form
from worker.web.words import blotted

CSRF = "csrf"

STALE = "this form is not one of ours, or is too old; open its page again"


class LoginWanted(ZenbeatError):
    """Nobody is logged in; `back` is the page that was asked for."""

    def __init__(self, back: str) -> None:
        super().__init__("log in first")
        self.back = back

    @property
    def path(self) -> str:
        """Where to log in, and come back from."""
        return f"/login?next={quote(blotted(self.back), safe='/')}" if self.back != "/" else "/login"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who looks at a page; `csrf` is what its forms have to bring along."""

    caller: Caller
    csrf: str
    session: Session | None = None
    heard: str = ""
    """The outcome after which a page has to listen: what came before, it can show."""

    def may(self, area: Area) -> bool:
        """Tell whether such things may be done: what may not be done is not offered."""
        return self.caller.grants.may(area)

    @property
    def operates(self) -> bool:
        """Whether there is anything to offer at all on most pages."""
        return self.may(Area.OPERATE)


async def _visitor(request: Request, context: Ctx) -> Visitor:
    """See who it is. Raises LoginWanted."""
    # Kept for pages that tell of errors: who may not see this one may still want to log out.
    heard = context.tail.reached
    request.state.visitor = visitor = replace(await _find(request, context), heard=heard)
    return visitor


def visitor_of(request: Request) -> Visitor | None:
    """Tell who it is, once that was seen; None before, and where nobody has to be known."""
    return getattr(request.state, "visitor", None)


async def _find(request: Request, context: Ctx) -> Visitor:
    call = call_of(request)
    token = request.cookies.get(cookie_name(request))
    session = await context.engine.sessions.find(token, context.engine.clock()) if token else None
    if session is not None:
        try:
            key = await context.keyring.recall(session.key_id, call)
        except CallRefused as error:
            if error.kind != "unknown":
                raise
            await context.engine.sessions.end(session.token)
            raise LoginWanted(_back(request)) from error
        return Visitor(caller=_caller(request, context, key), csrf=session.csrf, session=session)
    if await context.keyring.closed():
        raise LoginWanted(_back(request))
    await context.keyring.admit(None, call)
    if not at_home(request):
        raise await context.keyring.refusing.without(call, MISSING)
    return Visitor(caller=Caller(context=context, call=call, grants=EVERYTHING), csrf=request.app.state.home_csrf)


async def logged_in(visitor: Visitor) -> bool:
    """Tell whether a session has not ended in the meantime. A page that hears news is looked at: it lasts on."""
    if visitor.session is None:
        return True
    engine = visitor.caller.context.engine
    return await engine.sessions.find(visitor.session.token, engine.clock()) is not None


def _caller(request: Request, context: Ctx, key: ApiKey) -> Caller:
    request.state.caller = key.name  # for the line in the log
    call = replace(call_of(request), who=key.name, key_id=key.id)
    return Caller(context=context, call=call, grants=Grants(scopes=key.scopes))


def _back(request: Request) -> str:
    """Give the page to come back to: the one that was asked for, or that a script asks from."""
    _, there, shown = request.headers.get("hx-current-url", "").partition("://")
    if there:
        return own_path(f"/{shown.partition('/')[2].partition('#')[0]}")
    if request.method != "GET":
        return "/"
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


async def shown(request: Request, context: Ctx) -> None:
    """See that somebody has logged in, or has a key: what describes us is not for strangers once there is one."""
    if request.cookies.get(cookie_name(request)):
        with contextlib.suppress(LoginWanted):
            await _visitor(request, context)
            return
    await access.shown(request, context)


Visit = Annotated[Visitor, Depends(_visitor)]
"""A route's parameter, where the route itself sees to what is allowed."""


async def _looker(visitor: Visit) -> Visitor:
    await visitor.caller.check(Area.READ)
    return visitor


Looker = Annotated[Visitor, Depends(_looker)]
"""A route's parameter: who may look at everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something that somebody does by a form of ours. What it needs to be allowed is seen to by what does it."""

    visitor: Visitor
    form: Form

    @property
    def caller(self) -> Caller:
        """Who does it."""
        return self.visitor.caller


async def _act(request: Request, visitor: Visit) -> Act:
    """Read the form. Raises BadRequest for one that is not ours: other sites cannot know what is in `csrf`."""
    form = await read_form(request)
    if not hmac.compare_digest(form.text(CSRF).encode(), visitor.csrf.encode()):
        raise BadRequest(403, "stale-form", STALE)
    return Act(visitor=visitor, form=form)


Acting = Annotated[Act, Depends(_act)]
"""A route's parameter: who sent a form, and what is in it."""


def over_tls(request: Request) -> bool:
    """Tell whether the browser asked by TLS; behind a proxy, as one that is trusted says."""
    return request.url.scheme == "https"


def cookie_name(request: Request, name: str = "zenbeat") -> str:
    """Name a cookie: over TLS, the name itself binds it to this host alone, and to TLS."""
    return f"__Host-{name}" if over_tls(request) else name


def let_in(request: Request, response: Response, session: Session) -> None:
    """Give somebody the cookie of their session."""
    response.set_cookie(
        cookie_name(request),
        session.token,
        max_age=int(LONGEST.total_seconds()),
        path="/",
        secure=over_tls(request),
        httponly=True,
        samesite="lax",
    )


def let_out(request: Request, response: Response) -> None:
    """Take the cookie back."""
    response.delete_cookie(cookie_name(request), path="/", secure=over_tls(request), httponly=True, samesite="lax")
