"""A ZenML server that costs next to nothing: it answers what zenbeat asks, and notes when each launch came.

A process of its own: `python bench/stub.py [latency in seconds [ends]]` prints its port. Standard library alone, so
that it runs anywhere. Beside ZenML's routes: `GET /count`, `GET /record` ([[epoch seconds, run name], ...]) and
`POST /reset`.

Runs never end, and no list tells of them; with `ends`, each is completed as soon as it was launched.
"""

import asyncio
import json
import sys
import time
from bisect import bisect_left
from datetime import UTC, datetime
from urllib.parse import parse_qs
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

    def __init__(self, latency: float, *, ends: bool) -> None:
        self.latency = latency
        self.ends = ends
        self.record: list[tuple[float, str]] = []
        self.ready = {path: _answer(value) for path, value in ANSWERS.items()}

    def launch(self, body: bytes) -> bytes:
        """Note a launch and answer it."""
        arrived = time.time()  # noqa: TID251 - this is what is measured
        name = json.loads(body).get("run_name", "")
        self.record.append((arrived, name))
        run = {"id": str(UUID(int=len(self.record))), "name": name, "body": {"status": "initializing"}}
        return _answer({**run, "metadata": {"padding": PADDING}})

    def runs(self, query: str) -> bytes:
        """List the runs that have changed since a moment, the oldest change first, or those of some ids."""
        given = {name: values[0] for name, values in parse_qs(query).items()}
        size = int(given.get("size", "20"))
        if "id" in given:
            numbers = [UUID(one).int for one in json.loads(given["id"].removeprefix("oneof:"))]
        else:
            since = given.get("updated", "gte:1970-01-02 00:00:00").removeprefix("gte:")
            moment = datetime.fromisoformat(since).replace(tzinfo=UTC).timestamp()
            first = bisect_left(self.record, (moment, "")) + 1
            numbers = list(range(first, min(first + size, len(self.record) + 1)))
        return _answer({"total": len(numbers), "items": [self._item(number) for number in numbers]})

    def _item(self, number: int) -> dict[str, object]:
        arrived, name = self.record[number - 1]
        moment = datetime.fromtimestamp(arrived, UTC).replace(tzinfo=None).isoformat()
        body = {"status": "completed", "created": moment, "updated": moment, "pipeline_id": PIPELINE}
        return {"id": str(UUID(int=number)), "name": name, "body": body, "metadata": {"padding": PADDING}}

    def answer(self, method: str, path: str, query: str) -> bytes:
        """Answer everything that is not a launch."""
        if self.ends and path == "/api/v1/runs" and ("updated" in query or "id=" in query):
            return self.runs(query)
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
            self._respond(method, target, body)

    def _respond(self, method: str, target: str, body: bytes) -> None:
        path, _, query = target.partition("?")
        if method != "POST" or not path.endswith("/runs"):
            self._transport.write(self._stub.answer(method, path, query))
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


async def serve(latency: float, *, ends: bool) -> None:
    """Listen on a free port, print it, and serve until killed."""
    stub = Stub(latency, ends=ends)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(stub), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(float((sys.argv[1:] or ["0"])[0]), ends="ends" in sys.argv[2:]))
