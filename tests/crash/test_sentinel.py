"""The primary is killed, and Sentinel makes its replica the primary: nothing is lost, and nobody has to be told."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis

from worker.demo.valkey import EmbeddedRedis, die_with_parent, find_program

from .rabbitmq import free_port
from .site import Site, wait

SERVICE = "primary"

CONFIG = """\
port {port}
bind 127.0.0.1
dir {directory}
sentinel monitor {service} 127.0.0.1 {primary} 1
sentinel auth-pass {service} {password}
sentinel down-after-milliseconds {service} 1000
sentinel failover-timeout {service} 4000
"""


class WatchedSite(Site):
    """An installation whose Redis has a replica and a sentinel."""

    def __enter__(self) -> "WatchedSite":
        super().__enter__()
        self.stack = ExitStack()
        self.replica = EmbeddedRedis(self.folder / "replica", password=self.password)
        self.other = redis.Redis.from_url(self.stack.enter_context(self.replica), decode_responses=True)
        for client in (self.redis, self.other):
            client.config_set("masterauth", self.password)
        self.other.replicaof("127.0.0.1", str(self.valkey_port))
        wait(lambda: self.other.info("replication")["master_link_status"] == "up", "a replica")
        self.port = free_port()
        config = self.folder / "sentinel.conf"
        values = {"port": self.port, "directory": self.folder, "service": SERVICE, "primary": self.valkey_port}
        config.write_text(CONFIG.format(**values, password=self.password))
        with (self.folder / "sentinel.txt").open("wb") as log:
            self.sentinel = subprocess.Popen(
                [find_program(), str(config), "--sentinel"], stdout=log, stderr=log, preexec_fn=die_with_parent
            )
        with redis.Redis(port=self.port) as client:
            wait(lambda: int(client.sentinel_master(SERVICE)["num-slaves"]) == 1, "a sentinel that knows both")
        return self

    def __exit__(self, *details: object) -> None:
        super().__exit__(*details)
        self.sentinel.terminate()
        self.sentinel.wait()
        self.other.close()
        self.stack.close()

    def environment(self, role: str, **more: str) -> dict[str, str]:
        url = f"sentinel://:{self.password}@127.0.0.1:{self.port}/0?service={SERVICE}"
        return {**super().environment(role, **more), "REDIS_URL": url}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[WatchedSite]:
    with WatchedSite(tmp_path / "site") as site:
        site.complete()
        yield site


def test_a_fail_over_loses_nothing_that_had_reached_the_replica(site: WatchedSite) -> None:
    due = site.due("failover", seconds=14, schedules=2)
    due.begun(3)
    assert site.redis.wait(1, 1000) == 1
    site.kill_valkey()
    killed = time.monotonic()
    wait(lambda: site.other.info("replication")["role"] == "master", "the replica as primary")
    promoted = time.monotonic()
    site.redis = site.other
    due.complete()
    assert due.runs().keys() == due.wanted()
    assert all(len(times) == 1 for times in due.runs().values())
    assert due.lateness() <= promoted - killed + 10.0
    assert all(process.poll() is None for role in site.processes.values() for process in role)
