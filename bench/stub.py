"""A ZenML server that costs next to nothing: it answers what zenbeat asks, and notes when each launch came.

A process of its own: `python bench/stub.py [latency in seconds]` prints its port. Standard library alone, so that it
runs anywhere. Beside ZenML's routes: `GET /count`, `GET /record` ([[epoch seconds, run name], ...]), `POST /reset`.
"""

import asyncio
import json
import sys
import time
from itertools import count
from uuid import UUID

PIPELINE = str(UUID(int=1))
TEMPLATE = str(UUID(int=2))
PROJECT = str(UUID(int=3))

PARAMETERS = {
    "type": "object",
    "properties": {"lr": {"type": "number"}, "epochs": {"type": "integer"}, "data_date": {"type": "string"}},
    "additionalProperties": False,
}
STEP = {"type": "object", "properties": {"parameters": PARAMETERS}}
SCHEMA = {
    "type": "object",
    "properties": {
        "run_name": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "steps": {"type": "object", "properties": {"model_trainer": STEP}, "additionalProperties": False},
    },
}
RUNNABLE = {"project_id": PROJECT, "pipeline_id": PIPELINE, "runnable": True}
PIPELINE_ITEM = {"id": PIPELINE, "name": "training", "body": {"project_id": PROJECT}}
TEMPLATE_ITEM = {
    "id": TEMPLATE,
    "name": "production",
    "body": RUNNABLE,
    "metadata": {"config_template": {"steps": {"model_trainer": {}}}, "config_schema": SCHEMA},
    "resources": {"pipeline": {"id": PIPELINE, "name": "training"}},
}
ANSWERS = {
    "info": {"version": "0.98.0", "deployment_type": "other", "server_url": "http://stub", "dashboard_url": ""},
    "login": {"access_token": "stub", "token_type": "bearer", "expires_in": 86_400},
    "pipelines": {"total": 1, "items": [PIPELINE_ITEM]},
    "run_templates": {"total": 1, "items": [TEMPLATE_ITEM]},
    "runs": {"total": 0, "items": []},
    f"pipelines/{PIPELINE}": PIPELINE_ITEM,
    f"run_templates/{TEMPLATE}": TEMPLATE_ITEM,
}
PADDING = "x" * 2_600
"""A real server's answer to a launch has some 2.9 KB."""


class Stub:
    """What the server remembers."""

    def __init__(self, latency: float) -> None:
        self.latency = latency
        self.record: list[tuple[float, str]] = []
        self.numbers = count(1)
        self.ready = {path: _answer(value) for path, value in ANSWERS.items()}

    def launch(self, body: bytes) -> bytes:
        """Note a launch and answer it."""
        arrived = time.time()  # noqa: TID251 - this is what is measured
        name = json.loads(body).get("run_name", "")
        self.record.append((arrived, name))
        run = {"id": str(UUID(int=next(self.numbers))), "name": name, "body": {"status": "initializing"}}
        return _answer({**run, "metadata": {"padding": PADDING}})

    def answer(self, method: str, path: str) -> bytes:
        """Answer everything that is not a launch."""
        if path == "/record":
            return _answer(self.record)
        if path == "/count":
            return _answer(len(self.record))
        if path == "/reset":
            self.record.clear()
            return _answer(None)
        found = self.ready.get(path.removeprefix("/api/v1/"))
        return found or _answer({"detail": ["KeyError", f"nothing at {method} {path}"]}, "404 Not Found")


class Connection(asyncio.Protocol):
    """One connection: HTTP/1.1 with Content-Length, kept alive; what comes pipelined is answered in order."""

    def __init__(self, stub: Stub) -> None:
        self._stub = stub
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].decode("latin-1")
            total = end + 4 + _content_length(head)
            if len(self._buffer) < total:
                return
            body, self._buffer = self._buffer[end + 4 : total], self._buffer[total:]
            method, target, _ = head.split("\r\n", 1)[0].split(" ", 2)
            self._respond(method, target.partition("?")[0], body)

    def _respond(self, method: str, path: str, body: bytes) -> None:
        if method != "POST" or not path.endswith("/runs"):
            self._transport.write(self._stub.answer(method, path))
            return
        answer = self._stub.launch(body)
        if self._stub.latency:
            asyncio.get_running_loop().call_later(self._stub.latency, self._transport.write, answer)
        else:
            self._transport.write(answer)


def _content_length(head: str) -> int:
    for line in head.split("\r\n")[1:]:
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            return int(value)
    return 0


def _answer(value: object, status: str = "200 OK") -> bytes:
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def serve(latency: float) -> None:
    """Listen on a free port, print it, and serve until killed."""
    stub = Stub(latency)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(stub), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]) if len(sys.argv) > 1 else 0.0))
