"""The shape of the keys that are about the end of runs: `retry.run`, `after` and `notify`."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from worker.domain.duration import format_duration
from worker.domain.notify import USUAL
from worker.domain.retry import RunRetry
from worker.source.clocks import QuietHours
from worker.source.fields import Duration, Length, Reference, Strict, listed, one_or_more

_RUN = RunRetry(max_attempts=2)
_RECEIVER = re.compile(r"[A-Za-z0-9_-]+|[A-Za-z][A-Za-z0-9+.-]*://\S+", re.ASCII)
_ENDS = ["completed", "failed", "stopped"]
_KINDS = ["failure", "missed", "late", "recovered", "paused", "success"]


def _receiver(value: str) -> str:
    # Not repeated in the sentence: it may be an address with a password in it.
    if not _RECEIVER.fullmatch(value):
        raise ValueError("is no receiver; write a name of ZENBEAT_RECEIVERS, such as ops, or an address with ://")
    return value


def _such_as(example: str) -> BeforeValidator:
    """Refuse what is no mapping with an example of one that fits."""

    def check(value: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError(f"has to be a mapping, such as {example}")  # noqa: TRY004 - pydantic's protocol
        return value

    return BeforeValidator(check)


BadEnds = Annotated[
    list[Literal["failed", "stopped"]], BeforeValidator(listed), Field(min_length=1), one_or_more({"enum": _ENDS[1:]})
]
Ends = Annotated[
    list[Literal["completed", "failed", "stopped"]],
    BeforeValidator(listed),
    Field(min_length=1),
    one_or_more({"enum": _ENDS}),
]
Kinds = Annotated[
    list[Literal["failure", "missed", "late", "recovered", "paused", "success"]],
    BeforeValidator(listed),
    Field(min_length=1),
    one_or_more({"enum": _KINDS}),
]
Receivers = Annotated[
    list[Annotated[str, AfterValidator(_receiver)]],
    BeforeValidator(listed),
    Field(min_length=1),
    one_or_more({"type": "string", "pattern": f"^({_RECEIVER.pattern})$", "examples": ["ops"]}),
]


class RunRetryEntry(Strict):
    """How a run that ended badly is started again, as a run of its own."""

    max_attempts: int = Field(ge=2, le=20, description="Runs in all, the first one included.")
    initial: Duration | None = Field(
        None,
        description="The wait after the first run, of which half is random; it doubles from run to run. "
        f"Default: {format_duration(_RUN.initial)}.",
    )
    max: Duration | None = Field(
        None, description=f"The longest wait after any run. Default: {format_duration(_RUN.max)}."
    )
    on: BadEnds | None = Field(
        None, description="After which ends: failed, which counts a run that got stuck, or stopped. Default: failed."
    )


class UpstreamEntry(Strict):
    """Runs that are waited for: those of a schedule, or all of a pipeline."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [key]} for key in ("schedule", "pipeline")]})

    schedule: Reference | None = Field(None, description="The name of a schedule, in this file or another one.")
    pipeline: Reference | None = Field(
        None, description="A pipeline, by name or id: all its runs, also those that zenbeat did not start."
    )
    project: Reference | None = Field(
        None, description="The project of `pipeline`, by name or id. Default: ZENML_ACTIVE_PROJECT_ID."
    )
    on: Ends | None = Field(
        None, description="Which ends count; failed counts a run that got stuck, too. Default: completed."
    )


UpstreamEntries = Annotated[
    list[Annotated[UpstreamEntry, _such_as("{schedule: nightly-training}")]], Field(min_length=1)
]

FOLLOWED = ("schedule", "pipeline", "any_of", "all_of")
"""Exactly one of them says what is followed."""


class AfterEntry(UpstreamEntry):
    """What a schedule follows: a schedule, a pipeline, or several of them."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": [key]} for key in FOLLOWED],
            "dependentRequired": {"window": ["all_of"], "project": ["pipeline"]},
        }
    )

    any_of: UpstreamEntries | None = Field(None, description="Each of them starts a run.")
    all_of: UpstreamEntries | None = Field(None, description="One run is started when all of them have ended.")
    window: Length | None = Field(
        None, description="How long the first of `all_of` waits for the others. Default: for ever."
    )


class NotifyEntry(Strict):
    """Who is told of what about a schedule."""

    to: Receivers = Field(description="Names of ZENBEAT_RECEIVERS, or addresses with ://; secrets belong there.")
    on: Kinds | None = Field(
        None, description=f"What is told of. Default: {', '.join(kind for kind in _KINDS if kind in USUAL)}."
    )
    quiet: QuietHours | None = Field(
        None, description="From when to when, on the clock of the schedule's zone, nobody is told; it is told then."
    )


NOBODY = NotifyEntry.model_construct(to=[])
"""`notify: none`."""


class _OrNone:
    """Takes the word `none` in place of a mapping, and adds it to the schema."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"oneOf": [handler(core), {"const": "none"}]}


def _notify(value: Any) -> Any:
    if value == "none":
        return NOBODY
    if not isinstance(value, dict):
        raise ValueError("has to be a mapping, such as {to: ops}, or none")  # noqa: TRY004 - pydantic's protocol
    return value


AfterField = Annotated[AfterEntry, _such_as("{schedule: nightly-training}")]
NotifyField = Annotated[NotifyEntry, BeforeValidator(_notify), _OrNone()]
