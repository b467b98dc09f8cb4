"""What tests of every floor share: a real Redis, real Celery processes, and a way to wait for a condition."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import Celery

from worker.demo.valkey import EmbeddedRedis
from worker.demo.zenml import DEMO_API_KEY, DemoServer
from worker.logs import configure


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis of our own for the whole run; gives its address."""
    server = EmbeddedRedis(tmp_path_factory.mktemp("redis"), persist=False)
    url = server.start()
    yield url
    server.stop()


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """The address of a Redis that is empty."""
    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Wait for a condition with a deadline; the condition's truth is what counts, not the time it took."""

    def wait(condition: Callable[[], object], seconds: float = 30.0, what: str = "") -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"not within {seconds} s: {what or condition}")
            time.sleep(0.02)

    return wait


@pytest.fixture
def log() -> Iterator[StringIO]:
    """What is logged in this process, at the level that tells the most."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    told = StringIO()
    configure("DEBUG", "text", told)
    yield told
    root.handlers[:] = handlers
    root.setLevel(level)


class Stack:
    """A zenbeat installation in a folder of its own."""

    def __init__(self, folder: Path, redis_url: str, zenml_url: str, api_key: str) -> None:
        self.folder = folder
        self.redis = redis.Redis.from_url(redis_url, decode_responses=True)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("ZENML_", "ZENBEAT_"))},
            "REDIS_URL": redis_url,
            "ZENML_STORE_URL": zenml_url,
            "ZENML_STORE_API_KEY": api_key,
            "SCHEDULES_DIR": str(folder / "schedules"),
            "PYTHONWARNINGS": "ignore",
            "ZENBEAT_LEASE": "2",
            "PYTHONUNBUFFERED": "1",
            "PYTHONFAULTHANDLER": "1",
        }
        self.processes: list[subprocess.Popen[bytes]] = []
        (folder / "schedules").mkdir()

    def define(self, text: str) -> None:
        """Write the schedule file."""
        (self.folder / "schedules" / "s.yaml").write_text(text)

    def start(self, role: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start `celery -A worker worker` or `… beat`, without a flag."""
        with (self.folder / f"{role}{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "worker", role],
                env={**self.environment, **environment},
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def zenbeat(self, *words: str, code: int = 0) -> str:
        """Run the command, which has to exit with `code`; gives what it printed."""
        said = self._ran(*words)
        assert said.returncode == code, said.stderr
        return said.stdout.strip()

    def complaint(self, *words: str) -> str:
        """Run the command, which has to exit with 2; gives what it complained of."""
        said = self._ran(*words)
        assert (said.returncode, said.stdout) == (2, ""), said.stderr
        return said.stderr

    def _ran(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "worker", *words],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def ready(self, role: str) -> bool:
        """Tell whether a process of a role has left a sign of life."""
        return bool(self.redis.keys(f"zenbeat:heartbeat:{role}:*"))

    def logs(self) -> str:
        """Give what all processes said."""
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("*.log")))

    def outcomes(self, status: str = "") -> list[dict[str, str]]:
        """Give the outcomes, oldest first."""
        found: Any = self.redis.xrange("zenbeat:outcomes")
        return [fields for _, fields in found if status in ("", fields["status"])]

    def state(self, identity: str) -> str | None:
        """Give a trigger's state."""
        found: Any = self.redis.hget(f"zenbeat:trigger:{identity}", "state")
        return found

    def end(self) -> None:
        """End every process that was started here; one that does not end within 10 s says what it is at, and fails."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 10
        hung = []
        for process in self.processes:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGABRT)  # the stacks of all its threads go to its log
                process.wait()
                hung.append(process.args)
        self.redis.close()
        assert not hung, f"{hung}\n{self.logs()[-6000:]}"


@pytest.fixture
def make_stack(tmp_path: Path, redis_url: str) -> Iterator[Callable[[str, str], Stack]]:
    """Make an installation, given ZenML's address and API key, with nothing started yet."""
    made: list[Stack] = []

    def make(zenml_url: str, api_key: str) -> Stack:
        made.append(Stack(tmp_path, redis_url, zenml_url, api_key))
        return made[-1]

    yield make
    for stack in made:
        stack.end()


@pytest.fixture
def demo() -> Iterator[DemoServer]:
    """A demo ZenML server that takes any number of launches at once."""
    with DemoServer(capacity=None, failure_rate=0) as server:
        yield server


@pytest.fixture
def stack(make_stack: Callable[..., Any], demo: DemoServer) -> Any:
    """An installation with nothing started yet."""
    installation = make_stack(demo.url, DEMO_API_KEY)
    installation.demo = demo
    return installation


@pytest.fixture
def bare_app(redis_url: str) -> Iterator[Any]:
    """A Celery application of somebody else: it knows the broker, and nothing of zenbeat."""
    app = Celery("somebody", broker=redis_url, set_as_current=False)
    yield app
    app.close()
