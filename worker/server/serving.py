"""Uvicorn's server as we run it: our protocol, an address that may change, and an end without a look at the clock."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from worker.server.protocol import Bounds, PatientProtocol

KEEP_ALIVE_SECONDS = 75
"""Longer than proxies keep an idle connection: they would pass a request into one that we are closing."""

GRACE_SECONDS = 20
"""How long requests may take to end after SIGTERM."""


class Server(uvicorn.Server):
    """Serves an application until `end`."""

    def __init__(self, app: ASGIApp, bounds: Bounds, ending: Callable[[], None], *, grace: int = GRACE_SECONDS) -> None:
        super().__init__(_config(app, grace))
        self._bounds = bounds
        self._ending = ending
        self._ended = asyncio.Event()

    def end(self) -> None:
        """End: no new connections, streams are closed, what is being answered is answered."""
        self._ended.set()

    async def listen(self, sockets: Sequence[socket.socket]) -> None:
        """Take new connections here and nowhere else; those that are open stay."""
        for server in self.servers:
            server.close()
        loop = asyncio.get_running_loop()
        self.servers = [await loop.create_server(self._protocol, sock=each) for each in sockets]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin, in uvicorn's place."""
        await self.lifespan.startup()
        self.servers: list[asyncio.Server] = []
        await self.listen(sockets or [])
        self.started = True

    async def main_loop(self) -> None:
        """Wait for the end. Uvicorn looks ten times a second whether it has come."""
        await self._ended.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let the streams end, which would never end by themselves; then as uvicorn does it."""
        self._ending()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to who runs the process: uvicorn would raise them again, and end it at once."""
        yield

    def _protocol(self) -> PatientProtocol:
        return PatientProtocol(self._bounds, self.config, self.server_state, self.lifespan.state)


def _config(app: ASGIApp, grace: int) -> uvicorn.Config:
    options: dict[str, Any] = {
        "http": PatientProtocol,
        "ws": "none",
        "lifespan": "off",
        "log_config": None,  # ours
        "log_level": "error",
        "access_log": False,
        "proxy_headers": False,  # worker.server.proxies
        "server_header": False,
        "date_header": False,
        "timeout_keep_alive": KEEP_ALIVE_SECONDS,
        "timeout_graceful_shutdown": grace,
    }
    return uvicorn.Config(app, **options)
