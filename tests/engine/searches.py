"""Sweeps over the demo's training, whose runs are over at once unless a test wants them to go on."""

from typing import Any

from tests.engine.night import Night
from worker.domain.schedule import SweepDefinition, Target
from worker.domain.sweep import parse_sweep
from worker.domain.trial import TrialResult
from worker.render import merge

LR = "steps.model_trainer.parameters.lr"
METRIC = {"name": "accuracy", "goal": "maximize"}


def seconds(length: float) -> dict[str, Any]:
    """Give the configuration of runs that take so long."""
    return {"steps": {"model_trainer": {"parameters": {"seconds": length}}}}


LONG = seconds(600.0)


def definition(cap: int, config: Any = None, **more: Any) -> SweepDefinition:
    """Define a random sweep of so many trials; more words make it another one."""
    given = {"method": "random", "parameters": {LR: {"min": 0.001, "max": 0.1}}, **more}
    sweep = parse_sweep({**given, "run_cap": cap} if given["method"] != "grid" else given)
    return SweepDefinition(
        name="lr", target=Target(pipeline="training", config=merge(seconds(0.0), config or {})), sweep=sweep
    )


def grid(*values: float, config: Any = None, **more: Any) -> SweepDefinition:
    """Define a grid over some learning rates."""
    return definition(0, config, method="grid", parameters={LR: {"values": list(values)}}, **more)


async def results(n: Night, identity: str) -> dict[int, TrialResult]:
    """Read how the trials of a sweep ended."""
    return await n.engine.sweeps.all_results(await n.sweep(identity))


async def running(n: Night, identity: str, count: int) -> dict[int, str]:
    """Go on until so many trials run; gives the ids of their runs."""

    async def enough() -> bool:
        return (await n.sweep(identity)).running >= count

    await n.until(enough)
    return {number: str(run.id) for number, run in n.trials(identity).items()}


async def true(value: bool) -> bool:
    """Give a value to who waits for one."""
    return value
