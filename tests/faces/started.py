"""A place where sweeps were started, with what a beat would have written of their trials."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from tests.faces.place import Place
from worker.domain.trial import TrialResult
from worker.engine.definitions import Backfill, decode_sweep
from worker.engine.runtime import Engine, clock
from worker.engine.sweeping import start, start_backfill
from worker.engine.trials import Points
from worker.settings import load_settings
from worker.source import lint
from worker.store.items import Item
from worker.store.sweeprows import SweepRow

BUCKETS = {"completed": "completed", "stopped": "stopped", "dead": "dead", "cancelled": "cancelled"}


async def ended(engine: Engine, identity: str, results: Sequence[TrialResult], next_one: int = 0) -> None:
    """Write how trials ended, without any trigger of theirs."""
    last = next_one or max((each.number for each in results), default=0) + 1
    commands: list[Any] = [("HSET", engine.keys.sweep(identity), "next", last)]
    for result in results:
        bucket = BUCKETS.get(result.fate, "failed")
        commands += [engine.sweeps.result(identity, result), *engine.sweeps.count(identity, **{bucket: 1})]
        if bucket not in ("dead", "cancelled"):
            commands += engine.sweeps.count(identity, started=1, runs=1)
            commands.append(engine.sweeps.took(identity, result.seconds or 0))
    await engine.triggers.record([Item(commands=commands)])


class Started(Place):
    """The same, with sweeps."""

    def settings(self) -> Any:
        return load_settings(self.environment)

    def start(self, name: str, key: str = "k") -> str:
        """Start a sweep of the file; gives its id."""
        (definition,) = [each for each in lint([self.folder]).sweeps if each.name == name]

        async def begin(engine: Engine) -> str:
            return (await start(engine, definition, key))[0]

        identity: str = self.ask(begin)
        return identity

    def backfill(self, backfill: Backfill) -> str:
        async def begin(engine: Engine) -> str:
            return (await start_backfill(engine, backfill, "k"))[0]

        identity: str = self.ask(begin)
        return identity

    def row(self, identity: str) -> SweepRow:
        row: SweepRow = self.ask(lambda engine: engine.sweeps.get(identity))
        return row

    def record(self, identity: str, count: int) -> None:
        """Record the next trials, as a beat would."""

        async def record(engine: Engine) -> None:
            row = await engine.sweeps.get(identity)
            assert row is not None
            points = Points(decode_sweep(await engine.sweeps.definition(identity)))
            entries = [
                each for number in range(row.next, row.next + count) for each in points.entries(row, number, clock())
            ]
            item = Item(sweep=identity, expected=str(row.next), cursor=str(row.next + count), entries=entries)
            await engine.triggers.record([item])

        self.ask(record)

    def results(self, identity: str, results: Mapping[int, TrialResult], next_one: int = 0) -> None:
        """Write how trials ended, without any trigger of theirs."""

        self.ask(lambda engine: ended(engine, identity, list(results.values()), next_one or max(results) + 1))

    def ended_ago(self, ids: Mapping[str, timedelta]) -> None:
        """Write when the runs of some triggers ended."""

        async def write(engine: Engine) -> None:
            for trigger, ago in ids.items():
                at = round((clock() - ago).timestamp() * 1000)
                await engine.redis.hset(engine.keys.trigger(trigger), mapping={"run_ended": at})  # type: ignore[misc]

        self.ask(write)


def completed(number: int, seconds: float = 60.0, **metrics: float) -> TrialResult:
    return TrialResult(
        number=number,
        fate="completed",
        metrics=metrics,
        seconds=seconds,
        run_id=f"run-{number}",
        url=f"http://z/runs/{number}",
    )


def failed(number: int, fate: str = "failed", reason: str = "step trainer: out of memory") -> TrialResult:
    return TrialResult(number=number, fate=fate, reason=reason, seconds=9.0, run_id=f"run-{number}")


Made = Callable[..., Started]
