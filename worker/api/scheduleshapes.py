"""The forms of schedules in requests and answers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from worker.api.triggershapes import schema_of
from worker.domain.schedule import ManagedBy
from worker.domain.standing import Standing
from worker.source.model import ScheduleEntry

LINK = "/api/v1/schedules/"


def link_of(name: str) -> str:
    """Give the path at which a schedule is shown."""
    return LINK + name


class PauseView(BaseModel):
    """Why a schedule starts nothing."""

    since: datetime
    by: str
    why: str = ""
    until: datetime | None = Field(None, description="It goes on by itself then; null is when somebody resumes it.")
    cause: str = Field(description="`person`, `failures`, `max_runs` or `end_time`.")


class ResultView(BaseModel):
    """How one run of a schedule ended."""

    trigger: str
    fate: str
    ended: datetime
    fire_time: datetime | None = None
    seconds: float | None = None
    lateness_ms: int | None = None
    run_id: str | None = None
    runs: int = 1


class GoingView(BaseModel):
    """A trigger on its way, or whose run is going on."""

    trigger: str
    state: str
    run_id: str | None = None


class DecisionView(BaseModel):
    """What was decided about one fire time."""

    model_config = ConfigDict(extra="allow")

    fire_time: datetime
    decision: str = Field(description="See docs/states.md.")
    reason: str | None = None
    trigger: str | None = None


class ScheduleView(BaseModel):
    """A schedule in a list: when, what, and how it stands."""

    name: str
    managed_by: ManagedBy = Field(description="Where it is changed: in its file, or over the API.")
    place: str = Field(description="`file:line`, or `api:name`.")
    status: Standing
    when: str | None = None
    timezone: str | None = None
    pipeline: str | None = None
    project: str | None = None
    next: datetime | None = Field(None, description="When it is due next, as far as that is known.")
    paused: PauseView | None = None
    last: DecisionView | None = Field(None, description="The newest decision.")
    results: list[ResultView] = Field(default_factory=list, description="Of the last runs, the oldest first.")
    usual_seconds: float | None = None
    usual_lateness_seconds: float | None = None
    running: list[GoingView] = Field(default_factory=list)


class ScheduleDetail(ScheduleView):
    """All of a schedule. `entry` is there for those made over the API: what a PUT replaces."""

    model_config = ConfigDict(extra="allow")

    next_fires: list[datetime] = Field(default_factory=list)
    entry: dict[str, Any] | None = None
    created: datetime | None = None
    changed: datetime | None = None
    changed_by: str | None = None
    faults: list[str] = Field(default_factory=list, description="Why it cannot be used as it is.")


class SchedulePage(BaseModel):
    """A page of schedules, by name."""

    items: list[ScheduleView]
    next: str | None = Field(description="Cursor of the next page; null on the last.")


class FireView(BaseModel):
    """A fire time."""

    fire_time: datetime = Field(description="In UTC.")
    local: datetime = Field(description="On the clock of the schedule's zone.")


class Fires(BaseModel):
    """When a schedule is due."""

    items: list[FireView]


class LedgerPage(BaseModel):
    """A page of decisions, the newest fire time first."""

    items: list[DecisionView]
    next: str | None = Field(description="Cursor of the next page; null on the last.")


class FiresChange(BaseModel):
    """When a schedule is due next: before a change, and after it."""

    before: list[datetime]
    after: list[datetime]


class Changed(BaseModel):
    """What came of a change, or would come of it."""

    name: str
    url: str
    dry_run: bool = Field(False, description="It was only tried out; nothing was changed.")
    next_fires: FiresChange
    warnings: list[str] = Field(default_factory=list, description="What is allowed, and hardly meant.")
    paused: PauseView | None = None


class PauseWish(BaseModel):
    """Why a schedule is to start nothing, and how long."""

    model_config = ConfigDict(extra="forbid", strict=True)

    why: str = Field("", max_length=1000)
    until: str | None = Field(
        None,
        max_length=64,
        description="Go on by itself then; without an offset on the clock of the schedule's zone.",
        json_schema_extra={"format": "date-time"},
    )


class ResumeWish(BaseModel):
    """How a schedule is to go on."""

    model_config = ConfigDict(extra="forbid", strict=True)

    catchup: bool = Field(False, description="Let its own policy decide about what was due meanwhile.")


class BackfillWish(BaseModel):
    """Which fire times of the past are to be run, each at most once."""

    model_config = ConfigDict(extra="forbid", strict=True)

    begin: str = Field(
        alias="from", max_length=64, description="Where the range begins; without an offset in the schedule's zone."
    )
    end: str | None = Field(
        None, alias="to", max_length=64, description="Where it ends, included; a date is its whole day. Default: now."
    )
    every: str | None = Field(None, max_length=64, description="Fire times at this distance, not the schedule's own.")
    overlap: Literal["allow", "buffer_all"] | None = Field(None, description="Side by side, or one by one.")
    max_parallel: int | None = Field(None, ge=1, le=100_000, description="The most runs at once.")
    order: Literal["oldest", "newest"] = Field("oldest", description="Which go first.")
    coalesce: bool = Field(False, description="One run for all of the range.")
    force: bool = Field(False, description="Run also what has had its run; once for each `key`.")
    key: str | None = Field(
        None, min_length=1, max_length=255, description="The same key is the same backfill. Default: by range, options."
    )
    priority: int | None = Field(None, ge=-1000, le=1000, description="Default: 10 below the schedule's.")
    many: bool = Field(False, description="More than 10,000 fire times are meant.")


class ProspectView(BaseModel):
    """What becomes of one fire time."""

    fire_time: datetime
    runs: bool
    becomes: str


class BackfillView(BaseModel):
    """A backfill that was begun, or would be."""

    id: str | None = Field(None, description="A sweep's id; null where nothing was begun.")
    url: str | None = None
    schedule: str
    new: bool = Field(description="False where it had been begun before, and goes on where it was.")
    dry_run: bool = False
    fires: int
    to_run: int
    notes: list[str]
    prospects: list[ProspectView] = Field(default_factory=list, description="With `dry_run`: the first 1,000.")


class RunView(BaseModel):
    """A run of a schedule that was asked for, and is on record."""

    id: str
    schedule: str
    pipeline: str
    run_name: str
    due: datetime
    url: str


NIGHTLY = {
    "name": "nightly-training",
    "pipeline": "training",
    "cron": "0 2 * * *",
    "timezone": "Europe/Berlin",
    "overlap": "skip",
    "config": {"steps": {"model_trainer": {"parameters": {"data_date": "{{ fire_time | date('%Y-%m-%d') }}"}}}},
}

NEW_EXAMPLES = {
    "by cron": {"summary": "Every night, in Berlin", "value": NIGHTLY},
    "by interval": {
        "summary": "Every ten minutes",
        "value": {"name": "refresh", "pipeline": "training", "every": "10m"},
    },
}

WHOLE_EXAMPLES = {
    "whole": {"summary": "The whole schedule as it shall be", "value": {**NIGHTLY, "priority": 5}},
}


def body_of(schema: Mapping[str, Any], examples: Mapping[str, Any] | None = None, *, required: bool) -> dict[str, Any]:
    """Describe a body that the route itself reads, for the OpenAPI."""
    content = {"schema": dict(schema), **({"examples": dict(examples)} if examples else {})}
    return {"requestBody": {"required": required, "content": {"application/json": content}}}


ENTRY_SCHEMA = {**schema_of(ScheduleEntry), "title": "Schedule"}
"""An element of `schedules:` in a file."""

NEW_BODY = body_of(ENTRY_SCHEMA, NEW_EXAMPLES, required=True)

CHANGED_BODY = body_of({**ENTRY_SCHEMA, "required": ["pipeline"]}, WHOLE_EXAMPLES, required=True)
