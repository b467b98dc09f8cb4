"""Triggers that people and other programs ask for: checked, recorded, and only then answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from worker.domain.errors import Fault, InvalidInput
from worker.domain.jsonvalues import json_faults
from worker.domain.nearest import nearest
from worker.domain.schedule import Target
from worker.domain.trigger import Origin, Trigger
from worker.engine import planner
from worker.store.items import Entry, Item
from worker.store.triggers import TriggerStore

LONGEST_CONFIG = 1024 * 1024
"""Characters of a configuration: what is larger is data, and belongs where a step can load it from."""

MOST_TOLD = 3
"""Faults of one configuration that are told at once."""

Name = Annotated[str, Field(min_length=1, max_length=255)]


class TriggerRequest(BaseModel):
    """What a caller may say of the run that it wants. Version 1 of the message `worker.trigger`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    pipeline: Name
    template: Name | None = None
    snapshot: Name | None = None
    project: Name | None = None
    config: dict[str, Any] = Field(default_factory=dict)
    idempotency_key: Name | None = None
    priority: int = Field(0, ge=-1000, le=1000)
    not_before: datetime | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "TriggerRequest":
        if faults := json_faults(self.config, ("config",)):
            raise ValueError("; ".join(f"{'.'.join(map(str, path))} {what}" for path, what in faults[:MOST_TOLD]))
        if len(str(self.config)) > LONGEST_CONFIG:
            raise ValueError("config: is larger than 1 MiB")
        if not isinstance(self.config.get("tags", []), list):
            raise ValueError("config.tags has to be a list")  # noqa: TRY004 - pydantic wants a ValueError
        if self.template and self.snapshot:
            raise ValueError("template and snapshot exclude each other")
        if self.not_before is not None and self.not_before.tzinfo is None:
            raise ValueError("not_before needs an offset from UTC, such as 2026-12-01T08:00:00+01:00")
        name = self.config.get("run_name")
        if name is not None and ("{" in str(name) or "}" in str(name)):
            raise ValueError("config.run_name may not hold { or }: ZenML would read them as placeholders")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A trigger that is on record; `new` is False when the same request had come before."""

    trigger: Trigger
    new: bool


def parse_request(values: Mapping[str, Any]) -> TriggerRequest:
    """Check a caller's words. Raises InvalidInput with every fault, each with its path."""
    try:
        return TriggerRequest.model_validate(dict(values))
    except ValidationError as error:
        raise InvalidInput([_fault(detail) for detail in error.errors(include_url=False)]) from None


def _fault(detail: Any) -> Fault:
    path = ".".join(str(part) for part in detail["loc"])
    if path == "version":
        return Fault(path=path, message=f"this zenbeat knows version 1 of the message, not {detail['input']!r}")
    if detail["type"] == "extra_forbidden":
        match = nearest(path, TriggerRequest.model_fields)
        return Fault(path=path, message="unknown field" + (f"; did you mean {match}?" if match else ""))
    return Fault(path=path, message=str(detail["msg"]).removeprefix("Value error, "))


async def accept(triggers: TriggerStore, origin: Origin, request: TriggerRequest, key: str, now: datetime) -> Accepted:
    """Record what was asked for. `key` stands in for an idempotency key where the caller gave none.

    Raises InvalidInput when the key was used before for something else.
    """
    target = Target(
        pipeline=request.pipeline,
        template=request.template,
        snapshot=request.snapshot,
        project=request.project,
        config=request.config,
    )
    due = max(now, request.not_before.astimezone(UTC)) if request.not_before else now
    named = request.idempotency_key or key
    trigger = planner.for_request(origin, named, target, due=due, priority=request.priority)
    (recorded,) = await triggers.record([Item(entries=[Entry(trigger=trigger, ready=request.not_before)])])
    if recorded.triggers[0] < 0:
        raise InvalidInput(
            f"idempotency key {named} was used before for another request (trigger {trigger.id}); take another key"
        )
    return Accepted(trigger=trigger, new=recorded.triggers[0] == 1)
