"""The forms of triggers in requests and answers."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from worker.domain.trigger import Origin, Trigger, TriggerState
from worker.engine.requests import TriggerBatch, TriggerRequest
from worker.store.codec import decode_trigger, instant

LINK = "/api/v1/triggers/"


def link_of(identity: str) -> str:
    """Give the path at which a trigger is shown."""
    return LINK + identity


class Queued(BaseModel):
    """A trigger that is on record. The same for every repetition of the request."""

    id: str
    pipeline: str
    run_name: str = Field(description="The name that its run has, or will have, in ZenML.")
    due: datetime = Field(description="When it was due, or will be: the time of the request, or `not_before`.")
    url: str = Field(description="Where to look at it.")


class QueuedBatch(BaseModel):
    """Triggers that are on record, in the order in which they were asked for."""

    triggers: list[Queued]


class TriggerView(BaseModel):
    """A trigger: what was asked for, and what became of it."""

    id: str
    state: TriggerState = Field(description="See docs/states.md.")
    origin: Origin
    pipeline: str
    template: str | None = None
    snapshot: str | None = None
    project: str | None = None
    config: dict[str, Any] | None = Field(None, description="What is sent to ZenML: the PipelineRunConfiguration.")
    priority: int = 0
    schedule: str | None = None
    sweep: str | None = None
    trial: int | None = None
    fire_time: datetime | None = None
    due: datetime
    recorded: datetime | None = None
    ended: datetime | None = None
    attempt: int = 1
    asked_by: str | None = Field(None, description="The API key or hook that asked for it.")
    run_name: str
    run_id: str | None = None
    run_status: str | None = Field(None, description="In ZenML's words.")
    run_url: str | None = None
    code: str | None = Field(None, description="Why there is no run, as a short stable word.")
    reason: str | None = Field(None, description="Why there is no run, or not yet, in a sentence.")


class TriggerPage(BaseModel):
    """A page of triggers, the newest first."""

    items: list[TriggerView]
    next: str | None = Field(description="Cursor of the next page; null on the last.")


TEXTS = ("run_id", "run_status", "code", "reason", "asked_by")


def queued(trigger: Trigger) -> Queued:
    """Make the answer to who asked for it."""
    return Queued(
        id=trigger.id, pipeline=trigger.pipeline, run_name=trigger.run_name, due=trigger.due, url=link_of(trigger.id)
    )


def view_of(fields: dict[str, str]) -> TriggerView:
    """Make the answer from a trigger's fields in Redis."""
    trigger = decode_trigger(fields["data"].encode())
    ended = fields.get("run_ended") or fields.get("ended")
    return TriggerView(
        id=trigger.id,
        state=TriggerState(fields["state"]),
        origin=trigger.origin,
        pipeline=trigger.pipeline,
        template=trigger.template,
        snapshot=trigger.snapshot,
        project=trigger.project,
        config=trigger.body,
        priority=trigger.priority,
        schedule=trigger.schedule,
        sweep=trigger.sweep,
        trial=trigger.trial,
        fire_time=trigger.fire_time,
        due=trigger.due,
        recorded=instant(float(fields["recorded"])) if "recorded" in fields else None,
        ended=instant(float(ended)) if ended else None,
        attempt=trigger.attempt,
        run_name=trigger.run_name,
        run_url=fields.get("url"),
        **{name: fields.get(name) or None for name in TEXTS},
    )


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """Give a model's JSON Schema to stand in the OpenAPI by itself."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    return {key: _inlined(value, definitions) for key, value in schema.items()}


def _inlined(value: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        if "$ref" in value:
            return _inlined(definitions[value["$ref"].rpartition("/")[2]], definitions)
        return {key: _inlined(inner, definitions) for key, inner in value.items()}
    return [_inlined(inner, definitions) for inner in value] if isinstance(value, list) else value


BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"anyOf": [schema_of(TriggerRequest), schema_of(TriggerBatch)]},
                "examples": {
                    "one": {
                        "summary": "One run",
                        "value": {
                            "pipeline": "training",
                            "config": {"steps": {"model_trainer": {"parameters": {"lr": 0.01}}}},
                        },
                    },
                    "many": {
                        "summary": "Two runs, of which one waits",
                        "value": {
                            "triggers": [
                                {"pipeline": "training", "idempotency_key": "upload-4711"},
                                {"pipeline": "training", "not_before": "2030-01-01T08:00:00+01:00", "priority": 5},
                            ]
                        },
                    },
                },
            }
        },
    }
}
