"""What goes on in a soak beside the schedules: a sweep and a backfill, each counted run by run at its end."""

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from tests.crash.site import Site, wait
from worker.demo.zenml.runs import Run
from worker.domain.retry import RunRetry
from worker.domain.schedule import Schedule, SweepDefinition, Target
from worker.domain.sweep import parse_sweep
from worker.engine import sweeping
from worker.engine.definitions import Backfill
from worker.engine.past import Past
from worker.engine.runtime import Engine, open_engine
from worker.engine.trials import read_trials
from worker.settings import load_settings
from worker.source import lint
from worker.store.sweeps import SweepRow

Answer = TypeVar("Answer")

LR = "steps.model_trainer.parameters.lr"
SECONDS = {"steps": {"model_trainer": {"parameters": {"seconds": 0.2}}}}
RETRY = RunRetry(max_attempts=8, initial=timedelta(seconds=1), max=timedelta(seconds=4))
"""By chance alone, not one in ten million trials fails so often."""

PAST = "past"
SWEEP = "soak-sweep"

FILE = """
schedules:
  - name: past
    pipeline: training
    cron: "0 0 1 1 *"
    config: {steps: {model_trainer: {parameters: {seconds: 0.2}}}}
    retry: {run: {max_attempts: 8, initial: 1s, max: 4s}}
"""


@dataclass
class Trials:
    """A sweep and a backfill of one site."""

    site: Site
    ids: Sequence[str] = ()

    def begin(self, trials: int, fires: int) -> None:
        """Begin both."""
        (self.site.schedules / "past.yaml").write_text(FILE)
        sweep = parse_sweep(
            {
                "method": "random",
                "seed": 1,
                "run_cap": trials,
                "max_parallel": 8,
                "parameters": {LR: {"distribution": "uniform", "min": 0.001, "max": 0.1}},
            }
        )
        target = Target(pipeline="training", config=SECONDS)
        definition = SweepDefinition(name=SWEEP, target=target, sweep=sweep, run_retry=RETRY)
        first = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=30)  # noqa: TID251
        past = [first + timedelta(hours=hour) for hour in range(fires)]
        backfill = Backfill(schedule=PAST, fires=past, priority=-10, max_parallel=4)

        async def start(engine: Engine) -> list[str]:
            begun = (
                await sweeping.start(engine, definition, "soak"),
                await sweeping.start_backfill(engine, backfill, ""),
            )
            return [identity for identity, _ in begun]

        self.ids = self._with_engine(start)

    def pause(self, seconds: float, sleep: Callable[[float], None]) -> None:
        """Pause both for a while, as a person does."""

        async def pause(engine: Engine) -> None:
            for row in await self._rows(engine):
                await sweeping.pause(engine, row, "soak")

        async def resume(engine: Engine) -> None:
            for row in await self._rows(engine):
                await sweeping.resume(engine, row)

        self._with_engine(pause)
        sleep(seconds)
        self._with_engine(resume)

    def wait(self, seconds: float) -> None:
        """Wait until both are over."""
        wait(lambda: all(row.finished for row in self.rows()), "an end of the sweep and the backfill", seconds)

    def rows(self) -> list[SweepRow]:
        """Read both as they stand."""
        return self._with_engine(self._rows)

    def figures(self) -> dict[str, float]:
        """Compare the server's own list with what each trial should have had; tells what is not as it should be."""
        wanted = self._with_engine(self._wanted)
        rows = {row.id: row for row in self.rows()}
        found = {run.name: run for run in self.site.demo.state.runs.values()}
        now = self.site.demo.state.now()
        faults: Counter[str] = Counter()
        for (identity, number), names in wanted.items():
            fates = [found[name].status(now) if name in found else "" for name in names]
            for fault in _faults(fates):
                faults[fault] += 1
                print(
                    f"{rows[identity].name} {number}: {fault}: {dict(zip(names, fates, strict=True))}", file=sys.stderr
                )
        for row in rows.values():
            if not _adds_up(row):
                faults["rows that do not add up"] += 1
                print(row, file=sys.stderr)
        known = {name for names in wanted.values() for name in names}
        strange = [name for name in found if name.startswith((f"{SWEEP}-", f"{PAST}-")) and name not in known]
        if strange:
            print("no trial's:", strange, file=sys.stderr)
        return {
            "trials": float(len(wanted)),
            "runs of trials": float(sum(name in found for names in wanted.values() for name in names)),
            "trials missing": float(faults["missing"]),
            "trials doubled": float(faults["doubled"] + len(strange) + _twice(found.values(), now)),
            "out of order": float(faults["out of order"]),
            "rows that do not add up": float(faults["rows that do not add up"]),
        }

    async def _rows(self, engine: Engine) -> list[SweepRow]:
        return [row for row in await engine.sweeps.some(self.ids) if row is not None]

    async def _wanted(self, engine: Engine) -> Mapping[tuple[str, int], list[str]]:
        """Give the names that the runs of each trial may have, in their order."""
        schedules: dict[str, Schedule] = {each.name: each for each in lint([self.site.schedules]).schedules}
        past = Past(engine.pauses, engine.results, engine.sweeps)
        found = {}
        for row in await self._rows(engine):
            trials = await read_trials(engine.sweeps, row, schedules, past)
            for number in range(1, row.total + 1):
                again = [trials.again(row, number, runs, row.created) for runs in range(RETRY.max_attempts)]
                found[row.id, number] = [trigger.run_name for trigger in again]
        return found

    def _with_engine(self, work: Callable[[Engine], Awaitable[Answer]]) -> Answer:
        async def inside() -> Answer:
            environment = {**self.site.environment("beat"), "REDIS_URL": self.site.url, "ZENBEAT_HALT_FILE": ""}
            engine = open_engine(load_settings(environment, self.site.folder), _nobody)
            try:
                return await work(engine)
            finally:
                await engine.close()

        return asyncio.run(inside())


def _faults(fates: Sequence[str]) -> list[str]:
    """Say what is wrong with the runs of one trial: each but the last one failed, and that completed."""
    completed = fates.count("completed")
    faults = ["missing"] if completed == 0 else ["doubled"] if completed > 1 else []
    had = [fate for fate in fates if fate]
    if fates[: len(had)] != had or (completed == 1 and had[-1] != "completed"):
        faults.append("out of order")
    return faults


def _twice(runs: Iterable[Run], now: datetime) -> int:
    """Count the completed runs of the sweep that have the parameters of another one."""
    given = Counter(
        run.configuration["steps"]["model_trainer"]["parameters"]["lr"]
        for run in runs
        if run.name.startswith(f"{SWEEP}-") and run.status(now) == "completed"
    )
    return sum(times - 1 for times in given.values())


def _adds_up(row: SweepRow) -> bool:
    ended = row.completed + row.failed + row.stopped + row.dead + row.cancelled
    still = (row.open, row.running, row.measuring, row.known)
    return row.finished is not None and ended == row.recorded == row.total and not any(still)


async def _nobody(_: Sequence[str]) -> None:
    """Ring nobody: the beat does."""
