"""Reads a request's body before the application sees it: whole, in time and no larger than may be, or not at all."""

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worker.server.refusals import BODY_TOO_SLOW, BUSY, ENCODED, Refusal, body_too_large

BODY_SECONDS = 60.0
"""How long a body may take in all."""

AT_ONCE = 8
"""How many bodies of the largest size may be held at once; beyond that, callers are told to come again."""


class Gone(Exception):
    """The caller left before its body had come."""


class Refused(Exception):
    """The body is not taken."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal


class Bodies:
    """The body's middleware. `most` is in bytes; `patience` is how long the next part may take to come, in seconds."""

    def __init__(self, app: ASGIApp, *, most: int, patience: float, whole: float = BODY_SECONDS) -> None:
        self._app = app
        self._most = most
        self._patience = patience
        self._whole = whole
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, then ask the application; or refuse it."""
        headers = Headers(scope=scope)
        if headers.get("transfer-encoding") is None and headers.get("content-length", "0") == "0":
            await self._app(scope, receive, send)
            return
        body = bytearray()
        try:
            self._check(headers)
            await self._read(receive, body)
            await self._app(scope, _replay(bytes(body), receive), send)
        except Gone:
            return
        except Refused as error:
            await error.refusal.answer(scope, receive, send)
        finally:
            self._held -= len(body)

    def _check(self, headers: Headers) -> None:
        # The parser has seen to it that this is a number, and stands alone.
        if int(headers.get("content-length", 0)) > self._most:
            raise Refused(body_too_large(self._most))
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise Refused(ENCODED)

    async def _read(self, receive: Receive, body: bytearray) -> None:
        """Read all of it into `body`."""
        more = True
        try:
            async with asyncio.timeout(self._whole):
                while more:
                    async with asyncio.timeout(self._patience):
                        message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Gone
                    more = message.get("more_body", False)
                    self._take(message.get("body", b""), body)
        except TimeoutError:
            raise Refused(BODY_TOO_SLOW) from None

    def _take(self, part: bytes, body: bytearray) -> None:
        body += part
        self._held += len(part)
        if len(body) > self._most:
            raise Refused(body_too_large(self._most))
        if self._held > AT_ONCE * self._most:
            raise Refused(BUSY)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give the body that was read, then whatever comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed
