"""The HTTP APIs that are measured: zenbeat's with and without a key, and what one would write instead."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from bench.clock import wait_until
from bench.installation import Installation, document
from bench.load import Came, Plan
from bench.processes import ROOT, Group, StubServer, environment, peer_python, with_plan
from worker.demo.valkey import EmbeddedRedis
from worker.domain.trigger import SHORT

READY_SECONDS = 60.0
CORES = "2"
NO_BOUNDS = {"ZENBEAT_QUEUE_MAX": "0", "ZENBEAT_QUEUE_MAX_PER_KEY": "0", "ZENBEAT_QUEUE_MAX_PER_PIPELINE": "0"}


class Door:
    """One API with all that stands behind it, up to the stub of ZenML; its process is called `api`."""

    one = "/api/v1/triggers"
    many = one
    """Where one trigger is asked for, and where many are."""
    longer = 0
    """How many characters the system appends to a run's name."""

    def __init__(self) -> None:
        self.key = ""
        self.port = free_port()
        self.group: Group

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        try:
            self.stub = self._stack.enter_context(StubServer())
            self._begin(self._stack)
            self.open()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _begin(self, stack: ExitStack) -> None:
        raise NotImplementedError

    def _command(self) -> tuple[Sequence[str], Mapping[str, str]]:
        raise NotImplementedError

    def open(self) -> None:
        """Start the API's process, and wait until it can be reached."""
        command, extra = self._command()
        self.group.start("api", command, extra)
        if not wait_until(self._reached, READY_SECONDS, every=0.02):
            raise RuntimeError(f"the API is not there within {READY_SECONDS} s")

    def kill(self) -> None:
        """End the API's process with SIGKILL."""
        self.group.kill("api")

    def plan(self, stem: str, calls: int, *, batch: int = 0, **more: Any) -> Plan:
        """Plan calls of this API."""
        url = f"http://127.0.0.1:{self.port}{self.many if batch else self.one}"
        return Plan(url=url, key=self.key, stem=stem, calls=calls, batch=batch, **more)

    def started(self) -> list[tuple[float, str]]:
        """Give the launches that came to the stub: when, and with the run's name that was asked for."""
        return [(when, name[: -self.longer or None]) for when, name in self.stub.record()]

    def _reached(self) -> bool:
        self.group.alive()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Zenbeat(Door):
    """zenbeat's own, before the first API key was made."""

    longer = 1 + SHORT

    def _begin(self, stack: ExitStack) -> None:
        empty = document(schedules=[])
        self.zenbeat = stack.enter_context(Installation(self.stub.url, empty, extra=NO_BOUNDS))
        self.group = self.zenbeat.group

    def _command(self) -> tuple[Sequence[str], Mapping[str, str]]:
        return [sys.executable, "-m", "worker", "api", "--port", str(self.port)], self.zenbeat.environment


class ZenbeatWithKey(Zenbeat):
    """zenbeat's own, called with an API key that may start every pipeline."""

    def _begin(self, stack: ExitStack) -> None:
        super()._begin(stack)
        command = [sys.executable, "-m", "worker", "key", "create", "bench", "--scope", "trigger:*", "--rate", "none"]
        made = subprocess.run(
            command,
            env=environment(self.zenbeat.environment),
            cwd=self.zenbeat.folder,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        self.key = made.stdout.strip()


class Plain(Door):
    """FastAPI that gives each to a Celery worker; Redis without a file, which is its best case."""

    one = "/one"
    many = "/many"

    def _begin(self, stack: ExitStack) -> None:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="zenbeat-bench-")))
        server = EmbeddedRedis(folder / "redis", persist=False)
        url = stack.enter_context(server)
        self.group = Group(folder)
        stack.callback(self.group.end)
        self.group.count("redis", server.pid)
        self._python = peer_python()
        self._told = {"BENCH_REDIS": url, "BENCH_URL": self.stub.url, "PYTHONPATH": str(ROOT / "bench" / "peers")}
        worker = [self._python, "-m", "celery", "-A", "api_celery", "worker", "-c", CORES, "--loglevel", "WARNING"]
        self.group.start("worker", worker, self._told)

    def _command(self) -> tuple[Sequence[str], Mapping[str, str]]:
        return [self._python, "-m", "uvicorn", "api_celery:web", "--port", str(self.port)], self._told


DOORS: Mapping[str, tuple[str, Callable[[], Door]]] = {
    "zenbeat": ("zenbeat", Zenbeat),
    "key": ("zenbeat, with a key", ZenbeatWithKey),
    "plain": ("FastAPI + send_task", Plain),
}
"""Name -> its row in the table, and how it is opened."""


class Calling:
    """A plan that is being carried out by a process of its own."""

    def __init__(self, plan: Plan) -> None:
        self._process = with_plan("bench.load", asdict(plan))

    def going_on(self) -> bool:
        """Tell whether calls are still being made."""
        return self._process.poll() is None

    def end(self) -> Came:
        """Wait until all calls are made; gives what came of them."""
        assert self._process.stdout is not None
        said = self._process.stdout.read()
        if self._process.wait():
            raise RuntimeError("the callers ended with a fault")
        return Came(**json.loads(said))


def free_port() -> int:
    """Find a port that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
