"""What a caller may say of the runs that it wants: one trigger or many, checked with every fault and its place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from reprlib import repr as shortened
from typing import Annotated, Any, Literal, TypeVar

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from worker.domain.errors import Fault, InvalidInput
from worker.domain.jsonvalues import DEEPEST, Path, describe, json_faults, pointer_of
from worker.domain.nearest import nearest

Model = TypeVar("Model", bound=BaseModel)

LONGEST_CONFIG = 1024 * 1024
"""Bytes of a configuration: what is larger is data, and belongs where a step can load it from."""

MOST_TRIGGERS = 1_000
"""Triggers that one request may ask for."""

MOST_FIELDS = 50
"""Fields of a request whose names are looked at; there are fewer."""

MOST_TOLD = 50
"""Faults that are told at once."""

MANY = "triggers"


def _without_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("may not hold the character NUL")
    return text


def _size(config: dict[str, Any]) -> int:
    """Give the bytes of a configuration as JSON; 0 for what is none, which has faults of its own."""
    try:
        return len(orjson.dumps(config))
    except TypeError as error:
        if str(error).startswith("Recursion limit"):
            raise ValueError(f"is nested more than {DEEPEST} levels deep") from None
        return 0


Name = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00]*$"), AfterValidator(_without_nul)]

CONFIG_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "run_name": {
            "type": "string",
            "pattern": "^[^{}]*$",
            "description": "The run's name gets a short id appended.",
        },
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}
"""What a PipelineRunConfiguration may not be, as far as it concerns zenbeat; the rest is ZenML's to say."""


class TriggerRequest(BaseModel):
    """One run that is asked for. Version 1 of the message `worker.trigger`."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "not": {
                "required": ["template", "snapshot"],
                "properties": {"template": {"type": "string"}, "snapshot": {"type": "string"}},
            },
            "examples": [
                {
                    "pipeline": "training",
                    "config": {"steps": {"model_trainer": {"parameters": {"model_type": "rf"}}}},
                    "idempotency_key": "upload-4711",
                }
            ],
        },
    )

    version: Literal[1] = Field(1, description="Of this form; there is one so far.")
    pipeline: Name = Field(description="Name or id.")
    template: Name | None = Field(None, description="Run template, name or id; left out: the newest of the pipeline.")
    snapshot: Name | None = Field(None, description="Pipeline snapshot, name or id, instead of a template.")
    project: Name | None = Field(None, description="Name or id; left out: the default project.")
    config: dict[str, Any] = Field(
        default_factory=dict, description="A PipelineRunConfiguration.", json_schema_extra=CONFIG_SCHEMA
    )
    idempotency_key: Name | None = Field(
        None, description="The same key again is the same run, however often it comes."
    )
    priority: int = Field(0, ge=-1000, le=1000, description="One step is worth a minute of waiting.")
    not_before: datetime | None = Field(None, description="It waits until then; with an offset from UTC.")

    @model_validator(mode="before")
    @classmethod
    def _few(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and len(values) > MOST_FIELDS:
            raise ValueError(f"{len(values)} fields stand here; there are {len(cls.model_fields)}")
        return values

    @field_validator("config")
    @classmethod
    def _usable(cls, config: dict[str, Any]) -> dict[str, Any]:
        if _size(config) > LONGEST_CONFIG:  # before anything looks at each of millions of values
            raise ValueError("is larger than 1 MiB")
        if faults := json_faults(config) or _config_faults(config):
            raise PydanticCustomError("inside", "cannot be sent", {"faults": faults})
        return config

    @field_validator("not_before")
    @classmethod
    def _aware(cls, moment: datetime | None) -> datetime | None:
        if moment is not None and moment.tzinfo is None:
            raise ValueError("needs an offset from UTC, such as 2026-12-01T08:00:00+01:00")
        try:
            return moment.astimezone(UTC) and moment if moment else None
        except OverflowError:
            raise ValueError("is not a time that there is in UTC") from None

    @model_validator(mode="after")
    def _consistent(self) -> "TriggerRequest":
        if self.template and self.snapshot:
            raise ValueError("template and snapshot exclude each other")
        return self


def _config_faults(config: Mapping[str, Any]) -> list[tuple[Path, str]]:
    tags, name = config.get("tags", []), config.get("run_name")
    faults: list[tuple[Path, str]] = []
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        faults.append((("tags",), "has to be a list of texts"))
    if name is not None and not isinstance(name, str):
        faults.append((("run_name",), "has to be a text"))
    elif name is not None and ("{" in name or "}" in name):
        faults.append((("run_name",), "may not hold { or }: ZenML would read them as placeholders"))
    return faults


class TriggerBatch(BaseModel):
    """Many runs that are asked for at once: all are recorded, or none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = Field(1, description="Of this form; there is one so far.")
    triggers: list[TriggerRequest] = Field(min_length=1, max_length=MOST_TRIGGERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """What one call or message asks for."""

    triggers: Sequence[TriggerRequest]
    many: bool
    """It came as a list, and is answered as one."""


def parse_request(values: Mapping[str, Any]) -> TriggerRequest:
    """Check a caller's words for one trigger. Raises InvalidInput with every fault, each with its path."""
    return _checked(TriggerRequest, values)


def parse_requests(values: object) -> Requests:
    """Check a caller's words for one trigger, or `{"triggers": [...]}`. Raises InvalidInput."""
    if not isinstance(values, Mapping):
        raise InvalidInput(f"a request has to be a mapping with pipeline, or with triggers, not {describe(values)}")
    if MANY in values:
        return Requests(triggers=_checked(TriggerBatch, values).triggers, many=True)
    return Requests(triggers=[_checked(TriggerRequest, values)], many=False)


def _checked(model: type[Model], values: Mapping[str, Any]) -> Model:
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        details = error.errors(include_url=False)
        faults = [fault for detail in details for fault in _faults(model, detail)]
        more = [Fault(message=f"and {len(faults) - MOST_TOLD} faults more")] if len(faults) > MOST_TOLD else []
        raise InvalidInput(faults[:MOST_TOLD] + more) from None


def _faults(model: type[BaseModel], detail: Any) -> list[Fault]:
    if detail["type"] != "inside":
        return [_fault(model, detail)]
    ways = [((*detail["loc"], *path), message) for path, message in detail["ctx"]["faults"]]
    return [Fault(path=".".join(map(str, way)), pointer=pointer_of(way), message=message) for way, message in ways]


def _fault(model: type[BaseModel], detail: Any) -> Fault:
    path = ".".join(str(part) for part in detail["loc"])
    if detail["loc"] and detail["loc"][-1] == "version":
        return Fault(
            path=path, message=f"this zenbeat knows version 1 of the message, not {shortened(detail['input'])}"
        )
    if detail["type"] == "extra_forbidden":
        known = TriggerRequest if len(detail["loc"]) > 1 else model
        match = nearest(str(detail["loc"][-1]), known.model_fields)
        return Fault(path=path, message="unknown field" + (f"; did you mean {match}?" if match else ""))
    return Fault(path=path, message=str(detail["msg"]).removeprefix("Value error, "))
