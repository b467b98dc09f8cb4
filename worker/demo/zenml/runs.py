"""The runs: found by id and by name; only the newest are remembered."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from worker.demo.zenml.catalogue import Snapshot
from worker.demo.zenml.course import Course, Parameters
from worker.demo.zenml.reports import report


@dataclass(slots=True, kw_only=True)
class Run:
    """A run. `configuration` is the run configuration as it came."""

    id: UUID
    name: str
    created: datetime
    index: int
    snapshot: Snapshot
    configuration: Mapping[str, Any]
    substitutions: Mapping[str, str]
    course: Course
    touched: datetime | None = None
    """When something else than its status changed last."""
    tags: list[str] = field(default_factory=list)
    reported: dict[str, Any] = field(default_factory=dict)
    """What was reported of it from outside; it goes before what it reports itself."""

    @property
    def pipeline(self) -> str:
        """The name of its pipeline."""
        return self.snapshot.pipeline.name

    def status(self, now: datetime) -> str:
        """Give its status at an instant."""
        return self.course.status(now)

    def updated(self, now: datetime) -> datetime:
        """Give the instant of the newest change that is not in the future."""
        course = self.course
        changes = (self.touched or self.created, course.provisioning, course.running, course.stopping, course.ended)
        return max((change for change in changes if change <= now), default=self.created)

    def parameters(self, step: str) -> Parameters:
        """Give the parameters of a step: the defaults, and over them what was given."""
        defaults = next((one.parameters for one in self.snapshot.pipeline.steps if one.name == step), {})
        return {**defaults, **given(self.configuration).get(step, {})}

    def metadata(self, now: datetime) -> dict[str, Any]:
        """Give what the run has reported up to an instant."""
        found: dict[str, Any] = {}
        for step, share in self.course.shares(now).items():
            found |= report(self.parameters(step), share)
        return found | self.reported


def given(configuration: Mapping[str, Any]) -> dict[str, Parameters]:
    """Give the parameters that a run configuration tells, by step."""
    steps = configuration.get("steps") or {}
    return {name: (step or {}).get("parameters") or {} for name, step in steps.items()}


class Runs:
    """All runs, oldest first."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._by_id: dict[UUID, Run] = {}
        self._by_name: dict[str, Run] = {}
        self._indexes: Counter[UUID] = Counter()
        self._latest: dict[UUID, Run] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def values(self) -> list[Run]:
        """Give all runs, oldest first."""
        return list(self._by_id.values())

    def get(self, identity: UUID) -> Run | None:
        """Find a run by its id."""
        return self._by_id.get(identity)

    def named(self, name: str) -> Run | None:
        """Find a run by its name."""
        return self._by_name.get(name)

    def latest(self, identity: UUID) -> Run | None:
        """Give the latest run of a pipeline, template or snapshot."""
        return self._latest.get(identity)

    def next_index(self, pipeline: UUID) -> int:
        """Count a pipeline's runs, from 1."""
        self._indexes[pipeline] += 1
        return self._indexes[pipeline]

    def add(self, run: Run) -> None:
        """Remember a run; its name must be free."""
        self._by_id[run.id] = self._by_name[run.name] = run
        for owner in (run.snapshot.pipeline.id, run.snapshot.source, run.snapshot.template):
            if owner is not None:
                self._latest[owner] = run
        if len(self._by_id) > self._keep:
            self.remove(next(iter(self._by_id.values())))

    def remove(self, run: Run) -> None:
        """Forget a run; its name is free again."""
        self._by_id.pop(run.id, None)
        self._by_name.pop(run.name, None)
        for owner in [owner for owner, latest in self._latest.items() if latest is run]:
            del self._latest[owner]
