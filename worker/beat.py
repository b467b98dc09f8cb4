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
        self._runtime = runtime()
        self._beat = Beat(self._runtime.engine)
        self._runtime.run(self._beat.open())
        self._closed = False

    def tick(self, *_: Any, **__: Any) -> float:
        """Do what is due; gives the seconds until the next tick."""
        delay: float = self._runtime.run(self._beat.tick())
        return delay

    def close(self) -> None:
        """Give up the lead and close the connections.

        Celery calls this from its signal handler, and again on its way out; and another signal may interrupt either.
        """
        if not self._closed:
            self._closed = True
            self._runtime.run(self._beat.close())
            close_runtime()

    @property
    def info(self) -> str:
        """What Celery prints at the start."""
        return ""
