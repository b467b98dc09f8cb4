"""Celery beat's scheduler: a thin door to the engine's beat.

Nothing of Celery's own schedule is used: its tick looks at every entry for each one that is due, and its state file
doubles or loses fires when the process dies.
"""

from typing import Any

from celery import beat

from worker.engine.beating import Beat
from worker.process import close_runtime, runtime


class Scheduler(beat.Scheduler):
    """Ticks the engine."""

    def setup_schedule(self) -> None:
        """Open the engine; called by Celery before the first tick."""
        self._beat = Beat(runtime().engine)

    def tick(self, *_: Any, **__: Any) -> float:
        """Do what is due; gives the seconds until the next tick."""
        delay: float = runtime().run(self._beat.tick())
        return delay

    def close(self) -> None:
        """Give up the lead and close the connections."""
        runtime().run(self._beat.close())
        close_runtime()

    @property
    def info(self) -> str:
        """What Celery prints at the start."""
        return ""
