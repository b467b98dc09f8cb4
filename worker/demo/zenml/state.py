"""Everything that a demo server knows. In memory, gone with the process."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from worker.demo.zenml.catalogue import Catalogue
from worker.demo.zenml.course import FINISHED
from worker.demo.zenml.faults import Faults
from worker.demo.zenml.login import Login
from worker.demo.zenml.options import DemoOptions
from worker.demo.zenml.replays import Replays
from worker.demo.zenml.runs import Run, Runs
from worker.demo.zenml.versions import KEY_AS_BEARER, PARTIAL_PARAMETERS, parse

SHORTEST_SECONDS = 0.1


class Slots:
    """The submissions that go on at once. A slot is held beyond the answer, until the submission is through."""

    def __init__(self, capacity: int | None) -> None:
        self._capacity = capacity
        self._until: list[datetime] = []

    def take(self, now: datetime, seconds: float) -> bool:
        """Take a slot for some seconds; False if none is free."""
        self._until = [until for until in self._until if until > now]
        if self._capacity is not None and len(self._until) >= self._capacity:
            return False
        self._until.append(now + timedelta(seconds=seconds))
        return True


class WrongEnd(ValueError):
    """An end that a run cannot have; the sentence says why."""


class DemoState:
    """What a test looks at, and changes behind the client's back: runs, catalogue, faults, login, replays."""

    def __init__(self, options: DemoOptions) -> None:
        self.options = options
        self._instant: ContextVar[datetime | None] = ContextVar("instant", default=None)
        self.version = parse(options.version)
        self.started = options.now()
        self.catalogue = Catalogue()
        self.catalogue.seed(self.started)
        self.runs = Runs(options.keep_runs)
        self.faults = Faults()
        self.login = Login(
            api_key=options.api_key,
            seconds=options.token_seconds,
            key_is_token=self.version >= KEY_AS_BEARER,
            now=options.now,
        )
        self.replays = Replays(seconds=options.request_seconds, now=options.now)
        # Servers before 0.82.1 start whatever they are asked to.
        self.slots = Slots(options.capacity if self.version >= PARTIAL_PARAMETERS else None)
        self.requests: Counter[str] = Counter()
        """How often each `METHOD /path` was asked for, whatever became of it."""

    @property
    def posts(self) -> int:
        """How many requests asked for a run, whatever became of them."""
        asked = tuple(self.requests.items())
        return sum(count for line, count in asked if line.startswith("POST ") and line.endswith("/runs"))

    def now(self) -> datetime:
        """Read the server's clock."""
        return self._instant.get() or self.options.now()

    @contextmanager
    def one_instant(self) -> Iterator[None]:
        """Let the clock stand still for this request: what is sorted by a state is shown in that state."""
        token = self._instant.set(self.options.now())
        try:
            yield
        finally:
            self._instant.reset(token)

    def report(self, run_id: str | UUID, metadata: Mapping[str, Any]) -> Run:
        """Have a run report something, whatever its state; newer values go before older ones. Raises KeyError."""
        run = self._run(run_id)
        run.reported |= metadata
        return run

    def end(self, run_id: str | UUID, status: str, *, reason: str | None = None) -> Run:
        """End a run now, wherever it is. Raises KeyError if it is not there, WrongEnd if it cannot end so."""
        run, now = self._run(run_id), self.now()
        if status not in FINISHED:
            raise WrongEnd(f'a run cannot end as "{status}", only as {", ".join(sorted(FINISHED))}')
        if run.status(now) in FINISHED:
            raise WrongEnd(f"the run has ended already: {run.status(now)}")
        run.course = run.course.finish(now, status, reason)
        return run

    def _run(self, run_id: str | UUID) -> Run:
        run = self.runs.get(UUID(str(run_id)))
        if run is None:
            raise KeyError(run_id)
        return run

    def submitted(self) -> datetime:
        """Give the instant at which a submission that begins now is through.

        Never at once: the answer to a launch always says `initializing`.
        """
        return self.now() + timedelta(seconds=max(self.options.submit_seconds, SHORTEST_SECONDS))
