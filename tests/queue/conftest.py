"""Real Celery processes: beat and workers as users start them, a real Redis, and the demo ZenML server."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from worker.demo.options import DEMO_API_KEY
from worker.demo.serve import DemoServer


class Stack:
    """A zenbeat installation in a folder of its own."""

    def __init__(self, folder: Path, redis_url: str, demo: DemoServer) -> None:
        self.folder = folder
        self.demo = demo
        self.redis = redis.Redis.from_url(redis_url, decode_responses=True)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("ZENML_", "ZENBEAT_"))},
            "REDIS_URL": redis_url,
            "ZENML_STORE_URL": demo.url,
            "ZENML_STORE_API_KEY": DEMO_API_KEY,
            "SCHEDULES_DIR": str(folder / "schedules"),
            "PYTHONWARNINGS": "ignore",
            "ZENBEAT_LEASE": "2",
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
        """End every process that was started here."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 10
        for process in self.processes:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.redis.close()


@pytest.fixture
def demo() -> Iterator[DemoServer]:
    """A demo ZenML server that takes any number of launches at once."""
    with DemoServer(capacity=None, failure_rate=0) as server:
        yield server


@pytest.fixture
def stack(tmp_path: Path, redis_url: str, demo: DemoServer) -> Iterator[Stack]:
    """An installation with nothing started yet."""
    installation = Stack(tmp_path, redis_url, demo)
    yield installation
    installation.end()


@pytest.fixture
def worker_ready(stack: Stack, eventually: Callable[..., None]) -> Stack:
    """An installation with one worker at work."""
    stack.start("worker")
    eventually(lambda: stack.ready("worker"), what="a worker")
    return stack


@pytest.fixture
def bare_app(stack: Stack) -> Iterator[Any]:
    """A Celery application of somebody else: it knows the broker, and nothing of zenbeat."""
    from celery import Celery

    app = Celery("somebody", broker=stack.environment["REDIS_URL"], set_as_current=False)
    yield app
    app.close()
