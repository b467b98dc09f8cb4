"""Two beats: when the one that leads is killed, stopped or cut off, the other takes over within five seconds."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .proxy import Proxy
from .site import Site, stopped, wait

TAKE_OVER_SECONDS = 5.0


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path / "site") as site:
        site.complete()
        wait(site.leader, "a leader")
        yield site


def leading(site: Site) -> int:
    """Which of its beats leads, 0 or 1."""
    return [beat.pid for beat in site.processes["beat"]].index(site.leader())


def test_a_leader_that_is_killed_is_replaced_within_five_seconds(site: Site) -> None:
    due = site.due("killed", seconds=8)
    due.begun(2)
    first = leading(site)
    killed = time.monotonic()
    site.kill(site.processes["beat"][first])
    wait(lambda: site.leader() == site.processes["beat"][1 - first].pid, "another leader")
    assert time.monotonic() - killed <= TAKE_OVER_SECONDS
    due.complete()
    assert due.runs().keys() == due.wanted() == due.decided().keys()
    assert due.lateness() <= TAKE_OVER_SECONDS


def test_a_leader_that_is_cut_off_from_redis_is_replaced_and_stands_by_when_it_is_back(tmp_path: Path) -> None:
    with Site(tmp_path / "site") as site, Proxy(site.valkey_port) as proxy:
        through = site.url.replace(f":{site.valkey_port}/", f":{proxy.port}/")
        old = site.start("beat", REDIS_URL=through)
        wait(lambda: site.leader() == old.pid, "the leader")
        site.complete()
        new = site.processes["beat"][1]
        due = site.due("cut", seconds=10)
        due.begun(2)
        cut = time.monotonic()
        proxy.set("hang")
        wait(lambda: site.leader() == new.pid, "another leader")
        assert time.monotonic() - cut <= TAKE_OVER_SECONDS
        epoch = site.redis.get("zenbeat:leader:0")
        proxy.set("pass")
        due.complete()
        assert due.runs().keys() == due.wanted() == due.decided().keys()
        assert all(len(times) == 1 for times in due.runs().values())
        assert site.redis.get("zenbeat:leader:0") == epoch
        assert old.poll() is None


def test_a_leader_that_was_stopped_wakes_up_and_is_harmless(site: Site) -> None:
    due = site.due("stopped", seconds=10)
    due.begun(2)
    first = leading(site)
    old, new = site.processes["beat"][first], site.processes["beat"][1 - first]
    # In the middle of its work: about to write what the other one will have written.
    site.halt("beat", "before record")
    assert site.halted("beat") is old
    wait(lambda: site.leader() == new.pid, "another leader", TAKE_OVER_SECONDS)
    epoch = site.redis.get("zenbeat:leader:0")
    due.begun(8)
    old.send_signal(signal.SIGCONT)
    wait(lambda: not stopped(old.pid), "the old leader awake")
    due.complete()
    assert all(len(times) == 1 for times in due.runs().values())
    assert due.runs().keys() == due.wanted()
    assert set(due.decided().values()) == {1}
    assert site.redis.get("zenbeat:leader:0") == epoch, "the old one stands by"
    assert old.poll() is None, "and lives"


def test_a_rolling_deploy_loses_nothing_and_hardly_delays_anything(site: Site) -> None:
    due = site.due("rolling", seconds=16)
    due.begun(2)
    for role in ("worker", "beat"):
        for process in list(site.processes[role]):
            process.send_signal(signal.SIGTERM)
            assert process.wait(15) == 0
            site.complete()
    due.complete()
    assert due.runs().keys() == due.wanted() == due.decided().keys()
    assert all(len(times) == 1 for times in due.runs().values())
    assert due.lateness() <= TAKE_OVER_SECONDS


def test_five_beats_started_and_killed_at_once_have_one_leader_at_any_time(site: Site) -> None:
    due = site.due("crowd", seconds=10)
    for _ in range(3):
        site.start("beat")
    wait(lambda: site.signs("beat"), "five beats")
    site.kill(*site.processes["beat"])
    site.complete()
    due.complete()
    assert due.runs().keys() == due.wanted() == due.decided().keys()
    assert all(len(times) == 1 for times in due.runs().values())
    leads = [line for line in site.logs().splitlines() if "leading" in line]
    assert len(leads) == 2, "one of the five, and after their end one of the two"
