"""The dashboard of a large installation: how soon a page is there, how large it is, and many people who look at it."""

import asyncio
import json
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import httpx

from bench.clock import now, sleep_until, wait_until
from bench.doors import free_port
from bench.figures import Figures, keep, percentile
from bench.installation import KEYS, Installation
from bench.past import definitions, fill, schedule_names
from bench.processes import StubServer, with_plan
from bench.sweep import definition, start
from bench.viewers import Seen, Watch
from worker.web.now import KEPT_SECONDS

READY_SECONDS = 60.0
PATIENCE_SECONDS = 300.0

TRIALS = 1_000
LOOKS = 20
"""How often a page is asked for, after its first time."""

MORE_SECONDS = 2.0
"""How much longer the viewers look than outcomes come: the last ones are on their way."""

ANEW = 8
"""How often *Now* is asked for when nothing is kept of the time before."""

ASSET = re.compile(r'(?:href|src)="(/assets/[^"]+\.(?:css|js))"')
CHARTS = "echarts"
"""The library of the sweep's charts: its page alone has it, and it counts by itself."""


def dashboard(runs: int, schedules: int, outcomes: int, viewers: int, rate: int, seconds: int) -> None:
    """Measure with so many schedules and outcomes; each run has a fresh API."""
    first: list[Figures] = []
    pages: dict[str, list[Figures]] = {}
    live: list[Figures] = []
    with StubServer(ends=True) as stub, Filled(stub.url, schedules, outcomes) as zenbeat:
        asyncio.run(start(zenbeat))
        if not wait_until(lambda: _over(zenbeat), PATIENCE_SECONDS):
            raise RuntimeError("the sweep did not end")
        for number in range(runs):
            print(f"run {number + 1} of {runs}", file=sys.stderr, flush=True)
            with api(zenbeat) as url:
                first.append({**_page(zenbeat, url, "/"), **_read_anew(url)})
                for page, path in _paths(zenbeat).items():
                    pages.setdefault(page, []).append(_page(zenbeat, url, path))
                live.append(_live(zenbeat, url, viewers, rate, seconds))
            print(first[-1], live[-1], file=sys.stderr, flush=True)
    size = {"schedules": schedules, "outcomes": outcomes, "runs": runs}
    keep("dashboard", size, {"Now": first})
    keep("dashboard-pages", size, pages)
    keep("dashboard-live", {**size, "viewers": viewers, "a second": rate, "seconds": seconds}, {"/live": live})


def _over(zenbeat: Installation) -> bool:
    """Tell whether the sweep has come and gone."""
    return bool(zenbeat.redis.zcard(KEYS.sweeps)) and not zenbeat.redis.scard(KEYS.active_sweeps)


class Filled(Installation):
    """An installation that has run for days."""

    def __init__(self, url: str, schedules: int, outcomes: int) -> None:
        sweeps = json.loads(definition(TRIALS))["sweeps"]
        super().__init__(url, definitions(schedules, sweeps=sweeps), extra={"ZENBEAT_MAX_IN_FLIGHT": "64"})
        self._size = schedules, outcomes

    def _start(self) -> None:
        moment = datetime.now(UTC)  # noqa: TID251 - the past of this installation ends now
        asyncio.run(fill(self.redis_url, *self._size, moment))
        super()._start()


@contextmanager
def api(zenbeat: Installation) -> Iterator[str]:
    """Start a fresh API; gives its address when it says that it is alive."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    zenbeat.group.start("api", [sys.executable, "-m", "worker", "api", "--port", str(port)], zenbeat.environment)

    def alive() -> bool:
        zenbeat.group.alive()
        try:
            return httpx.get(f"{url}/healthz").is_success
        except httpx.TransportError:
            return False

    if not wait_until(alive, READY_SECONDS, every=0.02):
        raise RuntimeError(f"the API is not there within {READY_SECONDS} s")
    try:
        yield url
    finally:
        zenbeat.group.kill("api")


def _page(zenbeat: Installation, url: str, path: str) -> Figures:
    """Ask for a page: for the first time of this process, and then as browsers do."""
    with httpx.Client(base_url=url, timeout=PATIENCE_SECONDS) as client:
        cold = zenbeat.group.cpu()["api"]
        begin = _asked(client, path)
        before = zenbeat.group.cpu()["api"]
        later = [_asked(client, path) for _ in range(LOOKS)]
        return {
            "first ms": begin * 1000,
            "of it CPU ms": (before - cold) * 1000,
            "later p50 ms": percentile(later, 0.5) * 1000,
            "later max ms": max(later) * 1000,
            "CPU ms a page": (zenbeat.group.cpu()["api"] - before) / LOOKS * 1000,
            **_size(client, path),
        }


def _read_anew(url: str) -> Figures:
    """Ask for *Now* so seldom that each time everything is read anew, and nothing that was kept for others is given."""
    with httpx.Client(base_url=url, timeout=PATIENCE_SECONDS) as client:
        took = []
        for _ in range(ANEW):
            time.sleep(1.2 * KEPT_SECONDS)
            took.append(_asked(client, "/"))
    return {"anew p50 ms": percentile(took, 0.5) * 1000, "anew max ms": max(took) * 1000}


def _asked(client: httpx.Client, path: str) -> float:
    begin = time.perf_counter()
    client.get(path).raise_for_status()
    return time.perf_counter() - begin


def _size(client: httpx.Client, path: str) -> Figures:
    """Count the bytes of a page as they are sent, and of the style sheets and scripts that it names."""
    page = client.get(path)
    sizes: dict[str, float] = {"HTML KiB": page.num_bytes_downloaded / 1024, "CSS and scripts KiB": 0, "charts KiB": 0}
    for asset in dict.fromkeys(ASSET.findall(page.text)):
        name = "charts KiB" if CHARTS in asset else "CSS and scripts KiB"
        sizes[name] += client.get(asset).raise_for_status().num_bytes_downloaded / 1024
    return sizes


def _paths(zenbeat: Installation) -> Mapping[str, str]:
    """Give every kind of page, with one to look at."""
    redis: Any = zenbeat.redis
    return {
        "Schedules": "/schedules",
        "a schedule": f"/schedules/{schedule_names(1)[0]}",
        "Triggers": "/triggers",
        "a trigger": f"/triggers/{redis.zrevrange(KEYS.triggers, 0, 0)[0]}",
        "Sweeps": "/sweeps",
        f"a sweep of {TRIALS} trials": f"/sweeps/{redis.zrange(KEYS.sweeps, 0, 0)[0]}",
        "Servers": "/servers",
        "Dead letters": "/dead",
        "Cron lab": "/cron?cron=0+2+*+*+*&timezone=Europe/Berlin",
    }


def _live(zenbeat: Installation, url: str, viewers: int, rate: int, seconds: int) -> Figures:
    """Let outcomes come while people look."""
    watch = Watch(url=f"{url}/live", viewers=viewers, seconds=seconds + MORE_SECONDS)
    with with_plan("bench.viewers", asdict(watch)) as process:
        assert process.stdout is not None
        process.stdout.readline()
        before, begin = zenbeat.group.cpu(), time.monotonic()
        written = _come(zenbeat, rate, seconds)
        cpu = (zenbeat.group.cpu()["api"] - before["api"]) / (time.monotonic() - begin)
        seen = Seen(**json.loads(process.stdout.read()))
    return {
        "events a viewer": len(seen.delays) / viewers,
        "of": written,
        "delay p50 ms": percentile(seen.delays, 0.5) * 1000,
        "delay p99 ms": percentile(seen.delays, 0.99) * 1000,
        "delay max ms": max(seen.delays) * 1000,
        "CPU %, API": cpu * 100,
        "RSS MiB, API": zenbeat.group.rss()["api"],
        "MiB sent a second": seen.bytes / seconds / 2**20,
        "streams that ended": seen.ended,
    }


def _come(zenbeat: Installation, rate: int, seconds: int) -> int:
    """Write outcomes evenly; gives how many."""
    redis: Any = zenbeat.redis
    ((_, like),) = redis.xrevrange(KEYS.outcomes, count=1)
    begin = now()
    for number in range(rate * seconds):
        sleep_until(begin + number / rate)
        redis.xadd(KEYS.outcomes, {**like, "at": datetime.now(UTC).isoformat()})  # noqa: TID251 - as a worker's clock
    return rate * seconds
