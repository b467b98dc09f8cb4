"""Keeps other web sites out: what a browser sends because some page made it do so is not what a person asked for.

A request that changes something and comes from another site, as the browser itself says, is refused, whatever key it
brings: browsers send a password by themselves. Who calls without a key is looked at in `worker.api.access`. And who
comes while as many are served as may be (`busy`, said by the protocol) is told to come again.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from worker.server.refusals import BUSY, CROSS_SITE, HOST_WANTED, Refusal

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

OWN_SITE = frozenset({"same-origin", "none"})
"""What browsers say of a request that one of our pages made, or the person by hand."""


class Guard:
    """The guard's middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request pass, or refuse it."""
        refusal = BUSY if scope["state"].get("busy") else _refusal(scope["method"], Headers(scope=scope))
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await refusal.answer(scope, receive, send)


def _refusal(method: str, headers: Headers) -> Refusal | None:
    hosts = headers.getlist("host")
    if len(hosts) != 1:
        return HOST_WANTED
    return CROSS_SITE if method not in SAFE and _foreign(headers, hosts[0]) else None


def _foreign(headers: Headers, host: str) -> bool:
    """Tell whether a browser says that a page of another site sent this; old ones say only of which."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in OWN_SITE
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != host.lower()
