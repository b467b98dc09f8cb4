"""A whole installation to be killed: its own Valkey, demo server, two beats and two workers, each a real process."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import redis

from worker.demo.valkey import EmbeddedRedis
from worker.demo.zenml import DEMO_API_KEY, DemoServer

from .proxy import Proxy

ROLES = ("beat", "worker")
PATIENCE = 60.0
KNOWN_WITHIN = timedelta(seconds=5)
"""From the writing of a schedule file to its first due instant: beats look once a second, on a machine that is busy."""


class Site:
    """Use it as a context: what it started ends with it."""

    def __init__(
        self,
        folder: Path,
        broker: str | None = None,
        valkey: dict[str, str] | None = None,
        settings: dict[str, str] | None = None,
        **demo: Any,
    ) -> None:
        """Make it; `valkey` are variables for Valkey alone, `settings` those for beats and workers."""
        folder.mkdir(parents=True)
        self.folder = folder
        self.valkey = EmbeddedRedis(folder / "valkey", environment=valkey)
        self.demo = DemoServer(**{"capacity": None, "failure_rate": 0, **demo})
        self.broker = broker
        self.settings = settings or {}
        self.processes: dict[str, list[subprocess.Popen[bytes]]] = {role: [] for role in ROLES}
        self.schedules = folder / "schedules"
        self.schedules.mkdir()
        self.proxy: Proxy | None = None
        self._count = 0

    def __enter__(self) -> "Site":
        self.demo.start()
        self.url = self.valkey.start()
        self.redis = redis.Redis.from_url(self.url, decode_responses=True)
        return self

    def __exit__(self, *_: object) -> None:
        everyone = [process for role in ROLES for process in self.processes[role]]
        for process in everyone:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 10
        for process in everyone:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.redis.close()
        self.demo.stop()
        self.valkey.stop()

    @property
    def valkey_port(self) -> int:
        """Where Valkey listens, whatever is in front of it."""
        return int(str(urlsplit(self.url).port))

    @property
    def password(self) -> str:
        """Valkey's password."""
        return str(urlsplit(self.url).password)

    # --- processes

    def environment(self, role: str, **more: str) -> dict[str, str]:
        """Give what a process of a role is started with."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("ZENML_", "ZENBEAT_"))}
        broker = {"CELERY_BROKER_URL": self.broker} if self.broker else {}
        return {
            **inherited,
            "REDIS_URL": self.url.replace(f":{self.valkey_port}/", f":{self.proxy.port}/") if self.proxy else self.url,
            "ZENML_STORE_URL": self.demo.url,
            "ZENML_STORE_API_KEY": DEMO_API_KEY,
            "SCHEDULES_DIR": str(self.schedules),
            "ZENBEAT_HALT_FILE": str(self.folder / f"halt-{role}"),
            "PYTHONWARNINGS": "ignore",
            "PYTHONUNBUFFERED": "1",
            **broker,
            **self.settings,
            **more,
        }

    def start(self, role: str, **more: str) -> subprocess.Popen[bytes]:
        """Start a beat or a worker, as users do: without a flag."""
        self._count += 1
        with (self.folder / f"{self._count:03}-{role}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "worker", role],
                env=self.environment(role, **more),
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        self.processes[role].append(process)
        return process

    def complete(self) -> None:
        """See that there are two of each, and that all are at work."""
        for role in ROLES:
            for process in self.processes[role]:
                # One that a point was reached by twice, or that a test forgot, must not stay stopped.
                if process.poll() is None and stopped(process.pid):
                    process.send_signal(signal.SIGCONT)
            self.processes[role] = [process for process in self.processes[role] if process.poll() is None]
            while len(self.processes[role]) < 2:
                self.start(role)
        wait(lambda: all(self.signs(role) for role in ROLES), "two beats and two workers")

    def signs(self, role: str) -> bool:
        """Tell whether every process of a role has left a sign of life."""
        found = {name.split(":")[-2] for name in self.redis.keys(f"zenbeat:heartbeat:{role}:*")}
        return {str(process.pid) for process in self.processes[role]} <= found

    def signed(self, role: str, pid: int, since: datetime) -> bool:
        """Tell whether a process has left a sign of life after an instant."""
        names = [name for name in self.redis.keys(f"zenbeat:heartbeat:{role}:*") if name.split(":")[-2] == str(pid)]
        signs = [json.loads(sign) for sign in self.redis.mget(names) if sign] if names else []
        return any(datetime.fromisoformat(sign["at"]) > since for sign in signs)

    def leader(self) -> int:
        """Give the process id of the beat that leads; 0 without one."""
        held = self.redis.get("zenbeat:leader:0")
        return int(str(held).split(":")[2]) if held else 0

    def halt(self, role: str, point: str) -> None:
        """Let the next process of a role that comes to a point stop there."""
        fresh = self.folder / "halt.new"
        fresh.write_text(point)
        fresh.rename(self.folder / f"halt-{role}")

    def halted(self, role: str) -> subprocess.Popen[bytes]:
        """Wait until a process of a role has stopped; gives it."""
        found: list[subprocess.Popen[bytes]] = []

        def look() -> bool:
            found[:] = [one for one in self.processes[role] if one.poll() is None and stopped(one.pid)]
            return bool(found)

        wait(look, f"a {role} that stops at its point")
        return found[0]

    def kill(self, *processes: subprocess.Popen[bytes]) -> None:
        """Kill processes, as the kernel does when memory is short."""
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()

    def kill_valkey(self) -> None:
        """Kill Valkey; `valkey.start()` brings it back with what it had written."""
        os.kill(self.valkey.pid, signal.SIGKILL)
        wait(lambda: self.valkey.exited() is not None, "the end of Valkey")

    def signal_valkey(self, number: int) -> None:
        """Send Valkey a signal."""
        os.kill(self.valkey.pid, number)

    def logs(self, since: float = 0.0) -> str:
        """Give what all processes said, since a moment of the wall clock."""
        stamp = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        lines = [line for path in sorted(self.folder.glob("*.log")) for line in path.read_text().splitlines()]
        return "\n".join(line for line in lines if line >= stamp)

    # --- what was due, and what came of it

    def define(self, text: str) -> None:
        """Write the schedule file, at once and whole."""
        fresh = self.folder / "s.yaml.new"
        fresh.write_text(text)
        fresh.rename(self.schedules / "s.yaml")

    def due(self, name: str, *, seconds: int, schedules: int = 4, **more: str) -> "Due":
        """Define schedules that are due every second for so long, and wait until they are known."""
        now = datetime.now(UTC)
        begin = now.replace(microsecond=0) + KNOWN_WITHIN
        end = begin + timedelta(seconds=seconds - 1)
        rules = {"every": "1s", "start_time": _quoted(begin), "end_time": _quoted(end), "catchup": "all", **more}
        rules = {"catchup_window": "1h", **rules}
        names = [f"{name}-{number}" for number in range(schedules)]
        lines = ["schedules:"]
        for each in names:
            lines += [f"  - name: {each}", "    pipeline: training"]
            lines += [f"    {key}: {value}" for key, value in rules.items()]
        self.define("\n".join([*lines, ""]))
        # One that becomes known after its first instant is not due then.
        left = (begin - now).total_seconds()
        wait(lambda: all(self.redis.hmget("zenbeat:cursors:0", names)), "schedules that are known in time", left)
        instants = [begin + timedelta(seconds=second) for second in range(seconds)]
        return Due(self, dict.fromkeys(names, instants))


@dataclass
class Due:
    """Instants that are due by the test's own arithmetic, and what the installation made of them."""

    site: Site
    instants: dict[str, list[datetime]]
    """Schedule -> when it is due."""

    @property
    def count(self) -> int:
        """How many runs there should be."""
        return sum(len(each) for each in self.instants.values())

    def begun(self, seconds: int) -> None:
        """Wait until the schedules have fired for some seconds."""
        moment = min(each[seconds] for each in self.instants.values())
        wait(lambda: datetime.now(UTC) >= moment, "an instant")

    def complete(self, seconds: float = PATIENCE) -> None:
        """Wait until every due instant has its run, and zenbeat knows it."""
        wait(lambda: not self._missing(), self._missing, seconds)

    def ran(self, fires: int = 1) -> None:
        """Wait until the first fires of each schedule have their runs."""
        first = {f"{name}@{fire.isoformat()}" for name, each in self.instants.items() for fire in each[:fires]}
        wait(lambda: self.runs().keys() >= first, f"the first runs of {self.instants.keys()}")

    def _missing(self) -> list[str]:
        """Name the runs that are not there, and the triggers that are still on their way."""
        keys = (f"zenbeat:{state}:default" for state in ("ready", "delayed", "inflight"))
        waiting = {key: self.site.redis.zrange(key, 0, -1) for key in keys}
        on_their_way = [f"{key}: {ids}" for key, ids in waiting.items() if ids]
        return sorted(self.wanted() - self.runs().keys()) + on_their_way

    @staticmethod
    def instant(name: str) -> datetime:
        """Read the instant of `schedule@instant`."""
        return datetime.fromisoformat(name.split("@")[1])

    def runs(self) -> dict[str, list[datetime]]:
        """Give when the runs on the server were made, for each due instant, as `schedule@instant`."""
        found: dict[str, list[datetime]] = {}
        for run in self.site.demo.state.runs.values():
            name, instant, _ = run.name.rsplit("-", 2)
            if name in self.instants:
                due = datetime.strptime(instant, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
                found.setdefault(f"{name}@{due.isoformat()}", []).append(run.created)
        return found

    def wanted(self) -> set[str]:
        """Give every due instant, as `schedule@instant`."""
        return {f"{name}@{instant.isoformat()}" for name, each in self.instants.items() for instant in each}

    def decided(self) -> Counter[str]:
        """Count the ledger's decisions that are `fired`, by `schedule@instant`."""
        found: Counter[str] = Counter()
        for name in self.instants:
            for entry in map(json.loads, self.site.redis.zrange(f"zenbeat:ledger:{name}", 0, -1)):
                if entry["decision"] == "fired":
                    found[f"{name}@{datetime.fromisoformat(entry['fire_time']).isoformat()}"] += 1
        return found

    def lateness(self) -> float:
        """Give the greatest time from a due instant to its run on the server, in seconds."""
        return max((made - self.instant(due)).total_seconds() for due, times in self.runs().items() for made in times)


def _quoted(moment: datetime) -> str:
    return f'"{moment.isoformat()}"'


def cpu_seconds(pid: int) -> float:
    """Give the processor time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def stopped(pid: int) -> bool:
    """Tell whether a process is stopped by a signal."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"
    except FileNotFoundError:
        return False


def wait(condition: Callable[[], object], what: str | Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait for a condition with a deadline; `what` is said, or works out what is to be said, when it passes."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except redis.RedisError:  # Valkey is among what is killed
            pass
        assert time.monotonic() < deadline, f"not within {seconds} s: {what() if callable(what) else what}"
        time.sleep(0.02)
