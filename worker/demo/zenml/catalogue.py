"""What there is to run: pipelines with their steps, snapshots, run templates; seeded, and changed by requests."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

KEPT_ANONYMOUS = 10_000


def demo_id(*words: str) -> UUID:
    """Derive an id that is the same in every demo server."""
    return uuid5(NAMESPACE_URL, "zenbeat:demo:" + ":".join(words))


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step, its parameters and their defaults; a parameter's type is its default's."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A pipeline; its steps run one after the other."""

    id: UUID
    name: str
    created: datetime
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A pipeline frozen with its configuration. The ones without a name are made by launches, one each."""

    id: UUID
    name: str | None
    created: datetime
    pipeline: Pipeline
    source: UUID | None = None
    template: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A run template. Without its snapshot (it was deleted) it is still there, and cannot be run."""

    id: UUID
    name: str
    created: datetime
    pipeline: Pipeline | None
    snapshot: UUID | None
    hidden: bool = False


SEEDS: Mapping[str, tuple[Step, ...]] = {
    "training": (
        Step(name="data_loader"),
        Step(
            name="model_trainer",
            parameters={
                "model_type": "rf",
                "data_date": "2026-01-01",
                "lr": 0.1,
                "epochs": 3,
                "seconds": 0.0,
                "fail": False,
            },
        ),
    ),
    "scoring": (Step(name="scorer", parameters={"data_date": "2026-01-01", "seconds": 0.0, "fail": False}),),
    "etl": (
        Step(name="extract", parameters={"source": "warehouse", "seconds": 0.0, "fail": False}),
        Step(name="load"),
    ),
}
NAMES = ("staging", "production")


@dataclass(slots=True)
class Catalogue:
    """Everything that can be run, by id. Oldest first."""

    pipelines: dict[UUID, Pipeline] = field(default_factory=dict)
    snapshots: dict[UUID, Snapshot] = field(default_factory=dict)
    templates: dict[UUID, Template] = field(default_factory=dict)
    anonymous: deque[Snapshot] = field(default_factory=lambda: deque(maxlen=KEPT_ANONYMOUS))

    def seed(self, now: datetime) -> None:
        """Put in the pipelines that a demo begins with.

        Every pipeline has a template `staging` and a newer `production`. A real ZenML would want template names to be
        unique in the project; a newcomer's examples read better this way.
        """
        for name, steps in SEEDS.items():
            pipeline = Pipeline(id=demo_id("pipeline", name), name=name, created=now - timedelta(days=3), steps=steps)
            self.pipelines[pipeline.id] = pipeline
            for age, kind in zip((2, 1), NAMES, strict=True):
                snapshot = Snapshot(
                    id=demo_id("snapshot", name, kind), name=kind, created=now - timedelta(days=age), pipeline=pipeline
                )
                self.snapshots[snapshot.id] = snapshot
                self.add_template(demo_id("template", name, kind), kind, snapshot, snapshot.created)

    def add_template(self, identity: UUID, name: str, snapshot: Snapshot, now: datetime) -> Template:
        """Make a run template of a snapshot."""
        template = Template(id=identity, name=name, created=now, pipeline=snapshot.pipeline, snapshot=snapshot.id)
        self.templates[identity] = template
        return template

    def add_anonymous(self, source: Snapshot, template: Template | None, now: datetime) -> Snapshot:
        """Make the snapshot that every launch makes, also the ones that come to nothing later."""
        made = replace(
            source, id=uuid4(), name=None, created=now, source=source.id, template=template.id if template else None
        )
        self.anonymous.append(made)
        return made

    def snapshot(self, identity: UUID) -> Snapshot | None:
        """Find a snapshot, with or without a name."""
        return self.snapshots.get(identity) or next((one for one in self.anonymous if one.id == identity), None)

    def all_snapshots(self) -> list[Snapshot]:
        """Give all of them, the ones without a name last."""
        return [*self.snapshots.values(), *self.anonymous]

    def drop_snapshot(self, identity: UUID) -> None:
        """Delete a snapshot; templates that were made of it stay."""
        self.snapshots.pop(identity, None)
        for template in tuple(self.templates.values()):
            if template.snapshot == identity:
                self.templates[template.id] = replace(template, snapshot=None)

    def drop_pipeline(self, identity: UUID) -> None:
        """Delete a pipeline and its snapshots; its templates stay."""
        self.pipelines.pop(identity, None)
        for snapshot in tuple(self.snapshots.values()):
            if snapshot.pipeline.id == identity:
                self.drop_snapshot(snapshot.id)
