"""Serves the demo: for people until they end it, for tests on a thread and a free port."""

import asyncio
import logging
import socket
import threading
from types import FrameType, TracebackType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from worker.demo.zenml.app import demo_app
from worker.demo.zenml.options import DemoOptions
from worker.demo.zenml.state import DemoState

logger = logging.getLogger("zenbeat.demo")

START_SECONDS = 10.0
STOP_SECONDS = 10.0


class TransportInState(H11Protocol):
    """HTTP/1.1 that hands its connection to the application, so that a fault can reset it."""

    def connection_made(self, transport: Any) -> None:
        """Begin a connection."""
        super().connection_made(transport)
        # asyncio sets this only on sockets made with an explicit protocol number, which ours is not. Without it, each
        # answer waits 40 ms for the client to acknowledge its first packet.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.app_state = {**self.app_state, "transport": transport}


class DemoServer:
    """A demo server on a thread of this process, while the `with` lasts.

    Takes the fields of DemoOptions: `DemoServer(version="0.85.0", capacity=None)`. `url` is its address, `state` what
    it knows: `state.runs`, `state.posts`, `state.login`, …; `faults.add(kind, …)` lets requests go wrong.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, **options: Any) -> None:
        self.options = DemoOptions(**options)
        app = demo_app(self.options)
        self.state: DemoState = app.state.demo
        self.faults = self.state.faults
        self._socket = socket.create_server((host, port))
        name = f"[{host}]" if ":" in host else host
        self.url = f"http://{name}:{self._socket.getsockname()[1]}"
        self._server = _Server(_config(app))
        self._thread = threading.Thread(target=self._run, name="demo-zenml", daemon=True)

    def start(self) -> "DemoServer":
        """Serve, and come back when it answers. Raises RuntimeError if it does not."""
        self._thread.start()
        if not self._server.ready.wait(START_SECONDS):
            self.stop()
            raise RuntimeError("the demo server does not start")
        return self

    def stop(self) -> None:
        """End it, with all its connections. Raises RuntimeError if it does not end."""
        self._server.end()
        self._thread.join(STOP_SECONDS)
        self._socket.close()
        if self._thread.is_alive():
            raise RuntimeError(f"the demo server does not end within {STOP_SECONDS} s")

    def __enter__(self) -> "DemoServer":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))


class _Server(uvicorn.Server):
    """Tells when it listens, waits for its end without looking at a clock, and cuts off who still waits then."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self._ended = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def end(self) -> None:
        """End it, from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ended.set)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End it on a signal."""
        super().handle_exit(sig, frame)
        self.end()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        # Uvicorn looks ten times a second whether it should end; so an idle demo costs nothing.
        await self._ended.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # An answer that hangs is among what tests ask for: nobody waits for it to end.
        for connection in tuple(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        await super().shutdown(sockets)
        # Said here, because a signal ends the process as soon as the server has.
        logger.info("demo: ended")


def _config(app: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=TransportInState,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,  # the application gives it, by its own clock
        timeout_graceful_shutdown=2,
    )


def run_demo(host: str = "127.0.0.1", port: int = 8237, options: DemoOptions | None = None) -> None:
    """Serve until SIGINT or SIGTERM. Raises OSError if the address is taken."""
    options = options or DemoOptions()
    app = demo_app(options)
    with socket.create_server((host, port)) as listening:
        url = f"http://{host}:{listening.getsockname()[1]}"
        logger.info(
            "demo: this is not ZenML; it plays its REST API and executes nothing",
            extra={"url": url, "plays": options.version, "page": f"{url}/demo", "project": options.project},
        )
        # The log blots out what looks like a key; this one is no secret, so it is on the page.
        _Server(_config(app)).run(sockets=[listening])
