"""The whole API on a thread: the real application, its server, and what goes on beside it, on a real Redis."""

import asyncio
import json
import threading
from collections.abc import Coroutine, Mapping
from typing import Any

from tests.server.serving import Answer, Wire
from worker.engine import keychanges
from worker.engine.cancelling import cancelled
from worker.engine.runtime import open_engine
from worker.server.layers import protected
from worker.server.listening import Place
from worker.server.process import make_context
from worker.server.protocol import Bounds
from worker.server.serving import Server
from worker.settings import Settings
from worker.store.items import Item
from worker.web.app import make_app


class Living:
    """The API, while the `with` lasts."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.socket = Place(host="127.0.0.1", port=0).bind()
        self.port: int = self.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._wires: list[Wire] = []
        self.watching = True

    async def _run(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.engine = open_engine(self.settings, _nobody)
        self.context = make_context(self.engine)
        self.app = make_app(self.context)
        bounds = Bounds(patience=self.settings.api_timeout)
        layers = protected(self.app, self.settings, self.context.counters)
        self.server = Server(layers, bounds, self.context.tail.close, grace=5)
        self.tasks = [asyncio.create_task(self.context.tail.watch()), asyncio.create_task(self.context.bell.watch())]
        self.loop.call_soon(self._ready.set)
        try:
            await self.server.serve(sockets=[self.socket])
        finally:
            await cancelled(self.tasks)
            await self.engine.close()

    def __enter__(self) -> "Living":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self._thread.join(10)
        for wire in self._wires:
            wire.socket.close()
        assert not self._thread.is_alive()

    def end(self) -> None:
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.server.end)

    def ask(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something on the API's own event loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def key(self, *scopes: str, name: str = "ci") -> str:
        text: str = self.ask(keychanges.create(self.engine, name, scopes, rate=0, by="test")).text
        return text

    def tell(self, **fields: str) -> None:
        """Write an outcome."""
        self.ask(self.engine.triggers.record([Item(commands=[self.engine.outcomes.add(fields)])]))

    def open(self) -> Wire:
        self._wires.append(Wire(self.port))
        return self._wires[-1]

    def get(self, path: str, *headers: str, method: str = "GET", host: str = "Host: localhost") -> Answer:
        wire = self.open()
        wire.ask(path, *headers, "Connection: close", method=method, host=host)
        return wire.answer()

    def stream(self, query: str = "", *headers: str) -> "Stream":
        wire = self.open()
        wire.ask(f"/api/v1/events{query}", "Connection: close", *headers)
        return Stream(wire)


class Stream:
    """An event stream as a caller reads it."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.text = b""
        while b"\r\n\r\n" not in self.text:
            self._more()
        head, _, self.text = self.text.partition(b"\r\n\r\n")
        self.head = Answer(head)

    def _more(self) -> bool:
        part = self.wire.socket.recv(65536)
        self.text += part
        return bool(part)

    def next(self) -> dict[str, str]:
        """Give the next event, whatever is between; {} at the end."""
        while True:
            while b"\n\n" not in self.text:
                if not self._more():
                    return {}
            block, _, self.text = self.text.partition(b"\n\n")
            lines = [line for line in block.decode().split("\n") if ": " in line and not line.startswith(": ")]
            found = dict(line.split(": ", 1) for line in lines)
            if "data" in found:
                return found

    def outcome(self) -> Mapping[str, str]:
        """Give the next outcome."""
        found = self.next()
        assert found.get("event") == "outcome", found
        told: Mapping[str, str] = json.loads(found["data"])
        assert told["id"] == found["id"]
        return told


async def _nobody(_: Any) -> None:
    pass
