"""The forms of sweeps and their trials in requests and answers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from worker.api.triggershapes import schema_of
from worker.engine.sweepcost import Cost
from worker.engine.sweeping import Extended
from worker.engine.sweepstanding import SweepStanding, in_figures
from worker.engine.trialrows import TrialStatus
from worker.source.model import CLOCKS, TIMING, SweepEntry
from worker.store.sweeprows import Kind, SweepRow

LINK = "/api/v1/sweeps/"


class Begun(BaseModel):
    """A sweep that is on record. The same for every repetition of the request."""

    id: str
    name: str
    trials: int = Field(description="How many it has; the beat at work records them little by little.")
    url: str = Field(description="Where to look at it.")


class PlannedTrial(BaseModel):
    """A trial that would be run."""

    trial: int = Field(description="Its number, from 1.")
    params: dict[str, Any]


class SweepPlan(BaseModel):
    """What a sweep would run, and how long that takes. Nothing was begun."""

    name: str
    pipeline: str
    method: str
    trials: int
    first: list[PlannedTrial] = Field(
        description="The first ten; none of a sweep whose trials follow from what came of those before."
    )
    at_once: int | None = Field(None, description="`max_parallel`; null: as many as the limits allow.")
    seconds_each: float | None = Field(None, description="How long a run usually takes, if that is known.")
    seconds: float | None = Field(None, description="How long all of it takes, if that is known.")
    learnt_from: str | None = Field(None, description="From which runs that is known.")
    cost: str = Field(description="The same in a sentence.")
    unchecked: str | None = Field(None, description="Why its first trial was not held against what it would start.")
    not_asked: list[str] = Field(default_factory=list, description="What could not be asked, and why.")
    warnings: list[str] = Field(default_factory=list, description="What is possible, and hardly meant.")


class SweepView(BaseModel):
    """A sweep or backfill: how far it is."""

    id: str
    name: str = Field(description="Of its definition; of a backfill, that of the schedule.")
    kind: Kind
    state: SweepStanding
    total: int = Field(description="How many trials it has.")
    recorded: int = Field(description="Trials that are on record so far.")
    completed: int
    running: int
    waiting: int
    failed: int = Field(description="Also those whose run could not be started.")
    stopped: int
    cancelled: int
    known: int = Field(description="Fire times that had had their run before.")
    runs: int = Field(description="Runs that ended; a trial may have had several.")
    seconds: float = Field(description="How long these took together.")
    created: datetime
    asked_by: str | None = Field(None, description="An API key, or `cli:<user>`; null where a schedule began it.")
    finished: datetime | None = None
    reason: str | None = Field(None, description="Why it ended before its last trial.")
    paused_by: str | None = None
    fire_time: datetime | None = Field(None, description="The instant of its schedule at which it began.")
    parent: str | None = Field(None, description="The backfill that it is a trial of.")
    url: str


class SweepDetail(SweepView):
    """A sweep, and what it is made of."""

    definition: dict[str, Any] | None = Field(None, description="What it runs and what it tries; not of a backfill.")


class SweepPage(BaseModel):
    """A page of sweeps and backfills, the newest first."""

    items: list[SweepView]
    next: str | None = Field(description="Cursor of the next page; null on the last.")


class TrialView(BaseModel):
    """A trial of a sweep, or a fire time of a backfill."""

    trial: int = Field(description="Its number, from 1.")
    state: TrialStatus
    params: dict[str, Any] = Field(default_factory=dict)
    metrics: dict[str, float | None] = Field(
        default_factory=dict, description="The last value of each; null where it is not a finite number."
    )
    fire_time: datetime | None = Field(None, description="Of a backfill.")
    seconds: float | None = Field(None, description="How long its run took.")
    run_id: str | None = None
    run_url: str | None = None
    reason: str | None = Field(None, description="Why it did not complete, in a sentence.")


class TrialPage(BaseModel):
    """A page of trials, by their numbers."""

    items: list[TrialView]
    next: str | None = Field(description="Cursor of the next page; null on the last.")


class Retries(BaseModel):
    """What is run again."""

    again: int = Field(description="Trials that are to have another run.")
    replayed: int = Field(description="Trials whose run could not be started, and which wait again.")
    sweep: SweepView


class Extension(BaseModel):
    """What a sweep has now."""

    before: int = Field(description="How many trials it had.")
    total: int = Field(description="How many it has.")
    sweep: SweepView


class Strict(BaseModel):
    """A body: nothing is guessed, and no field is overlooked."""

    model_config = ConfigDict(extra="forbid", strict=True)


class CancelWish(Strict):
    """How a sweep is to end."""

    stop_running: bool = Field(False, description="Its runs are stopped as well, where the server can.")


class RetryWish(Strict):
    """What of a sweep is to be run again."""

    stopped: bool = Field(False, description="Also trials whose run was stopped.")


class ExtendWish(Strict):
    """How many trials more."""

    by: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="So many more, of a random, sobol or bayes sweep; left out: those that its definition has now.",
    )


def sweep_view(row: SweepRow) -> SweepView:
    """Make the answer from a sweep's counts."""
    return SweepView(**_view(row))


def sweep_detail(row: SweepRow, definition: Mapping[str, Any] | None) -> SweepDetail:
    """Make the answer, with the definition."""
    return SweepDetail(**_view(row), definition=dict(definition) if definition else None)


def _view(row: SweepRow) -> dict[str, Any]:
    return {"id": row.id, "url": LINK + row.id, **in_figures(row)}


def trial_view(row: Mapping[str, Any]) -> TrialView:
    """Make the answer from a row of `worker.engine.trialrows`."""
    return TrialView(
        trial=row["trial"],
        state=TrialStatus(row["status"]),
        params=_below("params.", row),
        metrics={name: value for name, value in _below("metrics.", row).items() if value is not None},
        fire_time=row.get("fire_time"),
        seconds=row["seconds"],
        run_id=row["run_id"] or None,
        run_url=row["url"] or None,
        reason=row["reason"] or None,
    )


def _below(stem: str, row: Mapping[str, Any]) -> dict[str, Any]:
    return {key.removeprefix(stem): value for key, value in row.items() if key.startswith(stem)}


def plan_view(cost: Cost, warnings: list[str], unchecked: str, **about: Any) -> SweepPlan:
    """Make the answer to who wants to know before it begins."""
    return SweepPlan(
        **about,
        at_once=cost.at_once,
        seconds_each=cost.seconds,
        seconds=cost.total,
        learnt_from=cost.learnt or None,
        cost=str(cost),
        unchecked=unchecked or None,
        not_asked=list(cost.unasked),
        warnings=warnings,
    )


def extension(row: SweepRow, done: Extended) -> Extension:
    """Make the answer to who wanted more trials."""
    return Extension(before=done.before, total=done.total, sweep=sweep_view(row))


def body_of(schema: Mapping[str, Any], required: bool, **examples: Any) -> dict[str, Any]:  # noqa: FBT001 - said in words
    """Describe the body of a request, for the OpenAPI."""
    shown = {name: {"value": value} for name, value in examples.items()}
    content = {"schema": schema, **({"examples": shown} if shown else {})}
    return {"requestBody": {"required": required, "content": {"application/json": content}}}


_LR = "steps.model_trainer.parameters.lr"

NAMED: dict[str, Any] = {
    "title": "NamedSweep",
    "description": "A sweep of the schedule files, by its name.",
    "type": "object",
    "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 200}},
    "required": ["name"],
    "additionalProperties": False,
}


def _inline() -> dict[str, Any]:
    """Give the schema of a definition, without what makes it due by the clock."""
    schema = schema_of(SweepEntry)
    properties = {name: value for name, value in schema["properties"].items() if name not in {*CLOCKS, *TIMING}}
    kept = {key: value for key, value in schema.items() if key not in {"not", "dependentSchemas"}}
    return {**kept, "properties": properties}


SWEEP_BODY = body_of(
    {"anyOf": [NAMED, _inline()]},
    required=True,
    named={"name": "learning-rates"},
    inline={
        "name": "lr",
        "pipeline": "training",
        "method": "random",
        "run_cap": 3,
        "seed": 7,
        "parameters": {_LR: {"min": 0.001, "max": 0.1}},
        "metric": {"name": "accuracy", "goal": "maximize"},
    },
)
