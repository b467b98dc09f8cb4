"""A large random sweep through one worker process: launches a second."""

import asyncio
import sys
from collections.abc import Sequence

from bench.clock import now, wait_until
from bench.figures import Figures, keep
from bench.installation import Installation, document
from bench.processes import StubServer
from worker.engine.runtime import open_engine
from worker.settings import load_settings
from worker.source import lint

PATIENCE_SECONDS = 300.0


def sweep(runs: int, trials: int) -> None:
    """Measure, `runs` times, each with fresh processes."""
    found = []
    for number in range(runs):
        print(f"run {number + 1} of {runs}", file=sys.stderr, flush=True)
        found.append(_measure(trials))
    keep("sweep", {"trials": trials, "runs": runs}, {"zenbeat": found})


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


def _measure(trials: int) -> Figures:
    with StubServer() as stub, Installation(stub.url, definition(trials)) as zenbeat:
        before = zenbeat.group.cpu()
        begin = now()
        asyncio.run(start(zenbeat))
        wait_until(lambda: zenbeat.outcomes() >= trials, PATIENCE_SECONDS, every=0.25)
        after = zenbeat.group.cpu()
        record = stub.record()
        names = {name for _, name in record}
        times = sorted(when for when, _ in record)
        spent = {name: (after[name] - before[name]) / trials * 1000 for name in after}
        return {
            "launches a second": len(record) / (times[-1] - times[0]),
            "all sent after s": times[-1] - begin,
            "CPU-s per 1,000": sum(spent.values()),
            **{f"of it {name}": value for name, value in spent.items()},
            "missing": trials - len(names),
            "doubled": len(record) - len(names),
        }


async def start(zenbeat: Installation) -> None:
    """Start the sweep as the command does: written to Redis, taken up by the beat."""
    settings = load_settings(zenbeat.environment, zenbeat.folder)
    engine = open_engine(settings, _nobody)
    try:
        (defined,) = lint([settings.schedules_dir]).sweeps
        await engine.fanout.start(defined, "bench")
    finally:
        await engine.close()


async def _nobody(_: Sequence[str]) -> None:
    """Ring nobody: the beat does."""
