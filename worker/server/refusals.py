"""What a caller is told that does not get as far as the application: RFC 9457, in one place."""

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass

import orjson
from starlette.types import Receive, Scope, Send

PROBLEM = b"application/problem+json"

LINGER_SECONDS = 1.0
"""How long a refused caller may go on sending: closed on at once, it would not get to read why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A definite no, before the application. `code` is for programs, `retry_after` is in seconds."""

    status: int
    code: str
    title: str
    detail: str
    retry_after: int | None = None

    def headers(self, length: int) -> list[tuple[bytes, bytes]]:
        """Give the headers of an answer whose body has this length. It is the connection's last one."""
        wait = [(b"retry-after", str(self.retry_after).encode())] if self.retry_after is not None else []
        size = (b"content-length", str(length).encode())
        return [(b"content-type", PROBLEM), size, *wait, (b"connection", b"close")]

    def body(self, path: str | None = None, request_id: str | None = None) -> bytes:
        """Give the problem as JSON."""
        problem = {
            "type": f"urn:zenbeat:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": path,
            "request_id": request_id,
        }
        return orjson.dumps({key: value for key, value in problem.items() if value is not None})

    def on_the_wire(self) -> bytes:
        """Give the whole answer as bytes, for a request that never became one."""
        body = self.body()
        lines: Iterable[bytes] = (b"%b: %b" % header for header in self.headers(len(body)))
        return b"\r\n".join([b"HTTP/1.1 %d %b" % (self.status, self.title.encode()), *lines, b"", body])

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and let the caller end what it is sending."""
        body = self.body(scope.get("path"), scope.get("state", {}).get("request_id"))
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers(len(body))})
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await _drain(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _drain(receive: Receive) -> None:
    """Throw away what is still sent, for a moment."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while (message := await receive())["type"] == "http.request" and message.get("more_body"):
                pass


NOT_HTTP = Refusal(
    status=400, code="not-http", title="Bad Request", detail="This is no HTTP/1.1 request that could be read."
)
HEAD_TOO_SLOW = Refusal(
    status=408, code="too-slow", title="Request Timeout", detail="The request line and headers took too long to come."
)
BODY_TOO_SLOW = Refusal(status=408, code="too-slow", title="Request Timeout", detail="The body took too long to come.")
HEAD_TOO_LARGE = Refusal(
    status=431,
    code="head-too-large",
    title="Request Header Fields Too Large",
    detail="The request line and headers are larger than 32 KiB.",
)
ENCODED = Refusal(
    status=415,
    code="encoded",
    title="Unsupported Media Type",
    detail="The body is compressed; send it as it is, without Content-Encoding.",
)
BUSY = Refusal(
    status=503,
    code="busy",
    title="Service Unavailable",
    detail="As many requests as may be are being answered; nothing was done. Try again in a moment.",
    retry_after=1,
)

INTERNAL = Refusal(
    status=500,
    code="internal",
    title="Internal Server Error",
    detail="Something went wrong that should not; the log has it under this request_id.",
)
HOST_WANTED = Refusal(
    status=400, code="host-wanted", title="Bad Request", detail="The request has to have one Host header."
)
CROSS_SITE = Refusal(
    status=403,
    code="cross-site",
    title="Forbidden",
    detail="A page of another web site sent this; the API takes changes from programs and from its own pages alone.",
)


def body_too_large(most: int) -> Refusal:
    """Say how large a body may be."""
    return Refusal(
        status=413,
        code="body-too-large",
        title="Content Too Large",
        detail=f"The body is larger than {most} bytes (ZENBEAT_API_BODY_MAX); nothing was done.",
    )
