"""Sweeps on record, with what a beat would have written of their trials."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.faces.started import BUCKETS, completed, failed
from worker.domain.trial import TrialResult
from worker.engine.definitions import Backfill
from worker.engine.runtime import Engine
from worker.engine.sweeping import start, start_backfill
from worker.source.inline import build_sweep
from worker.store.items import Item
from worker.store.sweeprows import SweepRow

__all__ = ["completed", "failed"]

LR = "steps.model_trainer.parameters.lr"
MODEL = "steps.model_trainer.parameters.model_type"
NASTY = "<script>alert(1)</script>"


def words(**more: Any) -> dict[str, Any]:
    """Give a definition as somebody writes it."""
    return {
        "name": "rates",
        "pipeline": "training",
        "method": "random",
        "run_cap": 40,
        "seed": 7,
        "metric": {"name": "accuracy", "goal": "maximize", "target": 0.99},
        "parameters": {
            LR: {"distribution": "log_uniform_values", "min": 0.0001, "max": 0.1},
            MODEL: {"values": ["rf", NASTY]},
        },
        **more,
    }


async def begun(engine: Engine, key: str = "k", **more: Any) -> str:
    """Begin a sweep; gives its id."""
    definition = build_sweep(words(**more), Path()).definition
    return (await start(engine, definition, key))[0]


async def backfilled(engine: Engine, backfill: Backfill) -> str:
    """Begin a backfill; gives its id."""
    return (await start_backfill(engine, backfill, "k"))[0]


async def row_of(engine: Engine, identity: str) -> SweepRow:
    """Read how it stands."""
    row = await engine.sweeps.get(identity)
    assert row is not None
    return row


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


async def half(engine: Engine, **more: Any) -> str:
    """Begin a sweep of 40 trials, of which 20 are through: 17 completed, two failed, one was stopped."""
    identity = await begun(engine, **more)
    results = [completed(number, accuracy=(number * 7 % 18) / 20) for number in range(1, 18)]
    results += [failed(18), failed(19, "vanished", "its run is not there any more")]
    await ended(
        engine, identity, [*results, failed(20, "stopped", "at epoch 2 its accuracy 0.1 is not among the best")]
    )
    return identity
