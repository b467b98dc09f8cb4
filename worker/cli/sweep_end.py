"""Wait for the end of a sweep or backfill, with a bar that says how far it is."""

import asyncio
from functools import partial

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from worker.cli.doors import with_engine
from worker.cli.lazy import FAILED, INTERRUPTED
from worker.cli.output import printable, say
from worker.cli.sweeps import summary, told
from worker.domain.errors import InvalidInput
from worker.engine.runtime import Engine
from worker.engine.sweepstanding import done
from worker.store.sweeprows import Kind, SweepRow

EVERY_SECONDS = 0.5
TELL_EVERY = 60
"""Looks, from one line of a log to the next."""


def wait_for_sweep(identity: str, timeout: float | None = None) -> int:
    """Wait until nothing of a sweep goes on; gives the exit code: 1 if a trial failed, or a backfill was cut short."""
    try:
        return with_engine(partial(_wait, identity, timeout))
    except KeyboardInterrupt:
        say(f"It goes on; end it with: zenbeat sweep cancel {identity}")
        return INTERRUPTED


async def _wait(identity: str, seconds: float | None, engine: Engine) -> int:
    try:
        async with asyncio.timeout(seconds):
            row = await _until_over(identity, engine)
    except TimeoutError:
        say(f"Not over within {seconds:g} s; see: zenbeat sweep show {identity}")
        return FAILED
    say(summary(row))
    # A sweep may end early because it has found what it was looking for.
    cut_short = row.kind is Kind.BACKFILL and row.ended
    return FAILED if row.failed or row.dead or cut_short else 0


async def _until_over(identity: str, engine: Engine) -> SweepRow:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    if not await engine.heartbeats.alive("beat"):
        say("No beat is alive; it goes on when there is one.")
    screen = Console(stderr=True)
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as progress:
        row = await _read(identity, engine)
        task = progress.add_task(row.name, total=row.total)
        telling = _Telling()
        while not row.over:
            await asyncio.sleep(EVERY_SECONDS)
            row = await _read(identity, engine)
            told_of = row.name if not (row.paused or row.ended) else f"{row.name} is {told(row)}"
            progress.update(task, description=printable(told_of), total=row.total, completed=done(row))
            if not screen.is_terminal:
                telling.tell(row)
    return row


class _Telling:
    """Tells now and then how far it is, where there is no terminal for a bar: in a log."""

    def __init__(self) -> None:
        self._looks = 0
        self._last = ""

    def tell(self, row: SweepRow) -> None:
        """Say it, if it is time to, and something new."""
        self._looks += 1
        line = summary(row)
        if self._looks % TELL_EVERY == 0 and line != self._last:
            say(line)
            self._last = line


async def _read(identity: str, engine: Engine) -> SweepRow:
    row = await engine.sweeps.get(identity)
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError  # redis-py takes one that comes while it looks for input for a timeout of its own
    if row is None:
        raise InvalidInput(f"sweep {identity} is not known any more")
    return row
