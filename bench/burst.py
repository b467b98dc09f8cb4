"""N schedules due at one instant: how late is the last launch, and what does it cost?"""

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import redis

from bench.clock import now, sleep_until, wait_until
from bench.figures import Figures, keep, percentile
from bench.installation import Installation, document
from bench.processes import ROOT, Group, StubServer, checkout, peer_python
from worker.demo.valkey import EmbeddedRedis

LEAD_SECONDS = 20.0
"""From writing the schedules to the instant at which they are due: time to start and to settle."""

BETWEEN_SECONDS = 15.0
"""From a burst to the second one, which zenbeat meets with what it learnt in the first."""

PATIENCE_SECONDS = 90.0
QUIET_SECONDS = 2.0
"""How long after the last launch a doubled one may still come."""

CONFIG = {"steps": {"model_trainer": {"parameters": {"epochs": 3, "data_date": "{{ fire_time | date('%Y-%m-%d') }}"}}}}
"""What each schedule renders: small, with one expression."""

LABELS = {"celery_beat": "Celery beat, 16 threads, httpx", "celery_redbeat": "RedBeat, 16 threads, httpx"}
"""Module of the peer -> its row in the table."""

Results = dict[str, list[Figures]]


def burst(runs: int, schedules: int, systems: Sequence[str], before: str | None = None) -> None:
    """Measure the systems in turn, `runs` times, so that what else the machine does meets all of them alike.

    `before` is a revision of zenbeat to measure beside it, from a checkout of its own.
    """
    results: Results = {}
    with ExitStack() as stack:
        chosen = {name: SYSTEMS[name] for name in systems}
        if before is not None:
            tree = stack.enter_context(checkout(before))
            chosen[before] = partial(_zenbeat, name=f"zenbeat {before}", tree=tree)
        for number in range(runs):
            for name, system in chosen.items():
                print(f"run {number + 1} of {runs}: {name}", file=sys.stderr, flush=True)
                for row, figures in system(schedules).items():
                    results.setdefault(row, []).append(figures)
    file = "burst" if before is None else "burst-before"
    keep(file, {"schedules": schedules, "runs": runs}, results)


def _zenbeat(schedules: int, name: str = "zenbeat", tree: Path = ROOT) -> dict[str, Figures]:
    first = float(int(now() + LEAD_SECONDS))
    moments = {f"{name}, first burst": first, f"{name}, second burst": first + BETWEEN_SECONDS}
    text = document(
        schedules=[
            {"name": f"b{index}-{number}", "pipeline": "training", "at": _iso(due), "config": CONFIG}
            for index, due in enumerate(moments.values())
            for number in range(schedules)
        ]
    )
    found: dict[str, Figures] = {}
    with StubServer() as stub, Installation(stub.url, text, tree=tree) as zenbeat:
        for index, (row, due) in enumerate(moments.items()):
            done = (index + 1) * schedules
            found[row] = _measure(zenbeat.group, stub, due, schedules, lambda done=done: zenbeat.outcomes() >= done)
    return found


def _celery(script: str, schedules: int) -> dict[str, Figures]:
    """Celery's own beat, or RedBeat: sixteen threads with httpx; Redis without a file, which is their best case."""
    python, peers = peer_python(), str(ROOT / "bench" / "peers")
    with StubServer() as stub, TemporaryDirectory(prefix="zenbeat-bench-") as name:
        folder = Path(name)
        server = EmbeddedRedis(folder / "redis", persist=False)
        with server as url, redis.Redis.from_url(url) as client:
            group = Group(folder)
            group.count("redis", server.pid)
            due = _next_minute()
            extra = {
                "PYTHONPATH": peers,
                "BENCH_REDIS": url,
                "BENCH_URL": stub.url,
                "BENCH_SCHEDULES": str(schedules),
                "BENCH_DUE": str(due),
            }
            base = [python, "-m", "celery", "-A", script]
            try:
                group.start("worker", [*base, "worker", "-P", "threads", "-c", "16", "--loglevel", "WARNING"], extra)
                group.start("beat", [*base, "beat", "--loglevel", "WARNING"], extra)
                group.alive()
                return {LABELS[script]: _measure(group, stub, due, schedules, lambda: not client.llen("celery"))}
            finally:
                group.end()


def _apscheduler(schedules: int) -> dict[str, Figures]:
    """APScheduler on asyncio with aiohttp: one process, no store, no ledger."""
    with StubServer() as stub, TemporaryDirectory(prefix="zenbeat-bench-") as name:
        due = float(int(now() + LEAD_SECONDS))
        group = Group(Path(name))
        extra = {"BENCH_URL": stub.url, "BENCH_SCHEDULES": str(schedules), "BENCH_DUE": str(due)}
        try:
            group.start("scheduler", [peer_python(), str(ROOT / "bench" / "peers" / "apscheduler_asyncio.py")], extra)
            return {"APScheduler, asyncio, aiohttp": _measure(group, stub, due, schedules, lambda: True)}
        finally:
            group.end()


SYSTEMS: dict[str, Callable[[int], dict[str, Figures]]] = {
    "zenbeat": _zenbeat,
    "celery-beat": lambda schedules: _celery("celery_beat", schedules),
    "redbeat": lambda schedules: _celery("celery_redbeat", schedules),
    "apscheduler": _apscheduler,
}


def _measure(group: Group, stub: StubServer, due: float, expected: int, settled: Callable[[], bool]) -> Figures:
    """Watch one burst: cost counts from a second before it is due until everything is done and on record."""
    sleep_until(due - 1)
    group.alive()
    stub.reset()
    before = group.cpu()
    sleep_until(due)
    wait_until(lambda: stub.count() >= expected and settled(), PATIENCE_SECONDS, every=0.25)
    after = group.cpu()
    sleep_until(now() + QUIET_SECONDS)
    record = stub.record()
    times = Counter(name for _, name in record)
    late = [when - due for when, _ in record] or [PATIENCE_SECONDS]
    spent = {name: (after[name] - before[name]) / expected * 1000 for name in after}
    return {
        "first s": min(late),
        "p50 s": percentile(late, 0.5),
        "p99 s": percentile(late, 0.99),
        "last s": max(late),
        "drain s": max(late) - min(late),
        "CPU-s per 1,000": sum(spent.values()),
        "of it beat": spent.get("beat", 0.0),
        "worker": spent.get("worker", spent.get("scheduler", 0.0)),
        "redis": spent.get("redis", 0.0),
        "missing": expected - len(times),
        "doubled": len(record) - len(times),
    }


def _next_minute() -> float:
    """Give the next full minute that leaves time to start."""
    return (int(now() + LEAD_SECONDS) // 60 + 1) * 60.0


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()
