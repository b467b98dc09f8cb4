"""A server on a thread, in front of a small application, and raw connections to it."""

import asyncio
import json
import socket
import threading
from contextlib import suppress
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from worker.api.counting import Counters
from worker.server.layers import protected
from worker.server.protocol import Bounds
from worker.server.serving import Server
from worker.settings import Settings


class Small:
    """An application that tells what it got; `release` lets those go on who wait in /wait."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.release = threading.Event()
        self.bodies: list[int] = []
        self._app = Starlette(
            routes=[
                Route("/who", self.who),
                Route("/body", self.body, methods=["POST"]),
                Route("/deaf", self.deaf, methods=["POST"]),
                Route("/wait", self.wait),
                Route("/large", self.large),
                Route("/broken", self.broken),
            ]
        )

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/fail":
            raise RuntimeError("a secret detail")
        await self._app(scope, receive, send)

    async def who(self, request: Request) -> Response:
        address = request.client.host if request.client else None
        said = {"address": address, "scheme": request.url.scheme, "id": request.state.request_id}
        return JSONResponse(said)

    async def body(self, request: Request) -> Response:
        self.bodies.append(len(await request.body()))
        return JSONResponse({"bytes": self.bodies[-1]})

    async def deaf(self, _: Request) -> Response:
        return PlainTextResponse("no")

    async def wait(self, _: Request) -> Response:
        self.entered.release()
        await asyncio.to_thread(self.release.wait, 30)
        return PlainTextResponse("waited")

    async def large(self, _: Request) -> Response:
        async def parts() -> Any:
            for _ in range(64):
                yield b"x" * 1024 * 1024
                self.entered.release()

        return StreamingResponse(parts(), headers={"content-type": "text/plain"})

    async def broken(self, _: Request) -> Response:
        async def parts() -> Any:
            yield b"begun"
            raise RuntimeError("a secret detail")

        return StreamingResponse(parts())


class Serving:
    """The server, while the `with` lasts."""

    def __init__(self, app: Any, *, connections: int = 1000, grace: int = 5, **settings: Any) -> None:
        self.counters = Counters()
        self.settings = Settings(**{"api_timeout": 0.5, **settings})
        self.closed = threading.Event()
        self.wires: list[Wire] = []
        layers = protected(app, self.settings, self.counters)
        bounds = Bounds(patience=self.settings.api_timeout, connections=connections)
        self._make = lambda: Server(layers, bounds, self.closed.set, grace=grace)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    async def _run(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.server = self._make()
        self.loop.call_soon(self._ready.set)
        await self.server.serve(sockets=[self.socket])

    def __enter__(self) -> "Serving":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        for wire in self.wires:
            wire.socket.close()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def end(self) -> None:
        with suppress(RuntimeError):  # it has ended already
            self.loop.call_soon_threadsafe(self.server.end)

    def open(self, *, window: int = 0) -> "Wire":
        self.wires.append(Wire(self.port, window))
        return self.wires[-1]

    def get(self, path: str, *headers: str, method: str = "GET") -> "Answer":
        """Ask on a connection of its own."""
        with self.open() as wire:
            wire.ask(path, *headers, "Connection: close", method=method)
            return wire.answer()


class Answer:
    """What came back: status, headers in lower case, body."""

    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.partition(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        self.raw = data
        self.status = int(first.split(" ")[1]) if first else 0
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}

    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """A raw connection."""

    def __init__(self, port: int, window: int = 0) -> None:
        self.socket = socket.socket()
        if window:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self.socket.settimeout(20)
        try:
            self.socket.connect(("127.0.0.1", port))
        except OSError:
            self.socket.close()
            raise

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes | str) -> None:
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def ask(self, path: str, *headers: str, method: str = "GET", host: str = "Host: localhost") -> None:
        self.send("\r\n".join([f"{method} {path} HTTP/1.1", *([host] if host else []), *headers, "", ""]))

    def answer(self) -> Answer:
        """Read to the end of the connection. Raises ConnectionResetError."""
        parts = []
        while part := self.socket.recv(65536):
            parts.append(part)
        return Answer(b"".join(parts))

    def one(self) -> Answer:
        """Read one answer that says its length."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        wanted = int(Answer(data).headers.get("content-length", 0))
        while len(data.partition(b"\r\n\r\n")[2]) < wanted:
            data += self._more()
        return Answer(data)

    def _more(self) -> bytes:
        part = self.socket.recv(65536)
        assert part, "the connection ended"
        return part
