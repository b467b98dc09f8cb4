"""The API killed at every point of a request's way, while other applications go on calling it."""

import hashlib
import hmac
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx

from worker.engine.halting import Point

from .cells import AWAY_SECONDS, STOPPED_SECONDS
from .site import Site, stopped, wait

REQUESTS = 10
BETWEEN_SECONDS = 0.15

EACH = 3
"""Triggers of one request that asks for many."""

SECRET = "a secret of both sides"
SIGNED = "github"

POINTS = (
    Point.BEFORE_ACCEPT,
    Point.BEFORE_ANSWER,
    Point.BEFORE_DISPATCH,
    Point.AFTER_DISPATCH,
    Point.BEFORE_PUBLISH,
    Point.AFTER_PUBLISH,
)
WAKES = (Point.BEFORE_ACCEPT, Point.BEFORE_ANSWER, Point.AFTER_DISPATCH)

HOOK = f"""
hooks:
  - name: pushed
    signature: {SIGNED}
    pipeline: training
    config: {{run_name: "{{{{ payload.name }}}}"}}
"""

Strike = Callable[["Doors"], None]


@dataclass(frozen=True, slots=True)
class DoorCell:
    """One row of the table."""

    point: str
    killed: str
    strike: Strike

    @property
    def name(self) -> str:
        return f"{self.point}: {self.killed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """What became of a cell."""

    accepted: int
    """Triggers whose request was answered with 202."""
    runs: int
    doubled: int
    lost: int
    lateness: float
    """Seconds from the answer to the run, at the most."""


def cells() -> Iterator[DoorCell]:
    """Give every cell."""
    for point in POINTS:
        yield DoorCell(point, "API", partial(_kill, point))
        yield DoorCell(point, "API and both workers", partial(_kill_all, point))
        yield DoorCell(point, "Valkey", partial(_valkey, point))
    for point in WAKES:
        yield DoorCell(point, "API, stopped", partial(_stop, point))


@dataclass
class Doors:
    """An installation, and its API, which is started again whenever it has died."""

    site: Site
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    log: Path = Path()

    def start(self) -> None:
        """Start the API at a port that is free."""
        self.log = self.site.folder / f"api{len(self.processes)}.log"
        settings = {"ZENBEAT_HOOK_SECRETS": json.dumps({"pushed": SECRET}), "LOG_FORMAT": "json"}
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "worker", "api", "--port", "0"],
                env=self.site.environment("api", **settings),
                cwd=self.site.folder,
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)

    def listens(self) -> None:
        """Wait until the API can be called."""
        wait(self._address, "an API that listens")

    @property
    def api(self) -> subprocess.Popen[bytes]:
        """The process at work."""
        return self.processes[-1]

    def _address(self) -> str:
        found = re.findall(r'"url":"(http[^"]+)"', self.log.read_text())
        return found[-1] if found else ""

    def halt(self, point: str) -> None:
        """Wait until the API has stopped at a point."""
        self.site.halt("api", point)
        wait(lambda: stopped(self.api.pid), f"an API that stops {point}")

    def again(self) -> None:
        """Start the API again, and whoever else is missing."""
        time.sleep(AWAY_SECONDS)
        self.start()
        self.site.complete()
        self.listens()

    def call(self, number: int, stem: str) -> dict[str, float]:
        """Send a request until it is accepted, as a careful caller does; gives when each trigger was."""
        answers: list[httpx.Response] = []

        def accepted() -> bool:
            try:
                answer = self._send(number, stem)
            except httpx.TransportError:
                return False
            assert answer.status_code in {202, 503}, answer.text
            answers.append(answer)
            return answer.status_code == 202

        wait(accepted, f"an answer to request {number}")
        told = answers[-1].json()
        # A run's name ends with the beginning of its trigger's id.
        return {each["id"].replace("-", "")[:12]: time.time() for each in told.get("triggers", [told])}

    def _send(self, number: int, stem: str) -> httpx.Response:
        """Ask for one run, for many, or as a webhook; each is a request that may be repeated."""
        name = f"{stem}-{number}"
        with httpx.Client(base_url=self._address(), timeout=5) as http:
            if number % 3 == 1:
                triggers = [_wanted(f"{name}.{each}") for each in range(EACH)]
                return http.post("/api/v1/triggers", json={"triggers": triggers}, headers={"Idempotency-Key": name})
            if number % 3 == 2:
                body = json.dumps({"name": name}).encode()
                return http.post("/hooks/pushed", content=body, headers=_signed(body))
            return http.post("/api/v1/triggers", json=_wanted(name), headers={"Idempotency-Key": name})

    def end(self) -> None:
        """End the API."""
        if self.processes and self.api.poll() is None:
            self.api.send_signal(signal.SIGCONT)
            self.api.terminate()
            self.api.wait(30)


def _wanted(name: str) -> dict[str, object]:
    return {"pipeline": "training", "config": {"run_name": name}}


def _signed(body: bytes) -> dict[str, str]:
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={digest}"}


def run(cell: DoorCell, doors: Doors, number: int) -> Passed:
    """Let callers call, strike, and count at the server."""
    stem = f"door{number}"
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(_call_all, doors, stem)
        cell.strike(doors)
        accepted = sent.result()
    wait(lambda: len(_made(doors.site, stem)) >= len(accepted), f"{len(accepted)} runs")
    wait(lambda: not _on_their_way(doors.site), "triggers that have all gone their way")
    made = _made(doors.site, stem)
    first = dict(reversed(made))
    return Passed(
        accepted=len(accepted),
        runs=len(made),
        doubled=len(made) - len(first),
        lost=len(accepted.keys() - first.keys()),
        lateness=max(when - accepted[identity] for identity, when in first.items()),
    )


def _call_all(doors: Doors, stem: str) -> dict[str, float]:
    found = {}
    for number in range(REQUESTS):
        found |= doors.call(number, stem)
        time.sleep(BETWEEN_SECONDS)
    return found


def _made(site: Site, stem: str) -> list[tuple[str, float]]:
    """Give the end of each run's name, and when it was made."""
    runs = [run for run in list(site.demo.state.runs.values()) if run.name.startswith(f"{stem}-")]
    return [(run.name.rsplit("-", 1)[1], run.created.timestamp()) for run in runs]


def _on_their_way(site: Site) -> list[object]:
    keys = (f"zenbeat:{state}:default" for state in ("ready", "delayed", "inflight"))
    return [identity for key in keys for identity in site.redis.zrange(key, 0, -1)]


def _kill(point: str, doors: Doors) -> None:
    doors.halt(point)
    doors.site.kill(doors.api)
    doors.again()


def _kill_all(point: str, doors: Doors) -> None:
    doors.halt(point)
    doors.site.kill(doors.api, *doors.site.processes["worker"])
    doors.again()


def _stop(point: str, doors: Doors) -> None:
    """Let the API lie still until its callers have given up waiting and the others have gone on."""
    doors.halt(point)
    time.sleep(STOPPED_SECONDS)
    doors.api.send_signal(signal.SIGCONT)


def _valkey(point: str, doors: Doors) -> None:
    doors.halt(point)
    doors.site.kill_valkey()
    doors.api.send_signal(signal.SIGCONT)
    time.sleep(AWAY_SECONDS)
    doors.site.valkey.start()
