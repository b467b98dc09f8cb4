"""`up` as a newcomer runs it: one terminal, everything in it, and out of it again."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

FAST = """\
schedules:
  - name: quick
    pipeline: scoring
    every: 2s
"""


class Terminal:
    """A running `up` and what it printed."""

    def __init__(self, folder: Path, *words: str, **environment: str) -> None:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("ZEN", "REDIS", "CELERY"))}
        (folder / "schedules").mkdir(exist_ok=True)
        (folder / "schedules" / "s.yaml").write_text(FAST)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "worker", "up", *(() if "--api-port" in words else ("--api-port", "0")), *words],
            env={**clean, **environment},
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.lines.append(line)

    def said(self, pattern: str) -> int:
        return sum(bool(re.search(pattern, line)) for line in list(self.lines))

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        code = self.process.wait(10)
        self._reader.join()
        if self.process.stdout:
            self.process.stdout.close()
        return code


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*words: str, **environment: str) -> Terminal:
        opened.append(Terminal(tmp_path, *words, **environment))
        return opened[-1]

    yield start
    for one in opened:
        one.end()


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def child(pid: int, role: str) -> int:
    """Find the part of this role among the children of `up`; 0 if it is not there."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int(re.search(r"PPid:\t(\d+)", (path / "status").read_text())[1])  # type: ignore[index]
            words = (path / "cmdline").read_text().rstrip("\0").split("\0")
            words = words[: words.index("--port")] if "--port" in words else words
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == pid and (words[-1] == role or (role == "valkey" and "valkey" in words[0])):
            return int(path.name)
    return 0


def test_it_shows_what_fires_and_what_started_and_ends_cleanly(terminal: Any, eventually: Any) -> None:
    up = terminal("--demo-port", free_port())
    eventually(lambda: up.said(r"worker started +quick") >= 2, 90, "two started runs")
    assert up.said(r"DEMO server at http")
    assert up.said(r"next +quick: \d\d:\d\d:\d\d, runs scoring \(every 2s, UTC\)")
    assert up.said(r"beat +fired +quick; next")
    assert up.end() == 0
    assert up.said(r"ended")
    assert not up.said("Traceback")


def test_a_second_start_keeps_the_data_and_a_second_up_is_refused(terminal: Any, eventually: Any) -> None:
    up = terminal("--demo-port", free_port())
    eventually(lambda: up.said(r"started +quick"), 90, "a run")
    second = terminal("--demo-port", free_port())
    assert second.process.wait(20) == 1
    eventually(lambda: second.said("in use by another `up`"), what="the way out")
    up.end()
    again = terminal("--demo-port", free_port())
    eventually(lambda: again.said(r"started +quick"), 90, "a run")
    assert not again.said("timing changed")


def test_a_command_in_another_terminal_finds_it(terminal: Any, eventually: Any, tmp_path: Path) -> None:
    up = terminal("--demo-port", free_port())
    eventually(lambda: up.said(r"started +quick"), 90, "a run")

    def zenbeat(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("ZEN", "REDIS", "CELERY"))}
        return subprocess.run(
            [sys.executable, "-m", "worker", *words],
            env={**clean, **environment},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    asked = zenbeat("trigger", "scoring")
    assert asked.returncode == 0, asked.stderr
    eventually(lambda: "started" in zenbeat("trigger", "show", asked.stdout.strip()).stdout, what="its run")
    assert zenbeat("doctor").returncode == 0
    assert zenbeat("outcome", "list", REDIS_URL="redis://127.0.0.1:9/0").returncode == 69, "what is set counts"
    note = tmp_path / ".zenbeat" / "up.env"
    assert note.stat().st_mode & 0o077 == 0
    second = terminal("--demo-port", free_port())
    assert second.process.wait(20) == 1
    assert note.exists(), "the second one takes nothing away"
    up.end()
    assert not note.exists()


def test_the_api_is_there_and_told(terminal: Any, eventually: Any, tmp_path: Path) -> None:
    port = free_port()
    up = terminal("--demo-port", free_port(), "--api-port", port)
    eventually(lambda: up.said(rf"API: http://127\.0\.0\.1:{port}/docs"), what="its address")
    places = [line for line in up.lines if f"http://127.0.0.1:{port}/" in line]
    assert [re.sub(r"^.*?(\w+): .*/", r"\1 /", line.strip()) for line in places] == ["Dashboard /", "API /docs"]
    eventually(lambda: up.said(r"started +quick"), 90, "a run")

    def asked(path: str) -> str:
        with suppress(OSError), urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            said: str = answer.read().decode()
            return said
        return ""

    eventually(lambda: '"ready"' in asked("/readyz"), what="beat and worker")
    assert '"schedule":"quick"' in asked("/api/v1/triggers")
    assert 'href="/schedules/quick"' in asked("/")
    assert f"ZENBEAT_API_PORT={port}" in (tmp_path / ".zenbeat" / "up.env").read_text()


@pytest.mark.parametrize("role", ["beat", "worker", "valkey", "api"])
def test_a_part_that_dies_is_named_and_started_again(role: str, terminal: Any, eventually: Any) -> None:
    up = terminal("--demo-port", free_port())
    eventually(lambda: up.said(r"started +quick"), 90, "a run")
    os.kill(child(up.process.pid, role), signal.SIGKILL)
    name = "redis" if role == "valkey" else role
    eventually(lambda: up.said(rf"{name} +died \(killed by SIGKILL\)"), what="its death told")
    before = up.said(r"started +quick")
    eventually(lambda: up.said(r"started +quick") >= before + 2, what="runs again")


@pytest.mark.parametrize("option", ["--demo-port", "--api-port"])
def test_a_taken_port_is_a_sentence_with_the_way_out(option: str, terminal: Any, eventually: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = {"--demo-port": free_port(), option: str(taken.getsockname()[1])}
        up = terminal(*(word for pair in ports.items() for word in pair))
        assert up.process.wait(20) == 1
    eventually(lambda: up.said(rf"is taken .*{option}"), what="the sentence")
    assert not up.said("Traceback")


def test_everything_ends_with_it_even_when_it_is_killed(terminal: Any, eventually: Any) -> None:
    up = terminal("--demo-port", free_port())
    eventually(lambda: up.said(r"started +quick"), 90, "a run")
    pids = [child(up.process.pid, role) for role in ("beat", "worker", "valkey", "api")]
    assert all(pids)
    up.process.kill()
    up.process.wait()
    eventually(lambda: not any(_runs(pid) for pid in pids), what="no part left behind")


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
