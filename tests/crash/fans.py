"""A sweep, or a backfill, of a few dozen runs, and who is killed while it goes on."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from worker.cli.doors import with_engine
from worker.demo.zenml.runs import Run
from worker.domain.schedule import SweepDefinition, Target
from worker.domain.sweep import parse_sweep
from worker.engine import sweeping
from worker.engine.backfilling import Wish, find_fires, key_of, make_backfill
from worker.engine.halting import Point
from worker.engine.runtime import Engine
from worker.settings import load_settings
from worker.source import lint
from worker.store.sweeprows import SweepRow

from .site import Site, wait

TRIALS = 24
AT_ONCE = 8
"""So that trials are recorded in several goes: each makes room for the next."""

AWAY_SECONDS = 1.0

LR = "steps.model_trainer.parameters.lr"
QUICK = {"steps": {"model_trainer": {"parameters": {"seconds": 0.1}}}}
BEGIN = datetime(2026, 3, 1, 1, tzinfo=UTC)

BEAT = (
    Point.BEFORE_TRIALS,
    Point.AFTER_TRIALS,
    Point.BEFORE_DISPATCH,
    Point.AFTER_DISPATCH,
    Point.BEFORE_PUBLISH,
    Point.AFTER_PUBLISH,
    Point.BEFORE_LOOK,
    Point.AFTER_LOOK,
    Point.BEFORE_REACT,
    Point.AFTER_REACT,
)
MEASURING = (Point.BEFORE_MEASURE, Point.AFTER_MEASURE)
WORKER = (
    Point.BEFORE_CLAIM,
    Point.AFTER_CLAIM,
    Point.BEFORE_POST,
    Point.ANSWER_READ,
    Point.BEFORE_SETTLE,
    Point.AFTER_SETTLE,
)
BOTH = (Point.BEFORE_TRIALS, Point.AFTER_TRIALS, *MEASURING, Point.BEFORE_REACT, Point.ANSWER_READ)
"""Where it makes a difference that nobody takes over at once."""


@dataclass(frozen=True, slots=True)
class FanCell:
    """One row of the table."""

    what: str
    """`sweep` or `backfill`."""
    role: str
    """`beat` or `worker`."""
    point: str
    killed: str

    @property
    def name(self) -> str:
        return f"{self.what}: {self.point}: {self.killed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fan:
    """What became of a cell."""

    trials: int
    """Trials, or fire times, that there should be a run of."""
    runs: int
    """Runs on the server."""
    distinct: int
    """Trials, or fire times, that these runs are of, by what they were started with."""
    row: SweepRow
    """How zenbeat has counted."""
    measured: int
    """Trials whose metric is known."""


def cells(what: str) -> Iterator[FanCell]:
    """Give every cell of a sweep, or of a backfill."""
    beat = (*BEAT, *MEASURING) if what == "sweep" else BEAT
    for role, points in (("beat", beat), ("worker", WORKER)):
        for point in points:
            yield FanCell(what, role, point, role)
            if point in BOTH:
                yield FanCell(what, role, point, f"both {role}s")
    for point in (Point.BEFORE_TRIALS, Point.AFTER_TRIALS):
        yield FanCell(what, "beat", point, "Valkey")


def strike(cell: FanCell, site: Site, number: int) -> Fan:
    """Let it go on for a while, kill who is to be killed, wait for its end, and count."""
    site.complete()
    name = f"{cell.what}{number}"
    begin = _begin_sweep if cell.what == "sweep" else _begin_backfill
    identity, wanted = begin(site, name)
    wait(lambda: len(_runs(site, name)) >= AT_ONCE, f"the first runs of {name}")
    site.halt(cell.role, cell.point)
    victim = site.halted(cell.role)
    if cell.killed == "Valkey":
        site.kill_valkey()
        site.kill(victim)
        time.sleep(AWAY_SECONDS)
        site.valkey.start()
    else:
        site.kill(*(site.processes[cell.role] if cell.killed.startswith("both") else [victim]))
    site.complete()
    wait(lambda: _row(site, identity).finished, lambda: str(_row(site, identity)))
    runs, row = _runs(site, name), _row(site, identity)
    results = _ask(site, lambda engine: engine.sweeps.all_results(row))
    marks = Counter(_mark(cell, run) for run in runs)
    return Fan(
        trials=TRIALS,
        runs=len(runs),
        distinct=len(marks.keys() & wanted),
        row=row,
        measured=sum(bool(result.metrics) for result in results.values()),
    )


def _begin_sweep(site: Site, name: str) -> tuple[str, set[str]]:
    """Begin a sweep; gives its id, and what each of its trials is told by."""
    sweep = parse_sweep(
        {
            "method": "random",
            "run_cap": TRIALS,
            "max_parallel": AT_ONCE,
            "metric": {"name": "accuracy", "goal": "maximize"},
            "parameters": {LR: {"min": 0.001, "max": 0.1}},
        }
    )
    definition = SweepDefinition(name=name, target=Target(pipeline="training", config=QUICK), sweep=sweep)
    identity, _ = _ask(site, lambda engine: sweeping.start(engine, definition, "key"))
    return identity, {str(sweep.trial(number)[LR]) for number in range(1, TRIALS + 1)}


def _begin_backfill(site: Site, name: str) -> tuple[str, set[str]]:
    """Begin a backfill of a schedule that is not due meanwhile; gives its id, and what each fire time is told by."""
    config = "{steps: {model_trainer: {parameters: {seconds: 0.1}}}}"
    rules = f'{{name: {name}, pipeline: training, cron: "0 1 * * *", config: {config}}}'
    site.define(f"schedules:\n  - {rules}\n")
    wait(lambda: site.redis.hget("zenbeat:cursors:0", name), "a schedule that is considered")
    (schedule,) = lint([site.schedules]).schedules
    wish = Wish(begin=BEGIN, end=BEGIN + timedelta(days=TRIALS - 1), max_parallel=AT_ONCE)
    fires = find_fires(schedule, wish).fires
    backfill = make_backfill(schedule, wish, fires)
    identity, _ = _ask(site, lambda engine: sweeping.start_backfill(engine, backfill, key_of(backfill)))
    return identity, {f"{fire:%Y%m%dT%H%M%SZ}" for fire in fires}


def _mark(cell: FanCell, run: Run) -> str:
    """Give what tells of which trial, or fire time, a run is."""
    if cell.what == "sweep":
        return str(run.configuration["steps"]["model_trainer"]["parameters"]["lr"])
    return str(run.name.split("-")[-2])


def _runs(site: Site, name: str) -> list[Run]:
    return [run for run in site.demo.state.runs.values() if run.name.startswith(f"{name}-")]


def _row(site: Site, identity: str) -> SweepRow:
    row: SweepRow = _ask(site, lambda engine: engine.sweeps.get(identity))
    return row


def _ask(site: Site, work: Any) -> Any:
    async def asked(engine: Engine) -> Any:
        return await work(engine)

    return with_engine(asked, load_settings(site.environment("beat"), site.folder, join=False))
