"""What the server answers. Fields that it may get later are in `raw` of each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

ON_ITS_WAY = frozenset({"waiting", "dispatched", "claimed"})
"""States in which ZenML has no run yet, and zenbeat goes on by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A trigger that is on record: it is started once, whatever happens."""

    id: str
    pipeline: str
    run_name: str
    due: datetime
    url: str
    new: bool
    """False when the same request was on record already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A trigger as it stands."""

    id: str
    state: str
    pipeline: str
    run_name: str
    run_id: str | None
    run_status: str | None
    run_url: str | None
    code: str | None
    reason: str | None
    """Why there is no run, or not yet."""
    raw: Mapping[str, Any] = field(repr=False)

    @property
    def started(self) -> bool:
        """Whether ZenML has the run, or none will come."""
        return self.state not in ON_ITS_WAY

    @property
    def ended(self) -> bool:
        """Whether the run has ended, or none will come."""
        return self.started and self.state != "started"

    @property
    def succeeded(self) -> bool:
        """Whether the run has ended well."""
        return self.state == "completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A schedule as it stands."""

    name: str
    pipeline: str
    status: str
    raw: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that was told: an outcome, or that outcomes before are not kept any more (`gap`)."""

    id: str
    kind: str
    data: Mapping[str, Any]


def read_time(text: str) -> datetime:
    """Read an instant; before Python 3.11 its Z is not understood."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def read_queued(values: Mapping[str, Any], *, new: bool) -> Queued:
    """Make a Queued of the server's words."""
    return Queued(
        id=values["id"],
        pipeline=values["pipeline"],
        run_name=values["run_name"],
        due=read_time(values["due"]),
        url=values["url"],
        new=new,
    )


def read_trigger(values: Mapping[str, Any]) -> Trigger:
    """Make a Trigger of the server's words."""
    return Trigger(
        id=values["id"],
        state=values["state"],
        pipeline=values["pipeline"],
        run_name=values["run_name"],
        run_id=values.get("run_id"),
        run_status=values.get("run_status"),
        run_url=values.get("run_url"),
        code=values.get("code"),
        reason=values.get("reason"),
        raw=values,
    )


def read_schedule(values: Mapping[str, Any]) -> Schedule:
    """Make a Schedule of the server's words."""
    return Schedule(
        name=values["name"], pipeline=values.get("pipeline") or "", status=values.get("status") or "", raw=values
    )
