"""What the client takes and gives: plain data, ours."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Any

import orjson

from worker.zenml.versions import Capabilities, Version


class Route(StrEnum):
    """Which of ZenML's two ways to start a run."""

    TEMPLATE = "run_templates"
    SNAPSHOT = "pipeline_snapshots"

    @property
    def word(self) -> str:
        """The thing's name in a sentence."""
        return "run template" if self is Route.TEMPLATE else "snapshot"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerInfo:
    """What a server tells about itself."""

    version: Version
    version_text: str
    capabilities: Capabilities
    deployment_type: str = ""
    """`cloud` is ZenML Pro."""
    dashboard_url: str | None = None
    server_url: str | None = None
    skew: float | None = None
    """Seconds that its clock is ahead of ours; None where not known."""

    @property
    def pro(self) -> bool:
        """Whether it is ZenML Pro, which has no default project."""
        return self.deployment_type == "cloud"


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineRef:
    """A pipeline, found."""

    id: str
    name: str
    project: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What is to be started, found: the template or snapshot that a name stands for."""

    route: Route
    id: str
    name: str
    pipeline_id: str
    pipeline_name: str
    project: str
    """Id where the server tells it, else the name that was asked for; "" is the server's default."""
    config_template: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """A complete body; servers before 0.82.1 want all of it."""
    config_schema: Mapping[str, Any] | None = field(default=None, repr=False)
    """JSON Schema of the body."""
    fingerprint: str = field(init=False, repr=False, compare=False)
    """Hash of the schema, by which its compiled form is kept."""

    def __post_init__(self) -> None:
        digest = blake2b(orjson.dumps(self.config_schema), digest_size=16).hexdigest()
        object.__setattr__(self, "fingerprint", digest)

    def __str__(self) -> str:
        return f'{self.route.word} "{self.name}" of pipeline "{self.pipeline_name}"'

    def to_json(self) -> bytes:
        """Give it as JSON."""
        names = ("route", "id", "name", "pipeline_id", "pipeline_name", "project", "config_template", "config_schema")
        return orjson.dumps({name: getattr(self, name) for name in names})

    @classmethod
    def from_json(cls, data: bytes) -> "Resolution":
        """Read what `to_json` wrote. Raises ValueError or TypeError for anything else."""
        value = orjson.loads(data)
        return cls(**{**value, "route": Route(value["route"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Startable:
    """A template or named snapshot, as a list gives it."""

    route: Route
    id: str
    name: str
    pipeline: str
    """Name of its pipeline, else the id; "" where the list does not tell."""
    runnable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A POST that starts a run, ready to be sent."""

    url: str
    """Path below the server's address."""
    content: bytes = field(repr=False)
    left_out: tuple[str, ...] = ()
    """Fields of the body that this server does not know; they were left out."""
    project: str = ""


NEVER_RAN = ("Failed to queue run.", "Snapshot execution queue is full.")
"""What a server says of a run that it refused to start, but whose row, with the name, it kept. The second one is what
0.96.0 and 0.96.1 leave behind with every 429."""


SUBMITTING = "initializing"
"""The status of a run that holds a slot of its server: accepted, and not handed to what executes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run on the server."""

    id: str
    name: str
    status: str
    """As the server says it; there are more words than we know."""
    status_reason: str | None = None
    project: str = ""
    created: datetime | None = None
    """By the server's clock, as are `updated` and `ended`."""
    updated: datetime | None = None
    """When it changed last: its status, or something else about it."""
    url: str | None = None
    """Its page in the dashboard, where the server tells its address."""
    tags: tuple[str, ...] = ()
    """Read, like all that follows, when a run is looked up; not after `start`."""
    pipeline: str = ""
    """Name of its pipeline; "" where it is not told, as when the pipeline was deleted."""
    pipeline_id: str = ""
    ended: datetime | None = None
    """Told only of a run that is asked for by itself, as is `metadata`."""
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """The newest value of each name that the run has reported: texts, numbers, truth values and None; no lists."""

    @property
    def never_ran(self) -> bool:
        """Whether the server refused to start it, and only keeps its name."""
        return self.status == "failed" and self.status_reason in NEVER_RAN

    @property
    def submitting(self) -> bool:
        """Whether it was accepted, and is not yet on its way."""
        return self.status == SUBMITTING
