"""Starting the processes that are measured, reading what they cost from /proc, and ending them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

import httpx

from worker.demo.valkey import die_with_parent

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".zenbeat" / "bench" / "venv"
TICKS = os.sysconf("SC_CLK_TCK")
STOP_SECONDS = 10.0


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Give our environment without anybody's settings, and with `extra`."""
    foreign = ("ZENML_", "ZENBEAT_", "CELERY_", "REDIS_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}  # noqa: TID251 - for children
    return {**kept, "PYTHONWARNINGS": "ignore", "PYTHONUNBUFFERED": "1", **extra}


def peer_python() -> str:
    """Give the interpreter of the peers' environment; makes the environment if there is none."""
    python = VENV / "bin" / "python"
    marker = VENV / "installed.txt"
    wanted = (ROOT / "bench" / "requirements.txt").read_text()
    if not marker.exists() or marker.read_text() != wanted:
        print("installing the peers into .zenbeat/bench/venv …", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        pip = [str(python), "-m", "pip", "install", "-q", "-r", str(ROOT / "bench" / "requirements.txt")]
        subprocess.run(pip, check=True)
        marker.write_text(wanted)
    return str(python)


def with_plan(module: str, plan: Mapping[str, object]) -> subprocess.Popen[bytes]:
    """Start a module in a process of its own, with a plan on its stdin; what came of it is on its stdout."""
    process = subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env=environment({}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        preexec_fn=die_with_parent,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(plan).encode())
    process.stdin.close()
    return process


@contextmanager
def checkout(revision: str) -> Iterator[Path]:
    """Check a revision out into a folder of its own, which goes with the context."""
    with TemporaryDirectory(prefix="zenbeat-bench-") as folder:
        tree = Path(folder) / "tree"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--detach", str(tree), revision], check=True, capture_output=True)
        try:
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)


class Group:
    """The processes of one system under test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._own: dict[str, subprocess.Popen[bytes]] = {}
        self._pids: dict[str, int] = {}

    def start(self, name: str, command: Sequence[str], extra: Mapping[str, str]) -> int:
        """Start a process whose cost counts; its output goes to `<name>.log` in the folder. Gives its id."""
        with (self._folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                env=environment(extra),
                cwd=self._folder,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )
        self._own[name] = process
        self._pids[name] = process.pid
        return process.pid

    def count(self, name: str, pid: int) -> None:
        """Have the cost of a process that was started elsewhere count too."""
        self._pids[name] = pid

    def cpu(self) -> dict[str, float]:
        """Give the CPU seconds of each process with its children, since their start."""
        return {name: sum(map(_cpu, family(pid))) for name, pid in self._pids.items()}

    def pss(self) -> dict[str, float]:
        """Give each one's share of memory in MiB (shared pages divided among those who share them)."""
        return {name: sum(_memory(each, "Pss") for each in family(pid)) for name, pid in self._pids.items()}

    def rss(self) -> dict[str, float]:
        """Give each one's resident memory in MiB (shared pages counted in full)."""
        return {name: sum(_memory(each, "Rss") for each in family(pid)) for name, pid in self._pids.items()}

    def peak(self) -> dict[str, float]:
        """Give the most resident memory that each had up to now in MiB; that of its children is added."""
        return {name: sum(map(_peak, family(pid))) for name, pid in self._pids.items()}

    def alive(self) -> None:
        """Raise RuntimeError with its last words if one has ended."""
        for name, process in self._own.items():
            if process.poll() is not None:
                words = (self._folder / f"{name}.log").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{name} ended ({process.returncode}); it said:\n{words}")

    def kill(self, name: str) -> None:
        """End one that was started here with SIGKILL; `start` may then start it again."""
        process = self._own.pop(name)
        process.kill()
        process.wait()
        del self._pids[name]

    def end(self) -> None:
        """End every process that was started here."""
        for process in self._own.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._own.values():
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def family(pid: int) -> list[int]:
    """Give a process and all that descend from it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += family(int(child))
    return found


def _cpu(pid: int) -> float:
    # After the name, which may hold anything: state is field 3, utime stime cutime cstime are 14 to 17.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


def _memory(pid: int, what: str) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _peak(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


class StubServer:
    """The stub of ZenML, as a process; its cost does not count. Its runs end if `ends`."""

    def __init__(self, latency: float = 0.0, *, ends: bool = False) -> None:
        self._latency = latency
        self._ends = ends

    def __enter__(self) -> Self:
        command = [sys.executable, str(ROOT / "bench" / "stub.py"), str(self._latency)]
        command += ["ends"] if self._ends else []
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=die_with_parent)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        self._client = httpx.Client(base_url=self.url, timeout=30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
        self._process.terminate()
        self._process.wait()

    def count(self) -> int:
        """Count the launches that came."""
        return int(self._client.get("/count").json())

    def record(self) -> list[tuple[float, str]]:
        """Give the launches that came: when, and with which run name."""
        return [(when, name) for when, name in self._client.get("/record").json()]

    def reset(self) -> None:
        """Forget them."""
        self._client.post("/reset")
