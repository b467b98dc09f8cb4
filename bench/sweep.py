"""A large random sweep through one worker process, beside what one would write instead."""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.clock import now, sleep_until, wait_until
from bench.figures import Figures, keep
from bench.installation import Installation, document
from bench.processes import ROOT, Group, StubServer, peer_python
from worker.demo.valkey import EmbeddedRedis
from worker.engine import sweeping
from worker.engine.runtime import open_engine
from worker.settings import load_settings
from worker.source import lint

PATIENCE_SECONDS = 300.0

SECONDS_A_TRIAL = 0.02
"""Patience for a larger sweep: none of the systems is as slow as fifty launches a second."""

LEAD_SECONDS = 10.0
"""Time for a peer's processes to start and to settle."""

QUIET_SECONDS = 2.0
"""How long after the last launch a doubled one may still come."""

LOOKED_AT = 10_000
"""Trials after which the memory is read, to be compared with that at the end of a larger sweep."""

CORES = "2"

Memory = Mapping[int, Mapping[str, float]]
"""Resident memory of each process in MiB, by the trials that were done."""


def sweep(runs: int, trials: int, systems: Sequence[str]) -> None:
    """Measure the systems in turn, `runs` times, each with fresh processes."""
    found: dict[str, list[Figures]] = {}
    memory: dict[str, list[Figures]] = {}
    for number in range(runs):
        for name in systems:
            print(f"run {number + 1} of {runs}: {name}", file=sys.stderr, flush=True)
            row, system = SYSTEMS[name]
            figures, looks = system(trials)
            found.setdefault(row, []).append(figures)
            for done, rss in looks.items():
                memory.setdefault(f"{row}, after {done}", []).append(_by_role("RSS MiB", rss))
    setting = {"trials": trials, "runs": runs}
    keep("sweep", setting, found)
    if trials > LOOKED_AT:
        keep("sweep-memory", setting, memory)


def definition(trials: int) -> str:
    """Write a schedule file with the sweep."""
    return document(
        sweeps=[
            {
                "name": "bench",
                "pipeline": "training",
                "method": "random",
                "seed": 7,
                "run_cap": trials,
                "parameters": {
                    "steps.model_trainer.parameters.lr": {
                        "distribution": "log_uniform_values",
                        "min": 0.0001,
                        "max": 0.1,
                    },
                    "steps.model_trainer.parameters.epochs": {"distribution": "int_uniform", "min": 1, "max": 9},
                },
            }
        ]
    )


def _zenbeat(trials: int) -> tuple[Figures, Memory]:
    with StubServer() as stub, Installation(stub.url, definition(trials)) as zenbeat:

        def begin() -> float:
            moment = now()
            asyncio.run(start(zenbeat))
            return moment

        return _watch(zenbeat.group, stub, trials, zenbeat.recorded, begin)


def _celery(trials: int) -> tuple[Figures, Memory]:
    """A `group` of one task for each trial; Redis without a file, which is its best case."""
    with StubServer() as stub, TemporaryDirectory(prefix="zenbeat-bench-") as name:
        server = EmbeddedRedis(Path(name) / "redis", persist=False)
        with server as url:
            group = Group(Path(name))
            group.count("redis", server.pid)
            extra = {"BENCH_REDIS": url, "PYTHONPATH": str(ROOT / "bench" / "peers")}
            worker = ["-m", "celery", "-A", "sweep_celery", "worker", "-c", CORES, "--loglevel", "WARNING"]
            commands = {"worker": worker, "sender": [str(ROOT / "bench" / "peers" / "sweep_celery.py")]}
            return _peer(group, stub, trials, commands, extra)


def _asyncio(trials: int) -> tuple[Figures, Memory]:
    """A loop in one process, which remembers nothing."""
    with StubServer() as stub, TemporaryDirectory(prefix="zenbeat-bench-") as name:
        commands = {"worker": [str(ROOT / "bench" / "peers" / "sweep_asyncio.py")]}
        return _peer(Group(Path(name)), stub, trials, commands, {})


def _peer(
    group: Group, stub: StubServer, trials: int, commands: Mapping[str, Sequence[str]], extra: Mapping[str, str]
) -> tuple[Figures, Memory]:
    python = peer_python()
    due = now() + LEAD_SECONDS
    told = {"BENCH_URL": stub.url, "BENCH_TRIALS": str(trials), "BENCH_DUE": str(due), **extra}

    def begin() -> float:
        sleep_until(due)
        return due

    try:
        for name, command in commands.items():
            group.start(name, [python, *command], told)
        sleep_until(due - 1)
        return _watch(group, stub, trials, stub.count, begin)
    finally:
        group.end()


SYSTEMS: Mapping[str, tuple[str, Callable[[int], tuple[Figures, Memory]]]] = {
    "zenbeat": ("zenbeat", _zenbeat),
    "celery": ("Celery group, 2 processes, httpx", _celery),
    "asyncio": ("asyncio, aiohttp, 64 at once", _asyncio),
}
"""Name -> its row in the table, and how it is measured."""


def _watch(
    group: Group, stub: StubServer, trials: int, done: Callable[[], int], begin: Callable[[], float]
) -> tuple[Figures, Memory]:
    """Watch one sweep, from its beginning until everything is done and, where there is a record, on it."""
    group.alive()
    before = group.cpu()
    moment = begin()
    patience = max(PATIENCE_SECONDS, SECONDS_A_TRIAL * trials)
    memory: dict[int, Mapping[str, float]] = {}
    for mark in sorted({min(LOOKED_AT, trials), trials}):
        wait_until(lambda mark=mark: done() >= mark, patience, every=0.25)
        group.alive()
        memory[mark] = group.rss()
    after, peak = group.cpu(), group.peak()
    sleep_until(now() + QUIET_SECONDS)
    record = stub.record()
    names = Counter(name for _, name in record)
    times = sorted(when for when, _ in record)
    spent = {name: (after[name] - before[name]) / trials * 1000 for name in after}
    figures = {
        "launches a second": len(record) / (times[-1] - times[0]),
        "first POST after s": times[0] - moment,
        "all sent after s": times[-1] - moment,
        "CPU ms a trial": sum(spent.values()),
        **_by_role("of it", spent),
        **_by_role("peak MiB", peak),
        "missing": trials - len(names),
        "doubled": len(record) - len(names),
    }
    return figures, memory


def _by_role(what: str, values: Mapping[str, float]) -> Figures:
    """Name the figures of the processes alike for all systems; what a system does not have costs nothing."""
    senders = values.get("beat", values.get("sender", 0.0))
    roles = {"beat or sender": senders, "worker": values.get("worker", 0.0), "redis": values.get("redis", 0.0)}
    return {f"{what} {role}": value for role, value in roles.items()}


async def start(zenbeat: Installation) -> None:
    """Start the sweep as the command does: written to Redis, taken up by the beat."""
    settings = load_settings(zenbeat.environment, zenbeat.folder)
    engine = open_engine(settings, _nobody)
    try:
        (defined,) = lint([settings.schedules_dir]).sweeps
        await sweeping.start(engine, defined, "bench")
    finally:
        await engine.close()


async def _nobody(_: Sequence[str]) -> None:
    """Ring nobody: the beat does."""
