"""A ZenML server whose every answer a test writes down, and a raw one for what no HTTP library would send."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from worker.zenml.client import ZenML
from worker.zenml.options import ZenMLOptions

PIPELINE = "11111111-1111-4111-8111-111111111111"
TEMPLATE = "22222222-2222-4222-8222-222222222222"
SNAPSHOT = "33333333-3333-4333-8333-333333333333"
RUN = "44444444-4444-4444-8444-444444444444"
PROJECT = "55555555-5555-4555-8555-555555555555"
KEY = "ZENKEY_canary-key-0001"
TOKEN = "canary-token-0002"

PARAMETERS = {
    "type": "object",
    "additionalProperties": False,
    "required": ["lr", "epochs"],
    "properties": {
        "lr": {"type": "number"},
        "epochs": {"type": "integer", "minimum": 1},
        "model_type": {"enum": ["rf", "svm"], "default": "rf"},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "api_key": {"type": "string"},
    },
}

# As ZenML 0.98 makes it: definitions by name, everything optional is "this or null", all parameters required.
SCHEMA: dict[str, Any] = {
    "title": "Result",
    "type": "object",
    "required": ["steps"],
    "properties": {
        "run_name": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "enable_cache": {"anyOf": [{"type": "boolean"}, {"type": "null"}], "default": None},
        "tags": {
            "anyOf": [
                {"type": "array", "items": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/Tag"}]}},
                {"type": "null"},
            ]
        },
        "substitutions": {"anyOf": [{"type": "object", "additionalProperties": {"type": "string"}}, {"type": "null"}]},
        "cache_policy": {"anyOf": [{"$ref": "#/$defs/CachePolicy"}, {"type": "null"}]},
        "settings": {"anyOf": [{"$ref": "#/$defs/Settings"}, {"type": "null"}]},
        "steps": {"$ref": "#/$defs/Steps"},
    },
    "$defs": {
        "Tag": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
        "CachePolicy": {"type": "object", "properties": {"include_step_code": {"type": "boolean"}}},
        "Settings": {"type": "object", "properties": {"resources": {"type": "object"}}},
        "Steps": {
            "type": "object",
            "required": ["model_trainer"],
            "properties": {
                "model_trainer": {"$ref": "#/$defs/model_trainer"},
                "loader": {"anyOf": [{"$ref": "#/$defs/loader"}, {"type": "null"}], "default": None},
            },
        },
        "model_trainer": {
            "type": "object",
            "required": ["parameters"],
            "properties": {"parameters": PARAMETERS, "enable_cache": {"type": "boolean"}, "settings": {}},
        },
        "loader": {
            "type": "object",
            "properties": {"enable_cache": {"type": "boolean"}, "enable_step_logs": {"type": "boolean"}},
        },
    },
}

TEMPLATE_CONFIG = {
    "run_name": "training-{date}-{time}",
    "steps": {
        "model_trainer": {"parameters": {"lr": 0.1, "epochs": 3}, "settings": {"resources": {"cpu_count": 2}}},
        "loader": {},
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A request as the server got it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


Reply = web.Response | dict | list | str | bytes | int
Answering = Reply | Callable[[Seen], Any]


@dataclass
class Scripted:
    """Answers by `method path`; a list is given out one by one, and its last stays."""

    version: str = "0.98.0"
    seen: list[Seen] = field(default_factory=list)
    answers: dict[str, list[Answering]] = field(default_factory=dict)
    url: str = ""
    logins: int = 0
    token: str = TOKEN
    expires_in: int | None = None

    def __post_init__(self) -> None:
        item = {
            "body": {"project_id": PROJECT, "runnable": True},
            "resources": {"pipeline": {"id": PIPELINE, "name": "training"}},
        }
        self.template = {
            "id": TEMPLATE,
            "name": "production",
            **item,
            "metadata": {"config_template": TEMPLATE_CONFIG, "config_schema": SCHEMA},
        }
        self.snapshot = {**self.template, "id": SNAPSHOT, "name": "champion"}
        self.pipeline = {"id": PIPELINE, "name": "training", "body": {"project_id": PROJECT}}
        self.run = {
            "id": RUN,
            "name": "training-1",
            "body": {"status": "initializing", "project_id": PROJECT, "status_reason": None},
            "resources": {"tags": [{"name": "zenbeat"}]},
        }
        self.on("GET /api/v1/info", lambda _: {"version": self.version, "server_url": self.url})
        self.on("POST /api/v1/login", self._login)
        for path, one in (
            ("pipelines", self.pipeline),
            ("run_templates", self.template),
            ("pipeline_snapshots", self.snapshot),
            ("runs", self.run),
        ):
            self.on(f"GET /api/v1/{path}", lambda seen, one=one: self._page(seen, one))
            for scope in ("default", PROJECT):
                self.on(f"GET /api/v1/workspaces/{scope}/{path}", lambda seen, one=one: self._page(seen, one))
            self.on(f"GET /api/v1/{path}/{one['id']}", one)
        self.on(f"POST /api/v1/run_templates/{TEMPLATE}/runs", self.run)
        self.on(f"POST /api/v1/pipeline_snapshots/{SNAPSHOT}/runs", self.run)

    def on(self, route: str, *answers: Answering) -> None:
        self.answers[route] = list(answers)

    def of(self, route: str) -> list[Seen]:
        return [seen for seen in self.seen if f"{seen.method} {seen.path}" == route]

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        seen = Seen(
            method=request.method,
            path=request.path,
            query=dict(request.query),
            headers={key.lower(): value for key, value in request.headers.items()},
            body=await request.read(),
        )
        self.seen.append(seen)
        queue = self.answers.get(f"{seen.method} {seen.path}")
        if not queue:
            return web.json_response({"detail": "Not Found"}, status=404)
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        if callable(answer):
            answer = answer(seen)
            if isinstance(answer, Awaitable):
                answer = await answer
        return _response(answer)

    def _login(self, _: Seen) -> Reply:
        self.logins += 1
        return {"access_token": f"{self.token}-{self.logins}", "token_type": "bearer", "expires_in": self.expires_in}

    @staticmethod
    def _page(seen: Seen, item: dict[str, Any]) -> Reply:
        name = seen.query.get("name", "").removeprefix("equals:")
        items = (
            [item]
            if not name or name == item["name"] or item["name"].startswith(name.removeprefix("startswith:"))
            else []
        )
        return {"index": 1, "total": len(items), "items": items}


def _response(answer: Reply) -> web.StreamResponse:
    if isinstance(answer, web.StreamResponse):
        # A response object can be sent once; what stays in the script is sent often.
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)
    if isinstance(answer, int):
        return web.Response(status=answer)
    if isinstance(answer, bytes):
        return web.Response(body=answer)
    return web.json_response(answer)


def says(status: int, value: Any = None, **headers: str) -> web.Response:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return web.Response(
        status=status, body=body, headers={key.replace("_", "-"): text for key, text in headers.items()}
    )


@asynccontextmanager
async def running(scripted: Scripted, **ssl: Any) -> AsyncIterator[Scripted]:
    runner = web.ServerRunner(web.Server(scripted.serve), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, **ssl)
    await site.start()
    scheme = "https" if ssl else "http"
    scripted.url = f"{scheme}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield scripted
    finally:
        await runner.cleanup()


VERSION_ONLY = b'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 21\r\n\r\n{"version": "0.98.0"}'


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length")), 0)
    await reader.readexactly(length)
    return head.split(b" ")[0]


@asynccontextmanager
async def raw(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], *, tells_version: bool = False
) -> AsyncIterator[str]:
    """A server that reads a request and then says byte for byte what `talk` writes; its version first, if it tells."""
    tasks: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            if await read_request(reader) == b"GET" and tells_version:
                writer.write(VERSION_ONLY)
            else:
                await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def connected(
    scripted: Scripted, *, clock: Callable[[], float] | None = None, **options: Any
) -> AsyncIterator[ZenML]:
    """A running server and a client for it."""
    async with running(scripted), client(scripted.url, clock=clock, **options) as zenml:
        yield zenml


@asynccontextmanager
async def client(
    url: str, *, clock: Callable[[], float] | None = None, wall: Any = None, **options: Any
) -> AsyncIterator[ZenML]:
    given = {"api_key": KEY, "total_timeout": 5.0, "connect_timeout": 1.0, **options}
    times = {"clock": clock} if clock else {}
    zenml = ZenML(ZenMLOptions(url=url, **given), wall=wall, **times)
    try:
        yield zenml
    finally:
        await zenml.aclose()


@dataclass
class Clock:
    """Time that passes when the test says so."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="session")
def kit() -> SimpleNamespace:
    """What tests of the client use: helper modules cannot be imported here, so one fixture carries them."""
    return SimpleNamespace(
        Scripted=Scripted,
        Clock=Clock,
        running=running,
        connected=connected,
        client=client,
        raw=raw,
        says=says,
        pipeline=PIPELINE,
        template=TEMPLATE,
        snapshot=SNAPSHOT,
        run=RUN,
        project=PROJECT,
        key=KEY,
        token=TOKEN,
        schema=SCHEMA,
        config=TEMPLATE_CONFIG,
    )
