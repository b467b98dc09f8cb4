"""Check a run configuration before it is sent.

ZenML drops unknown fields and unknown steps without a word and starts the run with its defaults. So they are named
here, all at once, each with the nearest known name.
"""

import logging
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from worker.domain.errors import BodyRefused
from worker.domain.nearest import nearest
from worker.zenml.models import Resolution
from worker.zenml.schema import RunSchema
from worker.zenml.versions import BODY_FIELDS, STEP_FIELDS

logger = logging.getLogger("zenbeat.zenml")

MOST_COMPILED = 256

NEVER = {
    "build": "cannot be given to a run that is started over REST; the template has its build",
    "schedule": "cannot be given to a run that is started over REST; zenbeat is the schedule",
}
STATIC = (
    "cannot be given to a static pipeline; give the steps' parameters under steps.<step>.parameters, "
    "or make the pipeline dynamic"
)
DOCKER = "docker settings cannot be given to a run that is started over REST"

Body = Mapping[str, Any]
Fault = tuple[str, str]
"""Dotted path, and what is wrong there."""

_compiled: OrderedDict[str, RunSchema | None] = OrderedDict()


def check(resolution: Resolution, body: Body) -> None:
    """Check `body` against what the template or snapshot takes. Raises BodyRefused that names every fault."""
    faults = find_faults(resolution, body)
    if faults:
        lines = "".join(f"\n  {path}: {message}" if path else f"\n  {message}" for path, message in faults)
        raise BodyRefused(f"the run configuration does not fit {resolution}:{lines}", code="body")


def find_faults(resolution: Resolution, body: Body) -> list[Fault]:
    """Find everything in `body` that the template or snapshot does not take: dotted path, and what is wrong there."""
    schema = _schema(resolution)
    faults = list(_fields(body, resolution, schema))
    faults += _steps(body.get("steps"), resolution, schema)
    if schema:
        named = {path for path, _ in faults}
        faults += [fault for fault in _types(body, schema) if fault[0] not in named]
    return faults


def _types(body: Body, schema: RunSchema) -> list[Fault]:
    try:
        return list(schema.faults(body))
    except (TypeError, ValueError) as error:
        return [("", f"it holds something that is not JSON: {error}")]


def _schema(resolution: Resolution) -> RunSchema | None:
    """Give the compiled schema; None where there is none, or none that can be used."""
    if not resolution.config_schema:
        return None
    key = resolution.fingerprint
    if key not in _compiled:
        _compiled[key] = _compile(resolution)
        if len(_compiled) > MOST_COMPILED:
            _compiled.popitem(last=False)
    return _compiled[key]


def _compile(resolution: Resolution) -> RunSchema | None:
    try:
        return RunSchema(resolution.config_schema or {})
    except (ValueError, TypeError) as error:
        logger.warning("schema not usable", extra={"template": resolution.name, "reason": str(error).split("\n")[0]})
        return None


def _fields(body: Body, resolution: Resolution, schema: RunSchema | None) -> Iterator[Fault]:
    for key in body:
        if key in NEVER and body[key]:
            yield key, NEVER[key]
        elif key == "parameters" and body[key]:
            yield from _pipeline_parameters(body[key], resolution, schema)
        elif key not in BODY_FIELDS and not (schema and key in schema.fields):
            yield key, f"no such field{_tail(key, BODY_FIELDS)}"
    yield from _docker(body, "")


def _pipeline_parameters(parameters: Any, resolution: Resolution, schema: RunSchema | None) -> Iterator[Fault]:
    """Tell a static pipeline: neither its schema nor its template speaks of parameters of the pipeline itself."""
    told = schema.fields if schema else resolution.config_template
    if told and "parameters" not in told:
        yield "parameters", STATIC
    elif schema and isinstance(parameters, Mapping):
        yield from _unknown(parameters, schema.pipeline_parameters, "parameters", "the pipeline")


def _steps(steps: Any, resolution: Resolution, schema: RunSchema | None) -> Iterator[Fault]:
    if not isinstance(steps, Mapping):
        if steps is not None and not schema:
            yield "steps", "is not a mapping of steps"
        return
    template = resolution.config_template.get("steps")
    known = schema.steps if schema else template if isinstance(template, Mapping) else None
    for name, step in steps.items():
        if known is not None and name not in known:
            yield f"steps.{name}", f"no such step{_tail(name, known)} (steps: {', '.join(known) or 'none'})"
        elif isinstance(step, Mapping):
            yield from _step(name, step, schema)


def _step(name: str, step: Body, schema: RunSchema | None) -> Iterator[Fault]:
    path = f"steps.{name}"
    for key in step:
        if key not in STEP_FIELDS and not (schema and key in schema.steps[name]):
            yield f"{path}.{key}", f"no such field{_tail(key, STEP_FIELDS)}"
    parameters = step.get("parameters")
    if schema and isinstance(parameters, Mapping):
        yield from _unknown(parameters, schema.parameters[name], f"{path}.parameters", f"step {name}")
    yield from _docker(step, f"{path}.")


def _unknown(parameters: Body, known: frozenset[str] | None, path: str, whose: str) -> Iterator[Fault]:
    for key in parameters:
        if known is not None and key not in known:
            listed = f"parameters: {', '.join(sorted(known))}" if known else f"{whose} has none"
            yield f"{path}.{key}", f"no such parameter{_tail(key, known)} ({listed})"


def _docker(values: Body, path: str) -> Iterator[Fault]:
    settings = values.get("settings")
    if isinstance(settings, Mapping) and settings.get("docker"):
        yield f"{path}settings.docker", DOCKER


def _tail(word: str, known: Iterable[str]) -> str:
    found = nearest(word, known)
    return f"; did you mean {found}?" if found else ""
