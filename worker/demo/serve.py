"""Run the demo server: as a process for people, or on a thread for tests."""

import logging
import threading
from types import TracebackType
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from worker.demo.faults import Faults
from worker.demo.options import DemoOptions
from worker.demo.routes import demo_app
from worker.demo.state import DemoState

logger = logging.getLogger("zenbeat.demo")


class CuttableProtocol(H11Protocol):
    """Lets the application cut the connection under a request, which no well-behaved server would allow."""

    def connection_made(self, transport: Any) -> None:
        """Put the transport where the application finds it."""
        super().connection_made(transport)
        inner = self.app

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope["extensions"] = {**scope.get("extensions", {}), "zenbeat.transport": transport}
            await inner(scope, receive, send)

        self.app = app


def _server(state: DemoState, faults: Faults, host: str, port: int) -> uvicorn.Server:
    config = uvicorn.Config(
        demo_app(state, faults),
        host=host,
        port=port,
        http=CuttableProtocol,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def run_demo(host: str, port: int, options: DemoOptions) -> None:
    """Serve until a signal comes."""
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logger.info("DEMO ZenML server", extra={"url": f"http://{host}:{port}/", "version": options.version})
    logger.info("DEMO: nothing here is real; set ZENML_STORE_URL to use your own server")
    _server(DemoState(options=options), Faults(), host, port).run()


class DemoServer:
    """A demo server on a thread of this process and a free port; `state` and `faults` are open to the test."""

    def __init__(self, **options: Any) -> None:
        self.options = DemoOptions(**options)
        self.state = DemoState(options=self.options)
        self.faults = Faults()
        self.url = ""
        self._server = _server(self.state, self.faults, "127.0.0.1", 0)
        self._thread = threading.Thread(target=self._server.run, name="demo-zenml", daemon=True)

    def __enter__(self) -> "DemoServer":
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the demo server did not start")
            self._thread.join(0.005)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
