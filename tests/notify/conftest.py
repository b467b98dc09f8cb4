"""A receiver on the wire that keeps what it gets and answers what a test says; and alerts to send it."""

import asyncio
import base64
import hashlib
import hmac
import io
import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest

from worker.domain.alert import Alert, AlertKind
from worker.domain.receivers import Receivers
from worker.notify import Notifier

NOW = datetime(2026, 3, 1, 2, 0, 7, tzinfo=UTC)
SECRET = bytes(range(32))
OLDER = bytes(range(32, 64))


@dataclass
class Seen:
    """One message as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> Any:
        return json.loads(self.body)

    def signed_by(self, secret: bytes) -> bool:
        """Verify as the specification says: any of the signatures may be the one."""
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
        return f"v1,{expected}" in self.headers.get("webhook-signature", "").split(" ")


@dataclass
class Receiver:
    """A server that answers with `status`; `answer`, if there is one, writes what it likes instead."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    answer: Callable[[BaseHTTPRequestHandler], None] | None = None
    seen: list[Seen] = field(default_factory=list)
    url: str = ""
    ended: threading.Event = field(default_factory=threading.Event)

    def hang(self, _: BaseHTTPRequestHandler) -> None:
        """Answer nothing until the test is over."""
        self.ended.wait(30)

    def take(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("content-length", 0)))
        names = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append(Seen(request.path, names, body))
        if self.answer is not None:
            self.answer(request)
            return
        request.send_response(self.status)
        for name, value in {"content-length": "0", **self.headers}.items():
            request.send_header(name, value)
        request.end_headers()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A running receiver."""
    one = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            try:
                one.take(self)
            except ConnectionError:
                self.close_connection = True

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        one.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield one
        one.ended.set()
        server.shutdown()
        thread.join()


def alert(number: int = 1, **changed: Any) -> Alert:
    given: dict[str, Any] = {
        "id": f"nightly.{number}@failure",
        "kind": AlertKind.FAILURE,
        "schedule": f"nightly-{number}",
        "title": f"nightly-{number} failed",
        "reason": "the run failed: step trainer: ValueError",
        "at": NOW,
        "fire_time": NOW.replace(second=0),
    }
    return Alert(**{**given, **changed})


def deliver(
    target: str, *alerts: Alert, urls: dict[str, tuple[str, ...]] | None = None, secrets: tuple[bytes, ...] = ()
) -> None:
    """Send alerts as the engine does: on a loop, with a notifier that is closed."""

    async def main() -> None:
        notifier = Notifier(Receivers(urls=urls or {}, secrets=secrets), now=lambda: NOW)
        try:
            await notifier.send(target, alerts or (alert(),))
        finally:
            await notifier.aclose()

    asyncio.run(main())


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What reaches the log of the process at its most talkative. (`caplog` listens to each logger by itself.)"""
    stream, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(stream), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture(scope="session")
def kit() -> SimpleNamespace:
    """What the tests use: helper modules cannot be imported here, so one fixture carries them."""
    return SimpleNamespace(alert=alert, deliver=deliver, now=NOW, secret=SECRET, older=OLDER)
