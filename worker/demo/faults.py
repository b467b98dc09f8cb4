"""Faults on demand: the next request that matches goes wrong in the way that was asked for."""

import asyncio
import gzip
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import Message, Receive, Scope, Send


class Kind(StrEnum):
    """How a request can go wrong."""

    STATUS = "status"
    """Answer `status` with `body` and `headers`; nothing is done."""
    STATUS_AFTER = "status_after"
    """Do what was asked, then answer `status`."""
    RESET_BEFORE = "reset_before"
    """Cut the connection; nothing is done."""
    RESET_AFTER = "reset_after"
    """Do what was asked, then cut the connection."""
    HANG_AFTER = "hang_after"
    """Do what was asked, then answer `seconds` late."""
    HTML = "html"
    """Do what was asked, and answer 200 with a page."""
    TRUNCATED = "truncated"
    """Do what was asked, and answer half of the JSON."""
    DRIP = "drip"
    """Do what was asked, and answer a byte every `seconds`."""
    REDIRECT = "redirect"
    """Send the client to `location`."""
    GZIP_BOMB = "gzip_bomb"
    """Answer 100 MiB of nothing, compressed."""


AFTER = frozenset({Kind.STATUS_AFTER, Kind.RESET_AFTER, Kind.HANG_AFTER, Kind.HTML, Kind.TRUNCATED, Kind.DRIP})


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault, for the next `times` requests whose `METHOD /path` matches."""

    kind: Kind
    match: str = "."
    times: int = 1
    status: int = 503
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 1.0
    location: str = "/"


class Cut(Exception):
    """The connection is to be cut."""


class Faults:
    """The faults that wait, around an application."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def add(self, kind: str, **options: Any) -> None:
        """Let the next matching requests go wrong; options are the fields of `Fault`."""
        self.waiting.append(Fault(kind=Kind(kind), **options))

    def take(self, line: str) -> Fault | None:
        """Give the fault for a request, `METHOD /path`."""
        for fault in self.waiting:
            if re.search(fault.match, line):
                fault.times -= 1
                if fault.times <= 0:
                    self.waiting.remove(fault)
                return fault
        return None


class Faulty:
    """ASGI middleware: lets requests go wrong."""

    def __init__(self, app: Any, faults: Faults) -> None:
        self.app = app
        self.faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, well or badly."""
        line = f"{scope.get('method', '')} {scope.get('path', '')}"
        fault = self.faults.take(line) if scope["type"] == "http" else None
        if fault is None:
            await self.app(scope, receive, send)
            return
        response = _instead(fault)
        if fault.kind in AFTER:
            response = await self._after(fault, scope, receive)
        if response is None:
            _cut(scope)
            return
        await response(scope, receive, send)

    async def _after(self, fault: Fault, scope: Scope, receive: Receive) -> Response | None:
        """Do what was asked, and spoil the answer."""
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self.app(scope, receive, keep)
        status = int(messages[0]["status"])
        body = b"".join(message.get("body", b"") for message in messages[1:])
        return await _spoilt(fault, status, body)


def _instead(fault: Fault) -> Response | None:
    if fault.kind is Kind.STATUS:
        return JSONResponse(fault.body, fault.status, fault.headers)
    if fault.kind is Kind.REDIRECT:
        return RedirectResponse(fault.location)
    if fault.kind is Kind.GZIP_BOMB:
        bomb = gzip.compress(bytes(100 * 1024 * 1024), 1)
        return Response(bomb, headers={"content-encoding": "gzip", "content-type": "application/json"})
    return None


async def _spoilt(fault: Fault, status: int, body: bytes) -> Response | None:
    if fault.kind is Kind.RESET_AFTER:
        return None
    if fault.kind is Kind.STATUS_AFTER:
        return JSONResponse(fault.body, fault.status, fault.headers)
    if fault.kind is Kind.HTML:
        return Response("<html>nothing to see</html>", media_type="text/html")
    if fault.kind is Kind.TRUNCATED:
        return Response(body[: len(body) // 2], media_type="application/json")
    if fault.kind is Kind.DRIP:
        return Dripping(body, fault.seconds)
    await asyncio.sleep(fault.seconds)
    return Response(body, status, media_type="application/json")


class Dripping(Response):
    """A body that comes one byte at a time."""

    def __init__(self, content: bytes, seconds: float) -> None:
        super().__init__(content, media_type="application/json")
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, slowly."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        for byte in bytes(self.body):
            await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
            await asyncio.sleep(self.seconds)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _cut(scope: Scope) -> None:
    """Cut the connection under a request. The server puts its transport into the scope for this."""
    transport = scope["extensions"]["zenbeat.transport"]
    transport.abort()
