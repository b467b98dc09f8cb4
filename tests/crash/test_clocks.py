"""Clocks that are wrong, by libfaketime: Redis' own, by which everything goes, and a worker's."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from .site import Site, wait

LIBRARY = next(iter(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)

TICKING = "schedules:\n  - {name: ticking, pipeline: training, every: 1s}\n"


def faked(file: Path) -> dict[str, str]:
    """Variables for a process whose wall clock goes by a file; its other clocks stay right."""
    assert LIBRARY is not None, "apt-get install faketime"
    file.write_text("+0")
    return {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


@pytest.fixture
def clock(tmp_path: Path) -> Path:
    """The file that says how far Redis' clock is off."""
    return tmp_path / "clock"


@pytest.fixture
def site(tmp_path: Path, clock: Path) -> Iterator[Site]:
    with Site(tmp_path / "site", valkey=faked(clock)) as site:
        site.complete()
        yield site


def fired(site: Site) -> int:
    return int(site.redis.zcard("zenbeat:ledger:ticking"))


def test_jumps_of_redis_clock_start_nothing_twice_and_stop_nothing(site: Site, clock: Path) -> None:
    site.define(TICKING)
    wait(lambda: fired(site) >= 2, "the first fires")
    for offset in ("+5s", "+1h", "+0", "-1h", "+3d", "+0"):
        clock.write_text(offset)
        count = len(site.demo.state.runs)
        wait(lambda count=count: len(site.demo.state.runs) >= count + 4, f"runs with a clock at {offset}", 30)
    site.define("schedules: []")
    wait(lambda: "schedule removed" in site.logs(), "the end of the schedule")
    wait(lambda: not site.redis.zcard("zenbeat:inflight:default"), "the last run")
    names = Counter(run.name for run in site.demo.state.runs.values())
    assert set(names.values()) == {1}, "each fire time once, also those that came twice by the clock"
    said = [line for line in site.logs().splitlines() if "clock jumped" in line]
    # How far it jumped depends on what the beat that tells it heard last: 3d, 3d1h, or 2d23h.
    assert any(re.search(r"ERROR .* forward by [23]d", line) for line in said), "a jump of days is alarming"
    assert "Traceback" not in site.logs()


@pytest.mark.parametrize("offset", ["+2h", "-2h"])
def test_a_worker_whose_clock_is_wrong_starts_everything_once_and_in_time(offset: str, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    with Site(tmp_path / "site") as site:
        site.start("worker", **faked(wrong))
        wrong.write_text(offset)
        site.complete()
        # What is tried again waits by Redis' clock, too.
        site.demo.faults.add("status", match="POST .*/runs$", status=500, times=4)
        due = site.due("wrong", seconds=8)
        due.complete()
        assert due.runs().keys() == due.wanted() == due.decided().keys()
        assert all(len(times) == 1 for times in due.runs().values())
        assert due.lateness() <= 10.0
        told = [
            int(fields["lateness_ms"])
            for _, fields in site.redis.xrange("zenbeat:outcomes")
            if fields["status"] == "started"
        ]
        assert max(told) <= 15_000, "also what is told of it"
