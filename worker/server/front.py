"""The outermost layer: every request gets an id, a line in the log, a place in the figures, and careful headers."""

import asyncio
import logging
import re
from secrets import token_hex

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worker.api.counting import Counters
from worker.logs import SECRET
from worker.server.refusals import INTERNAL

logger = logging.getLogger("zenbeat.access")

REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
"""What is taken over from a caller or proxy; anything else could forge a line or a header."""

LONGEST_PATH = 300

CAREFUL = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
"""Headers of every answer, unless the route has its own."""

OVER_TLS = "max-age=31536000"

QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds by machines: a line for each would drown the others."""


class Front:
    """The middleware."""

    def __init__(self, app: ASGIApp, counters: Counters) -> None:
        self._app = app
        self._counters = counters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, and tell what became of it."""
        answered = _Answered(scope, send)
        begun = _now()
        try:
            await self._app(scope, receive, answered.send)
        except Exception:
            # The last resort: the caller learns the id, and the log the rest. What the application has answered
            # itself, it has told itself.
            if not answered.whole:
                logger.exception("request failed", extra={"request_id": answered.request_id})
                await answered.fail(receive)
        finally:
            took = _now() - begun
            self._counters.answered(scope, answered.status, took)
            _tell(scope, answered, took)


class _Answered:
    """One request's answer on its way out."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = self.request_id
        self.status = 0
        self.whole = False
        self._scope = scope
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in CAREFUL.items():
                headers.setdefault(name, value)
            if self._scope["scheme"] == "https":
                headers.setdefault("strict-transport-security", OVER_TLS)
            headers["x-request-id"] = self.request_id
        else:
            self.whole = not message.get("more_body", False)
        await self._send(message)

    async def fail(self, receive: Receive) -> None:
        """Answer 500; where an answer has begun, it stays without an end, and uvicorn closes the connection."""
        if not self.status:
            await INTERNAL.answer(self._scope, receive, self.send)


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get("x-request-id", "")
    usable = REQUEST_ID.fullmatch(given) and not SECRET.search(given)
    return given if usable else token_hex(8)


def _tell(scope: Scope, answered: _Answered, took: float) -> None:
    path = scope["path"]
    logger.log(
        logging.DEBUG if path in QUIET and answered.status < 400 else logging.INFO,
        "answered" if answered.status else "left",
        extra={
            "method": scope["method"],
            "path": path if len(path) <= LONGEST_PATH else f"{path[:LONGEST_PATH]}…",
            "status": answered.status or None,
            "ms": round(took * 1000, 1),
            "caller": scope["state"].get("caller"),
            "address": scope["client"][0] if scope.get("client") else None,
            "request_id": answered.request_id,
        },
    )


def _now() -> float:
    return asyncio.get_running_loop().time()
