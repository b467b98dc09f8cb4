"""A server on the wire that answers as it is told, and remembers what it was asked."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from zenbeat_client import Retry, Zenbeat

QUICK = Retry(attempts=4, first=0.01, longest=0.02, patience=5)

QUEUED = {
    "id": "t-1",
    "pipeline": "training",
    "run_name": "training-t1",
    "due": "2026-11-26T12:00:00.250Z",
    "url": "/api/v1/triggers/t-1",
}
SHOWN = {"id": "t-1", "state": "completed", "pipeline": "training", "run_name": "training-t1", "later": "than we know"}


class Asked:
    """A request that came."""

    def __init__(self, method: str, path: str, headers: Any, body: bytes) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.body = json.loads(body) if body else None


class Failing:
    """Answers with what was put in line for it, one after the other; the last one again and again.

    An answer is a status, a body and headers; or None: the request is read, and the connection cut.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._answers: list[Any] = []

    def will(self, *answers: Any) -> None:
        """Put answers in line."""
        self._answers[:] = answers

    def next(self, asked: Asked) -> Any:
        """Take the next answer."""
        self.asked.append(asked)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def answering(failing: Failing) -> type[BaseHTTPRequestHandler]:
    class Answering(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            said = failing.next(Asked(self.command, self.path, self.headers, body))
            if said is None:
                self.close_connection = True
                return
            status, content, headers = said
            raw = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(raw)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = answer  # noqa: N815 - the library's names

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Answering


@pytest.fixture
def failing() -> Iterator[Failing]:
    """The server's mind."""
    server = Failing()
    with ThreadingHTTPServer(("127.0.0.1", 0), answering(server)) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        server.url = f"http://127.0.0.1:{http.server_address[1]}"  # type: ignore[attr-defined]
        yield server
        http.shutdown()
        thread.join()


@pytest.fixture
def connect(failing: Any) -> Iterator[Callable[..., Zenbeat]]:
    """Make clients of it."""
    made: list[Zenbeat] = []

    def connected(**options: Any) -> Zenbeat:
        made.append(Zenbeat(failing.url, "zb_key", **{"retry": QUICK, **options}))
        return made[-1]

    yield connected
    for each in made:
        each.close()
