"""The few fields that we read of ZenML's answers. What is not named here is not looked at, so it may change."""

import math
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field


def _in_utc(moment: datetime) -> datetime:
    # ZenML writes UTC without saying so.
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_in_utc)]


MOST_METADATA = 1_000
"""Names that are read of what a run has reported, in the server's order."""

LONGEST_METADATA = 1_000
"""Characters of a name or a text in it."""


def _scalars(told: Any) -> dict[str, Any]:
    """Read what a run has reported; what is no short scalar is left out, and nothing makes the run unreadable."""
    if not isinstance(told, dict):
        return {}
    named = ((name, _value(one)) for name, one in told.items() if len(name) <= LONGEST_METADATA)
    return dict(islice(((name, value) for name, value in named if _is_scalar(value)), MOST_METADATA))


def _value(told: Any) -> Any:
    """Give a value itself: before 0.70 it came as a thing of its own, with its id and dates."""
    body = told.get("body") if isinstance(told, dict) else None
    return body.get("value") if isinstance(body, dict) else told


def _is_scalar(value: Any) -> bool:
    match value:
        case None | bool():
            return True
        case int():
            return value.bit_length() < 64  # so that it can be written as JSON again
        case float():
            return math.isfinite(value)
        case str():
            return len(value) <= LONGEST_METADATA
        case _:
            return False


class Info(BaseModel):
    """`GET /info`."""

    version: str
    deployment_type: str | None = None
    server_url: str | None = None
    dashboard_url: str | None = None


class Login(BaseModel):
    """`POST /login`."""

    access_token: str = Field(min_length=1, repr=False)
    expires_in: float | None = None


class Named(BaseModel):
    """Anything with an id and perhaps a name."""

    id: UUID
    name: str | None = None


class Tag(BaseModel):
    """A tag on a run."""

    name: str


class ItemBody(BaseModel):
    """What a list gives of a pipeline, template or snapshot."""

    project_id: UUID | None = None
    pipeline_id: UUID | None = None
    pipeline: Named | None = None  # until 0.85
    runnable: bool = True
    hidden: bool = False


class ItemMetadata(BaseModel):
    """What a hydrated template or snapshot tells beyond that."""

    config_template: dict[str, Any] | None = None
    config_schema: dict[str, Any] | None = None


class ItemResources(BaseModel):
    """What belongs to a template or snapshot."""

    pipeline: Named | None = None


class Item(Named):
    """A pipeline, template or snapshot."""

    body: ItemBody | None = None
    metadata: ItemMetadata | None = None
    resources: ItemResources | None = None

    @property
    def pipeline(self) -> Named | None:
        """Its pipeline, wherever this version of ZenML puts it."""
        if self.resources and self.resources.pipeline:
            return self.resources.pipeline
        if self.body and self.body.pipeline:
            return self.body.pipeline
        return Named(id=self.body.pipeline_id) if self.body and self.body.pipeline_id else None

    @property
    def project(self) -> str | None:
        """Id of its project, where it is told."""
        return str(self.body.project_id) if self.body and self.body.project_id else None

    @property
    def startable(self) -> bool:
        """Whether a run can be started from it, and people want to see it."""
        return self.body is None or (self.body.runnable and not self.body.hidden)


class Items(BaseModel):
    """A page of them."""

    total: int = 0
    items: list[Item]


class RunBody(BaseModel):
    """What is read of a run's body."""

    status: str
    status_reason: str | None = None
    project_id: UUID | None = None
    created: Moment | None = None
    updated: Moment | None = None


class Started(BaseModel):
    """The answer to a launch: these are the same in all versions."""

    id: UUID
    name: str
    body: RunBody


class RunItemBody(RunBody):
    """What is read beyond that when a run is looked up."""

    pipeline_id: UUID | None = None
    pipeline: Named | None = None  # until 0.85


class RunResources(BaseModel):
    """What belongs to a run."""

    pipeline: Named | None = None
    tags: list[Tag] = Field(default_factory=list)


class RunMetadata(BaseModel):
    """What only a run that is asked for by itself tells, or a list that is asked for everything."""

    end_time: Moment | None = None
    run_metadata: Annotated[dict[str, Any], BeforeValidator(_scalars)] = Field(default_factory=dict)


class RunItem(Started):
    """A run, looked up."""

    body: RunItemBody
    metadata: RunMetadata | None = None
    resources: RunResources | None = None

    @property
    def pipeline(self) -> Named | None:
        """Its pipeline, wherever this version of ZenML puts it; None if it was deleted."""
        if self.resources and self.resources.pipeline:
            return self.resources.pipeline
        return self.body.pipeline or (Named(id=self.body.pipeline_id) if self.body.pipeline_id else None)


class Runs(BaseModel):
    """A page of runs."""

    total: int = 0
    items: list[RunItem]
