"""What a template or snapshot tells about the body of a launch: a complete one, and its JSON Schema."""

from collections.abc import Iterable, Mapping
from typing import Any

from worker.demo.zenml.catalogue import Pipeline, Step
from worker.demo.zenml.fields import FIELDS, MODES, STEP_FIELDS
from worker.demo.zenml.versions import SNAPSHOTS, Version

JSON = dict[str, Any]

NOT_TOLD = frozenset({"schedule", "build", "steps", "settings", "parameters"})
NOT_TOLD_OF_STEPS = frozenset({"outputs", "step_operator", "experiment_tracker", "parameters", "settings"})

TYPES: Mapping[type, str] = {str: "string", float: "number", int: "integer", bool: "boolean"}

FORMS: Mapping[str, JSON] = {
    "run_name": {"type": "string"},
    "tags": {"items": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/Tag"}]}, "type": "array"},
    "substitutions": {"additionalProperties": {"type": "string"}, "type": "object"},
    "model": {"$ref": "#/$defs/Model"},
    "retry": {"$ref": "#/$defs/StepRetryConfig"},
    "cache_policy": {"$ref": "#/$defs/CachePolicy"},
    "execution_mode": {"$ref": "#/$defs/ExecutionMode"},
    "secrets": {"items": {"anyOf": [{"format": "uuid", "type": "string"}, {"type": "string"}]}, "type": "array"},
    "failure_hook_source": {"type": "string"},
    "success_hook_source": {"type": "string"},
    "extra": {"additionalProperties": True, "type": "object"},
    "environment": {"additionalProperties": True, "type": "object"},
    "init_hook_kwargs": {"additionalProperties": True, "type": "object"},
}
"""The JSON Schema of a field where it is not a boolean; each may be null as well."""


def run_name_template(pipeline: Pipeline) -> str:
    """Give the template of the names of runs that have none of their own."""
    return f"{pipeline.name}-{{date}}-{{time}}"


def config_template(pipeline: Pipeline) -> JSON:
    """Give a complete body with every default."""
    steps: JSON = {step.name: {"enable_cache": False} for step in pipeline.steps}
    for step in pipeline.steps:
        if step.parameters:
            steps[step.name]["parameters"] = dict(step.parameters)
    return {"run_name": run_name_template(pipeline), "steps": steps, "enable_cache": False}


def config_schema(pipeline: Pipeline, version: Version) -> JSON:
    """Give the JSON Schema of the body.

    Types and defaults of parameters are told since 0.90; before, only their names, and all are required.
    """
    known = [name for name, (_, since) in FIELDS.items() if since <= version and name not in NOT_TOLD]
    properties = {**_fields(known), "settings": _optional({"$ref": "#/$defs/Settings"})}
    required = any(step.parameters for step in pipeline.steps)
    steps = {"$ref": "#/$defs/Steps"}
    properties["steps"] = steps if required else _optional(steps)
    schema: JSON = {"$defs": _definitions(pipeline, version), "properties": properties}
    return {**schema, **({"required": ["steps"]} if required else {}), "title": "Result", "type": "object"}


def _definitions(pipeline: Pipeline, version: Version) -> JSON:
    definitions: JSON = {
        "CachePolicy": _object("CachePolicy", {"include_step_code": {"default": True, "type": "boolean"}}),
        "ExecutionMode": {"enum": list(MODES), "title": "ExecutionMode", "type": "string"},
        "Model": _object("Model", {"name": {"type": "string"}}, ["name"]),
        "Settings": _object("Settings", {"resources": _optional({"type": "object"})}),
        "StepRetryConfig": _object(
            "StepRetryConfig", {name: {"default": 0, "type": "integer"} for name in ("max_retries", "delay", "backoff")}
        ),
        "Tag": _object("Tag", {"name": {"title": "Name", "type": "string"}}, ["name"]),
    }
    properties: JSON = {}
    for step in pipeline.steps:
        reference = {"$ref": f"#/$defs/{step.name}"}
        properties[step.name] = reference if step.parameters else _optional(reference)
        definitions[step.name] = _step(step, version)
    wanted = [step.name for step in pipeline.steps if step.parameters]
    return {**definitions, "Steps": _object("Steps", properties, wanted)}


def _step(step: Step, version: Version) -> JSON:
    known = [name for name, (_, since) in STEP_FIELDS.items() if since <= version and name not in NOT_TOLD_OF_STEPS]
    properties = {**_fields(known), "settings": _optional({"$ref": "#/$defs/Settings"})}
    if not step.parameters:
        return _object(step.name, properties)
    return _object(step.name, {"parameters": _parameters(step, version), **properties}, ["parameters"])


def _parameters(step: Step, version: Version) -> JSON:
    title = "".join(word.title() for word in step.name.split("_")) + "Parameters"
    if version < SNAPSHOTS:
        named = {name: {"title": _title(name)} for name in step.parameters}
        return _object(f"{step.name}_parameters", named, list(named))
    typed = {
        name: {"default": default, "title": _title(name), "type": TYPES[type(default)]}
        for name, default in step.parameters.items()
    }
    return {"additionalProperties": False, **_object(title, typed)}


def _fields(names: Iterable[str]) -> JSON:
    return {name: {**_optional(FORMS.get(name, {"type": "boolean"})), "title": _title(name)} for name in names}


def _object(title: str, properties: JSON, required: list[str] | None = None) -> JSON:
    described: JSON = {"properties": properties, "title": title, "type": "object"}
    return {**described, "required": required} if required else described


def _optional(schema: JSON) -> JSON:
    return {"anyOf": [schema, {"type": "null"}], "default": None}


def _title(name: str) -> str:
    return name.replace("_", " ").title()
