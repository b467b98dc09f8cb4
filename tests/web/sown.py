"""Sweeps on record, with what a beat would have written of their trials."""

from pathlib import Path
from typing import Any

from tests.faces.started import completed, ended, failed
from worker.engine.definitions import Backfill
from worker.engine.runtime import Engine
from worker.engine.sweeping import start, start_backfill
from worker.source.inline import build_sweep
from worker.store.sweeprows import SweepRow

__all__ = ["completed", "ended", "failed"]

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


async def half(engine: Engine, **more: Any) -> str:
    """Begin a sweep of 40 trials, of which 20 are through: 17 completed, two failed, one was stopped."""
    identity = await begun(engine, **more)
    results = [completed(number, accuracy=(number * 7 % 18) / 20) for number in range(1, 18)]
    results += [failed(18), failed(19, "vanished", "its run is not there any more")]
    await ended(
        engine, identity, [*results, failed(20, "stopped", "at epoch 2 its accuracy 0.1 is not among the best")]
    )
    return identity
