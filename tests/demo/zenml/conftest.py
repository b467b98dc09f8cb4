"""Demo servers on the wire, with a clock that passes when the test says so."""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from worker.demo.zenml import DEMO_API_KEY, DemoServer, DemoState
from worker.demo.zenml.catalogue import demo_id

API = "/api/v1"


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class Demo:
    """A running demo server, and a client that has logged in."""

    def __init__(self, server: DemoServer, clock: Clock) -> None:
        self.server = server
        self.clock = clock
        self.state: DemoState = server.state
        self.template = f"{API}/run_templates/{demo_id('template', 'training', 'production')}"
        self.snapshot = f"{API}/pipeline_snapshots/{demo_id('snapshot', 'training', 'production')}"
        self.http = httpx.Client(base_url=server.url, trust_env=False, timeout=10)
        self.http.headers["Authorization"] = f"Bearer {self.login()['access_token']}"

    def login(self, **form: str) -> dict[str, Any]:
        answer = self.http.post(f"{API}/login", data={"password": DEMO_API_KEY, **form})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def get(self, path: str, **query: Any) -> Any:
        answer = self.http.get(f"{API}{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def names(self, path: str, **query: Any) -> list[str]:
        return [item["name"] for item in self.get(path, **query)["items"]]

    def post(self, configuration: Any = None, key: str | None = None, **headers: str) -> httpx.Response:
        """Ask for a run of the template `production` of `training`."""
        if key:
            headers["Idempotency-Key"] = key
        return self.http.post(f"{self.template}/runs", json=configuration or {}, headers=headers)

    def start(self, name: str, **parameters: Any) -> str:
        """Start a run and give its id."""
        answer = self.post({"run_name": name, "steps": {"model_trainer": {"parameters": parameters}}})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])


@pytest.fixture
def demo() -> Iterator[Callable[..., Demo]]:
    """Start demo servers; keyword arguments are options. Submissions take no time unless the test says so."""
    made: list[Demo] = []

    def make(**options: Any) -> Demo:
        clock = Clock()
        given = {"submit_seconds": 0.0, "failure_rate": 0.0, **options}
        one = Demo(DemoServer(now=clock, **given).start(), clock)
        made.append(one)
        return one

    yield make
    for one in made:
        one.http.close()
        one.server.stop()


@pytest.fixture(autouse=True)
def no_broken_handlers(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail if the server's own code raised something, whatever the client saw."""
    yield
    assert not [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
