"""The embedded Redis, as a real process."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from worker.demo.valkey import EmbeddedRedis, EmbeddedRedisError


def test_data_stays_from_one_start_to_the_next(tmp_path: Path) -> None:
    for expected in (None, b"kept"):
        with EmbeddedRedis(tmp_path) as url, redis.Redis.from_url(url) as client:
            assert client.get("key") == expected
            client.set("key", "kept")


def test_what_was_answered_is_on_disk_after_a_kill(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path)
    with redis.Redis.from_url(server.start()) as client:
        client.set("key", "kept")
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    with EmbeddedRedis(tmp_path) as url, redis.Redis.from_url(url) as client:
        assert client.get("key") == b"kept"


def test_a_server_that_died_comes_back_at_its_address(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path)
    url = server.start()
    os.kill(server.pid, signal.SIGKILL)
    try:
        assert server.start() == url
    finally:
        server.stop()


def test_a_server_whose_address_is_taken_does_not_move(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path)
    port = int(server.start().rsplit(":", 1)[1].split("/")[0])
    server.stop()
    with socket.create_server(("127.0.0.1", port)), pytest.raises(EmbeddedRedisError, match="already in use"):
        server.start()


def test_it_wants_its_password_and_shows_it_nowhere(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path)
    url = server.start()
    try:
        password = url.split(":")[2].split("@")[0]
        with redis.Redis.from_url(url.replace(password, "wrong")) as client, pytest.raises(redis.AuthenticationError):
            client.ping()
        assert password not in Path(f"/proc/{server.pid}/cmdline").read_text()
        assert password not in server.log.read_text()
    finally:
        server.stop()


def test_a_folder_in_use_is_refused_with_the_way_out(tmp_path: Path) -> None:
    expected = rf"in use by another `up` \(process {os.getpid()}\).*ZENBEAT_DATA_DIR"
    with EmbeddedRedis(tmp_path), pytest.raises(EmbeddedRedisError, match=expected):
        EmbeddedRedis(tmp_path).start()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedRedisError, match=r"cannot keep data in .*file/data.*ZENBEAT_DATA_DIR"):
        EmbeddedRedis(tmp_path / "file" / "data").start()


def test_others_cannot_read_the_data(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path / "data"):
        assert (tmp_path / "data").stat().st_mode & 0o077 == 0


def test_a_broken_data_file_is_named(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as url, redis.Redis.from_url(url) as client:
        client.set("key", "value")
    for part in (tmp_path / "appendonlydir").glob("*.aof"):
        part.write_bytes(b"*9999999\r\nbroken")
    with pytest.raises(EmbeddedRedisError, match="its last words"):
        EmbeddedRedis(tmp_path).start()


def test_it_ends_with_the_process_that_started_it(tmp_path: Path, eventually: Callable[..., None]) -> None:
    with started_elsewhere(tmp_path) as (parent, pid):
        parent.kill()
    eventually(lambda: not _alive(pid), what="the server is gone")


def test_a_start_after_a_kill_waits_until_the_old_server_has_let_go_of_the_folder(tmp_path: Path) -> None:
    with started_elsewhere(tmp_path) as (parent, pid):
        held = {os.readlink(descriptor) for descriptor in Path(f"/proc/{pid}/fd").iterdir()}
        assert str(tmp_path / "lock") in held
        parent.kill()
    with EmbeddedRedis(tmp_path):
        assert not _alive(pid)


@contextmanager
def started_elsewhere(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start a server from another process; gives that process and the server's id."""
    program = (
        "import sys, pathlib; from worker.demo.valkey import EmbeddedRedis;"
        "server = EmbeddedRedis(pathlib.Path(sys.argv[1])); server.start(); print(server.pid, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        yield parent, int(parent.stdout.readline())


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
