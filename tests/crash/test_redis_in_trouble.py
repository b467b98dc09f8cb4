"""Redis in trouble: nothing on record is lost, all come back by themselves, nobody spins, and it is said why."""

import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from .proxy import Proxy
from .site import Site, cpu_seconds, wait

TROUBLE_SECONDS = 5.0
BACK_SECONDS = 10.0
"""After Redis is well again, everything that was due has its run within this."""

BUSIEST = 0.5
"""Cores that a process may use while it waits."""


@dataclass(frozen=True, slots=True)
class Trouble:
    name: str
    begin: Callable[[Site], object]
    end: Callable[[Site], object]
    says: str = "Redis cannot be reached"


def _mode(mode: str) -> Callable[[Site], object]:
    return lambda site: site.proxy.set(mode)


def _config(name: str, value: str) -> Callable[[Site], object]:
    return lambda site: site.redis.config_set(name, value)


def _kill_clients(site: Site) -> None:
    deadline = time.monotonic() + TROUBLE_SECONDS
    while time.monotonic() < deadline:
        site.redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        time.sleep(0.5)


def _wrong_password(site: Site) -> None:
    site.redis.config_set("requirepass", "another")
    site.redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def _right_password(site: Site) -> None:
    site.redis.config_set("requirepass", site.password)


def _full_disk(site: Site) -> None:
    """Let the append-only file grow no further, as on a disk that is full."""
    size = sum(path.stat().st_size for path in (site.folder / "valkey").rglob("*.aof"))
    resource.prlimit(site.valkey.pid, resource.RLIMIT_FSIZE, (size + 2000, size + 2000))
    wait(lambda: site.valkey.exited() is not None, "the end of a Valkey that cannot write")


def _restart(site: Site) -> None:
    site.valkey.start()


def _end_valkey(site: Site) -> None:
    """End it in good order, with its data on disk."""
    site.redis.shutdown(nosave=True)
    wait(lambda: site.valkey.exited() is not None, "the end of Valkey")


def _lose_everything(site: Site) -> None:
    site.kill_valkey()
    for path in (site.folder / "valkey").rglob("*"):
        if path.is_file() and path.name != "lock":
            path.unlink()


def _cut_tail(site: Site) -> None:
    """Kill it in the middle of a write: the last bytes of its file are missing."""
    site.kill_valkey()
    (newest,) = (site.folder / "valkey").rglob("*.incr.aof")
    with newest.open("r+b") as file:
        file.truncate(newest.stat().st_size - 20)


TROUBLES = [
    Trouble("hangs", _mode("hang"), _mode("pass")),
    Trouble("cut off", _mode("cut"), _mode("pass")),
    Trouble("slow", _mode("slow"), _mode("pass"), says=""),
    Trouble("answers lost", _mode("deaf"), _mode("pass")),
    Trouble("CLIENT KILL", _kill_clients, lambda _: None, says=""),
    Trouble("out of memory", _config("maxmemory", "1"), _config("maxmemory", "0"), "Redis is out of memory"),
    Trouble(
        "read-only replica",
        lambda site: site.redis.replicaof("127.0.0.1", "9"),
        lambda site: site.redis.replicaof("NO", "ONE"),
        "Redis is a read-only replica",
    ),
    Trouble("wrong password", _wrong_password, _right_password, "Redis refuses the password"),
    Trouble("ends and comes back", _end_valkey, _restart),
    Trouble("disk full", _full_disk, _restart),
    Trouble("killed in a write", _cut_tail, _restart),
    Trouble("lost everything", _lose_everything, _restart),
    Trouble("FLUSHALL", lambda site: site.redis.flushall(), lambda _: None, says=""),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An installation whose processes see Redis through a proxy; the test sees it as it is."""
    with ExitStack() as stack:
        site = stack.enter_context(Site(tmp_path_factory.mktemp("trouble") / "site"))
        site.proxy = stack.enter_context(Proxy(site.valkey_port))
        yield site


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.name)
def test_nothing_is_lost_and_all_come_back(trouble: Trouble, site: Site) -> None:
    site.complete()
    processes = [process for role in site.processes.values() for process in role]
    since = time.time()
    due = site.due(trouble.name.lower().replace(" ", "-"), seconds=10, schedules=2)
    due.begun(2)
    due.ran()  # a Redis that has lost everything tells by its runs that a schedule is not new
    before = {process.pid: cpu_seconds(process.pid) for process in processes}
    trouble.begin(site)
    time.sleep(TROUBLE_SECONDS)  # the trouble is made to last: this is no wait for a condition
    spent = {process.pid: cpu_seconds(process.pid) - before[process.pid] for process in processes}
    trouble.end(site)
    due.begun(9)
    due.complete(BACK_SECONDS)
    assert due.runs().keys() == due.wanted()
    assert all(len(times) == 1 for times in due.runs().values())
    assert due.decided().keys() <= due.wanted()
    assert all(process.poll() is None for process in processes), "nobody ended"
    assert max(spent.values()) <= BUSIEST * (TROUBLE_SECONDS + 1), spent
    words = site.logs(since)
    assert trouble.says in words
    assert "Unrecoverable" not in words


def test_a_redis_that_is_stopped_leaves_the_lead_to_nobody_and_is_taken_up_again(site: Site) -> None:
    site.complete()
    due = site.due("stopped", seconds=10, schedules=2)
    due.begun(2)
    site.signal_valkey(signal.SIGSTOP)
    time.sleep(TROUBLE_SECONDS)  # longer than the lease
    site.signal_valkey(signal.SIGCONT)
    due.begun(9)
    due.complete(BACK_SECONDS)
    assert due.runs().keys() == due.wanted() == due.decided().keys()
    assert all(len(times) == 1 for times in due.runs().values())
