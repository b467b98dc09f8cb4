"""Makes requests go wrong: around the application, where the connection is at hand."""

import asyncio
import json
import logging
import re
import socket
import struct
import zlib
from collections.abc import Mapping
from datetime import timedelta
from email.utils import format_datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worker.demo.zenml.faults import AFTER, INSIDE, Fault, Kind
from worker.demo.zenml.launch import at_capacity
from worker.demo.zenml.refusals import busy
from worker.demo.zenml.state import DemoState

logger = logging.getLogger("zenbeat.demo")

OWN = "/demo"
"""Below this path are the demo's own pages, which no fault meets."""

IDS = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
MOST_COUNTED = 1000
MEBIBYTE = 1024 * 1024
CLOSE_SECONDS = 5.0
SIGN_IN = "<!doctype html><title>Sign in</title><p>DEMO: a proxy's page.</p>"
RESET_AT_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends RST, so that the client sees a reset and not an orderly end."""


class Labels:
    """Says on every answer that it is a demo, and gives its Date by the server's clock."""

    def __init__(self, app: ASGIApp, state: DemoState) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""

        async def labelled(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Zenbeat-Demo"] = "true"
                headers["Date"] = format_datetime(self._state.now(), usegmt=True)
            await send(message)

        await self._app(scope, receive, labelled)


class Spoiler:
    """Counts requests, and lets those go wrong for which a fault waits."""

    def __init__(self, app: ASGIApp, state: DemoState) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, well or badly."""
        if scope["type"] != "http" or scope["path"].startswith(OWN):
            await self._app(scope, receive, send)
            return
        line = f"{scope['method']} {scope['path']}"
        self._count(line)
        fault = self._state.faults.take(line)
        if fault is None:
            await self._app(scope, receive, send)
            return
        logger.info("demo: fault", extra={"kind": fault.kind.value, "request": line})
        if fault.kind in INSIDE:
            scope.setdefault("state", {})["fault"] = fault
            await self._app(scope, receive, send)
        elif fault.kind is Kind.LATE:
            await self._app(scope, await _later(receive, fault.seconds), send)
        elif fault.kind in AFTER:
            messages: list[Message] = []
            await self._app(scope, receive, _keep(messages))
            await self._spoil(fault, messages, scope, receive, send)
        else:
            await self._instead(fault, scope, receive, send)

    def _count(self, line: str) -> None:
        known = IDS.sub("{id}", line)
        if known in self._state.requests or len(self._state.requests) < MOST_COUNTED:
            self._state.requests[known] += 1

    async def _instead(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer without carrying the request out, or do not answer."""
        if fault.kind is Kind.KILLED:
            self._poison(scope)
        elif fault.kind is Kind.HANG_BEFORE:
            await _gone(receive, fault.seconds)
        response = self._answer_instead(fault)
        if response is None:
            await _reset(scope, receive)
        else:
            await response(scope, receive, send)

    def _answer_instead(self, fault: Fault) -> Response | None:
        match fault.kind:
            case Kind.STATUS | Kind.RETRY_AFTER:
                return _answer(fault, self._retry_after(fault))
            case Kind.CAPACITY:
                refusal = at_capacity(self._state)
                return JSONResponse({"detail": [refusal.kind, refusal.message]}, 429)
            case Kind.HTML_200:
                return HTMLResponse(SIGN_IN)
            case Kind.REDIRECT:
                return RedirectResponse(fault.location, 307)
            case Kind.GZIP_BOMB:
                return Response(_bomb(fault.size), 200, {"Content-Encoding": "gzip"}, "application/json")
        return None

    async def _spoil(self, fault: Fault, messages: list[Message], scope: Scope, receive: Receive, send: Send) -> None:
        """Spoil the answer to a request that was carried out."""
        start, body = messages[0], b"".join(message.get("body", b"") for message in messages[1:])
        match fault.kind:
            case Kind.HANG_AFTER_ACCEPT:
                if not await _gone(receive, fault.seconds):
                    await _send(start, body, send)
            case Kind.SLOW_DRIP_BODY:
                await _drip(start, body, fault.seconds, receive, send)
            case Kind.CUT_OFF:
                await send(start)
                await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
                _transport(scope).close()
                await _gone(receive, CLOSE_SECONDS)
            case Kind.RESET_AFTER_ACCEPT:
                await _reset(scope, receive)
            case _:
                await _another(fault, body)(scope, receive, send)

    def _retry_after(self, fault: Fault) -> Mapping[str, str]:
        if fault.kind is not Kind.RETRY_AFTER:
            return {}
        if fault.date:
            when = self._state.now() + timedelta(seconds=fault.seconds)
            return {"Retry-After": format_datetime(when, usegmt=True)}
        return {"Retry-After": f"{fault.seconds:.0f}"}

    def _poison(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        if key := headers.get("idempotency-key"):
            query = f"?{scope['query_string'].decode()}" if scope["query_string"] else ""
            address = f"{scope['scheme']}://{headers.get('host')}{scope['path']}{query}"
            self._state.replays.poison(key, f"{scope['method']} {address}")


def _answer(fault: Fault, more: Mapping[str, str] = MappingProxyType({})) -> Response:
    media = "text/plain" if isinstance(fault.body, str) else "application/json"
    headers = {"Content-Type": media, **more, **fault.headers}
    body = fault.body if isinstance(fault.body, str) else json.dumps(fault.body)
    return Response(body, fault.status, headers)


def _another(fault: Fault, body: bytes) -> Response:
    """Make an answer in place of the right one."""
    match fault.kind:
        case Kind.BUSY_BUT_RUNNING:
            return busy()
        case Kind.HTML_200_AFTER_ACCEPT:
            return HTMLResponse(SIGN_IN)
        case Kind.TRUNCATED_JSON:
            return Response(body[: len(body) // 2], 200, media_type="application/json")
    return _answer(fault)


def _keep(messages: list[Message]) -> Send:
    async def keep(message: Message) -> None:
        messages.append(message)

    return keep


async def _send(start: Message, body: bytes, send: Send) -> None:
    await send(start)
    await send({"type": "http.response.body", "body": body})


async def _drip(start: Message, body: bytes, seconds: float, receive: Receive, send: Send) -> None:
    await send(start)
    for place in range(len(body)):
        await send({"type": "http.response.body", "body": body[place : place + 1], "more_body": True})
        if await _gone(receive, seconds):
            return
    await send({"type": "http.response.body", "body": b""})


async def _later(receive: Receive, seconds: float) -> Receive:
    """Take the whole request in, and wait; gives what reads it as if it had just come."""
    messages = [await receive()]
    while messages[-1].get("more_body"):
        messages.append(await receive())
    await asyncio.sleep(seconds)

    async def again() -> Message:
        return messages.pop(0) if messages else await receive()

    return again


async def _gone(receive: Receive, seconds: float) -> bool:
    """Wait so long, or until the client hangs up; tell whether it did."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True


async def _reset(scope: Scope, receive: Receive) -> None:
    transport = _transport(scope)
    if transport.is_closing():
        return
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
    transport.abort()
    # The server must have noticed before we return, or it tries to answer in our place.
    await _gone(receive, CLOSE_SECONDS)


def _transport(scope: Scope) -> Any:
    """Give the connection, which the server puts into the state of each request."""
    return scope["state"]["transport"]


@lru_cache(maxsize=1)
def _bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    zeros = bytes(MEBIBYTE)
    packed = [packer.compress(zeros[: min(MEBIBYTE, size - done)]) for done in range(0, size, MEBIBYTE)]
    return b"".join([*packed, packer.flush()])
