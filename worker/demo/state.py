"""What the demo server knows: pipelines, templates, snapshots, runs. In memory; gone with the process."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from worker.demo.options import DemoOptions

PROJECT = uuid5(NAMESPACE_URL, "zenbeat:demo:project")
"""Id of the one project, `default`."""

MOST_RUNS = 10_000

STEPS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "training": {
        "data_loader": {},
        "model_trainer": {
            "model_type": "rf",
            "data_date": "",
            "lr": 0.01,
            "epochs": 10,
            "seconds": 5.0,
            "fail": False,
        },
    },
    "scoring": {"score": {"model": "latest", "seconds": 3.0}},
    "etl": {"extract": {"source": "warehouse"}, "load": {}},
}
"""The pipelines: their steps, each with its parameters and their defaults."""

TYPES = {str: "string", float: "number", bool: "boolean", int: "integer"}

FLAGS = ("enable_cache", "enable_artifact_metadata", "enable_artifact_visualization", "enable_step_logs")
OBJECTS = ("settings", "extra", "model", "retry", "substitutions", "environment", "parameters")


@dataclass(slots=True, kw_only=True)
class Runnable:
    """A run template or a named snapshot."""

    id: UUID
    name: str
    pipeline: str
    created: datetime


@dataclass(slots=True, kw_only=True)
class DemoRun:
    """A run, whose whole course is fixed when it starts; where it is on it, the clock tells."""

    id: UUID
    name: str
    pipeline: str
    created: datetime
    tags: list[str]
    config: Mapping[str, Any]
    seconds: float
    fails: bool
    index: int
    stopped: datetime | None = None

    def status(self, now: datetime) -> str:
        """Give the status at an instant: 1 s initializing, 1 s provisioning, running, then the end."""
        if self.stopped is not None and self.stopped < self._end:
            return "stopped"
        age = (now - self.created).total_seconds()
        if age < 1:
            return "initializing"
        if age < 2:
            return "provisioning"
        return "running" if now < self._end else "failed" if self.fails else "completed"

    @property
    def _end(self) -> datetime:
        return self.created + timedelta(seconds=2 + self.seconds)


@dataclass(slots=True, kw_only=True)
class DemoState:
    """Everything, and the few rules that a server keeps about it."""

    options: DemoOptions
    pipelines: dict[str, UUID] = field(default_factory=dict)
    templates: list[Runnable] = field(default_factory=list)
    snapshots: list[Runnable] = field(default_factory=list)
    runs: OrderedDict[UUID, DemoRun] = field(default_factory=OrderedDict)
    names: dict[str, UUID] = field(default_factory=dict)
    replies: dict[tuple[str, str], tuple[datetime, UUID]] = field(default_factory=dict)
    tokens: dict[str, datetime | None] = field(default_factory=dict)
    slots: list[datetime] = field(default_factory=list)
    started: int = 0
    posts: int = 0
    """Requests that asked for a run, whatever became of them."""

    def __post_init__(self) -> None:
        for name in STEPS:
            self.pipelines[name] = uuid5(NAMESPACE_URL, f"zenbeat:demo:pipeline:{name}")
            for age, which in enumerate(("staging", "production")):
                created = self.options.now() - timedelta(days=2 - age)
                for kind, listed in (("template", self.templates), ("snapshot", self.snapshots)):
                    identity = uuid5(NAMESPACE_URL, f"zenbeat:demo:{kind}:{name}:{which}")
                    listed.append(Runnable(id=identity, name=which, pipeline=name, created=created))

    def login(self) -> tuple[str, int | None]:
        """Give out a token."""
        token = f"demo-token-{uuid4().hex}"
        seconds = self.options.token_seconds
        self.tokens[token] = self.options.now() + timedelta(seconds=seconds) if seconds else None
        return token, seconds

    def full(self) -> bool:
        """Tell whether all slots for launches are taken."""
        now = self.options.now()
        self.slots = [until for until in self.slots if until > now]
        return self.options.capacity is not None and len(self.slots) >= self.options.capacity

    def launch(self, source: Runnable, config: Mapping[str, Any]) -> DemoRun:
        """Start a run; its name must be free."""
        now = self.options.now()
        self.started += 1
        name = str(config.get("run_name") or f"{source.pipeline}-{now:%Y_%m_%d-%H_%M_%S_%f}")
        chance = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32
        parameters = _parameters(config)
        run = DemoRun(
            id=uuid4(),
            name=name,
            pipeline=source.pipeline,
            created=now,
            tags=[tag if isinstance(tag, str) else str(tag.get("name")) for tag in config.get("tags") or []],
            config=config,
            seconds=float(parameters.get("seconds", 3 + 12 * chance)),
            fails=bool(parameters.get("fail", chance < self.options.failure_rate)),
            index=self.started,
        )
        self.slots.append(now + timedelta(seconds=self.options.submit_seconds))
        self.runs[run.id] = run
        self.names[run.name] = run.id
        self._bound()
        return run

    def _bound(self) -> None:
        while len(self.runs) > MOST_RUNS:
            _, oldest = self.runs.popitem(last=False)
            self.names.pop(oldest.name, None)


def _parameters(config: Mapping[str, Any]) -> dict[str, Any]:
    """Give the parameters of all steps in one; `seconds` and `fail` steer the demo, whatever step they are of."""
    steps = config.get("steps") or {}
    return {key: value for step in steps.values() for key, value in (step.get("parameters") or {}).items()}


def config_template(pipeline: str) -> dict[str, Any]:
    """Give a complete run configuration of a pipeline, as ZenML offers it."""
    steps = {
        name: {"enable_cache": None, "parameters": dict(parameters)} for name, parameters in STEPS[pipeline].items()
    }
    return {"run_name": None, "enable_cache": None, "tags": None, "settings": {}, "steps": steps}


def config_schema(pipeline: str) -> dict[str, Any]:
    """Give the JSON Schema of a pipeline's run configuration."""
    top = {name: _or_null({"type": "boolean"}) for name in FLAGS}
    top |= {name: _or_null({"type": "object"}) for name in OBJECTS}
    top |= {
        "run_name": _or_null({"type": "string"}),
        "tags": _or_null({"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "object"}]}}),
    }
    steps = {name: _step_schema(parameters) for name, parameters in STEPS[pipeline].items()}
    top["steps"] = {"type": "object", "properties": steps, "additionalProperties": False}
    return {"title": "Result", "type": "object", "properties": top, "additionalProperties": False}


def _step_schema(parameters: Mapping[str, Any]) -> dict[str, Any]:
    own = {name: {"type": TYPES[type(default)], "default": default} for name, default in parameters.items()}
    fields: dict[str, Any] = {name: _or_null({"type": "boolean"}) for name in FLAGS}
    fields |= {name: _or_null({"type": "object"}) for name in ("settings", "extra", "model", "retry", "environment")}
    fields["parameters"] = {"type": "object", "properties": own, "additionalProperties": False}
    return {"type": "object", "properties": fields, "additionalProperties": False}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}], "default": None}
