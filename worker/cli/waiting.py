"""Wait for what was started, with a line that says how far it is."""

import asyncio

from rich.console import Console
from rich.status import Status as Line

from worker.cli.lazy import FAILED
from worker.cli.output import say
from worker.domain.errors import NotSent
from worker.domain.trigger import TriggerState
from worker.engine.runtime import Engine

EVERY_SECONDS = 1.0

GOOD = frozenset({"completed", "cached", "skipped"})
BAD = frozenset({"failed", "stopped", "cancelled", "retried"})


async def wait_for_end(identity: str, seconds: float | None, engine: Engine) -> int:
    """Wait until a trigger's run has ended; gives the exit code."""
    try:
        async with asyncio.timeout(seconds):
            with Line("waiting", console=Console(stderr=True)) as line:
                return await _follow(identity, engine, line)
    except TimeoutError:
        say(f"Not ended within {seconds:g} s; see: zenbeat trigger show {identity}")
        return FAILED


async def _follow(identity: str, engine: Engine, line: Line) -> int:
    while True:
        (found,) = await engine.triggers.get([identity])
        state = found.get("state", "")
        if state == TriggerState.STARTED:
            return await _follow_run(found["run_id"], engine, line)
        if state not in {TriggerState.WAITING, TriggerState.DISPATCHED, TriggerState.CLAIMED}:
            say(f"{state or 'unknown'}: {found.get('reason', 'nothing more is known')}")
            return FAILED
        reason = f" ({found['reason']})" if found.get("reason") else ""
        line.update(f"{state}{reason}")
        await asyncio.sleep(EVERY_SECONDS)


async def _follow_run(run_id: str, engine: Engine, line: Line) -> int:
    while True:
        try:
            run = await engine.zenml.run(run_id)
        except NotSent as error:
            line.update(f"run {run_id}: {error}")
        else:
            if run.status in GOOD | BAD:
                reason = f": {run.status_reason}" if run.status_reason else ""
                say(f"{run.status}{reason} {run.url or run.id}")
                return 0 if run.status in GOOD else FAILED
            line.update(f"run {run.name}: {run.status}")
        await asyncio.sleep(EVERY_SECONDS)
