"""`zenbeat api` as people run it: where it listens, that it is alive, and how it ends."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.server.living import Stream
from tests.server.serving import Answer, Wire


class Running:
    """A running `zenbeat api` and its log."""

    def __init__(self, folder: Path, environment: dict[str, str], *words: str) -> None:
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("ZEN", "REDIS", "CELERY"))},
            "LOG_FORMAT": "json",
            "SCHEDULES_DIR": str(folder),
            **environment,
        }
        self.folder = folder
        self.log = folder / f"api{len(list(folder.glob('api*.log')))}.log"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "worker", "api", *words],
                env=self.environment,
                cwd=folder,
                stdout=out,
                stderr=out,
            )

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def urls(self) -> list[str]:
        return [line["url"] for line in self.lines() if line["event"] == "listening"]

    @property
    def port(self) -> int:
        return int(self.urls()[0].rpartition(":")[2])

    def get(self, path: str, *headers: str) -> Answer:
        with Wire(self.port) as wire:
            wire.ask(path, *headers, "Connection: close")
            return wire.answer()

    def zenbeat(self, *words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "worker", *words]
        return subprocess.run(
            command, env=self.environment, cwd=self.folder, capture_output=True, text=True, timeout=120, check=False
        )


@pytest.fixture
def run(tmp_path: Path, redis_url: str, eventually: Any) -> Iterator[Callable[..., Running]]:
    """Start `zenbeat api` on a free port; options in words, variables by keyword."""
    started: list[Running] = []

    def start(*words: str, wait: bool = True, **variables: str) -> Running:
        options = words if "--port" in words else ("--port", "0", *words)
        begun = Running(tmp_path, {"REDIS_URL": redis_url, **variables}, *options)
        started.append(begun)
        if wait:
            eventually(begun.urls, 60, "it listens")
        return begun

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
        each.process.wait()


def reached(address: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((address, port), timeout=5):
        return True
    return False


def test_until_there_is_a_key_it_listens_on_this_machine_alone(run: Any, eventually: Any) -> None:
    api = run("--host", "0.0.0.0")  # noqa: S104 - that it does not, at first, is what is tested
    assert not reached("127.0.0.2", api.port), "that address is not 127.0.0.1, so it stands for every other one"
    eventually(lambda: [line for line in api.lines() if line["event"] == "this machine alone"], 10)
    with Wire(api.port) as kept:
        kept.ask("/healthz")
        assert kept.one().status == 200
        made = api.zenbeat("key", "create", "ops", "--scope", "admin")
        assert made.returncode == 0, made.stderr
        eventually(lambda: reached("127.0.0.2", api.port), 20, "it listens at the wanted address")
        kept.ask("/healthz")
        assert kept.one().status == 200, "who is connected stays so"
    assert api.urls()[-1] == f"http://0.0.0.0:{api.port}"
    assert api.get("/api/v1/triggers").status == 401
    assert api.get("/api/v1/triggers", f"Authorization: Bearer {made.stdout.strip()}").status == 200


def test_a_redis_that_lost_its_memory_does_not_open_the_door(run: Any, redis_url: str, eventually: Any) -> None:
    api = run()
    assert api.get("/api/v1/triggers").status == 200
    assert api.zenbeat("key", "create", "ops", "--scope", "admin").returncode == 0
    assert api.get("/api/v1/triggers").status == 401
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    assert api.get("/api/v1/triggers").status == 401


def test_it_leaves_signs_of_life(run: Any, eventually: Any) -> None:
    api = run()
    eventually(lambda: api.zenbeat("healthcheck", "api").returncode == 0, 60, "a sign of life")
    assert "is alive" in api.zenbeat("healthcheck", "api").stdout
    api.process.terminate()
    assert api.process.wait(20) == 0
    assert api.zenbeat("healthcheck", "api").returncode == 1, "it takes its sign away"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_told_to_with_streams_open(number: signal.Signals, run: Any) -> None:
    api = run()
    with Wire(api.port) as wire, Wire(api.port) as idle:
        idle.ask("/healthz")
        assert idle.one().status == 200
        wire.ask("/api/v1/events", "Connection: close")
        stream = Stream(wire)
        api.process.send_signal(number)
        assert stream.next() == {}
    assert api.process.wait(15) == 0
    assert api.lines()[-1]["event"] == "ended"
    assert not re.search("Traceback|traceback", api.log.read_text())


def test_redis_away_at_the_start_is_no_reason_not_to_start(run: Any) -> None:
    api = run(REDIS_URL="redis://127.0.0.1:9/0")
    assert api.get("/healthz").status == 200
    assert api.get("/readyz").status == 503
    api.process.terminate()
    assert api.process.wait(20) == 0


def test_a_taken_port_is_a_sentence(run: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        api = run("--port", port, wait=False)
        assert api.process.wait(60) == 1
    assert f"port {port}, for the HTTP API, is taken" in api.log.read_text()
    assert "Traceback" not in api.log.read_text()


def test_an_address_that_is_not_ours_is_a_sentence(run: Any) -> None:
    api = run("--host", "localhost", "--port", "1", wait=False, ZENBEAT_TRUSTED_PROXIES="*")
    assert api.process.wait(60) == 2
    assert "ZENBEAT_TRUSTED_PROXIES: * would believe every caller" in api.log.read_text()


def test_no_secret_gets_into_the_log(run: Any) -> None:
    api = run()
    canary = f"zb_{'a' * 12}_{'b' * 43}"
    api.get(f"/api/v1/triggers?key={canary}", f"Authorization: Bearer {canary}", f"X-Api-Key: {canary}")
    api.get(f"/{canary}", f"X-Request-Id: {canary}", f"Cookie: key={canary}")
    assert "b" * 43 not in api.log.read_text()
