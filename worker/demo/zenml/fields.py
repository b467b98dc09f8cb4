"""The body of a launch: which fields each version knows, and what ZenML checks of their types."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from worker.demo.zenml.refusals import Malformed, fault
from worker.demo.zenml.versions import IGNORES_UNKNOWN_FIELDS, RUN_TEMPLATES, SNAPSHOTS, Version

Where = tuple[str | int, ...]
Check = Callable[[Where, Any], Iterator[dict[str, Any]]]

TRUTHS = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "t", "f", "0", "1"})
MODES = ("fail_fast", "stop_on_failure", "continue_on_failure")


def _text(where: Where, value: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(value, str):
        yield fault("string_type", where, "Input should be a valid string", value)


def _truth(where: Where, value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, str) and value.lower() not in TRUTHS:
        yield fault("bool_parsing", where, "Input should be a valid boolean, unable to interpret input", value)
    elif not isinstance(value, str | bool) and value not in (0, 1):
        yield fault("bool_type", where, "Input should be a valid boolean", value)


def _mapping(where: Where, value: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(value, dict):
        yield fault("dict_type", where, "Input should be a valid dictionary", value)


def _texts(where: Where, value: Any) -> Iterator[dict[str, Any]]:
    yield from _mapping(where, value)
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _text((*where, key), one)


def _model(where: Where, value: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(value, dict):
        message = "Input should be a valid dictionary or object to extract fields from"
        yield fault("model_attributes_type", where, message, value)


def _list(where: Where, value: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(value, list):
        yield fault("list_type", where, "Input should be a valid list", value)


def _tags(where: Where, value: Any) -> Iterator[dict[str, Any]]:
    yield from _list(where, value)
    for index, tag in enumerate(value if isinstance(value, list) else ()):
        if isinstance(tag, dict):
            if not isinstance(tag.get("name"), str):
                yield fault("missing", (*where, index, "Tag", "name"), "Field required", tag)
        elif not isinstance(tag, str):
            yield from _text((*where, index, "str"), tag)
            yield from _model((*where, index, "Tag"), tag)


def _mode(where: Where, value: Any) -> Iterator[dict[str, Any]]:
    if value not in MODES:
        expected = "'fail_fast', 'stop_on_failure' or 'continue_on_failure'"
        yield fault("enum", where, f"Input should be {expected}", value, expected=expected)


def _anything(_: Where, __: Any) -> Iterator[dict[str, Any]]:
    yield from ()


FIELDS: Mapping[str, tuple[Check, Version]] = {
    "run_name": (_text, RUN_TEMPLATES),
    "enable_cache": (_truth, RUN_TEMPLATES),
    "enable_artifact_metadata": (_truth, RUN_TEMPLATES),
    "enable_artifact_visualization": (_truth, RUN_TEMPLATES),
    "enable_step_logs": (_truth, RUN_TEMPLATES),
    "schedule": (_model, RUN_TEMPLATES),
    "build": (_anything, RUN_TEMPLATES),
    "steps": (_mapping, RUN_TEMPLATES),
    "settings": (_mapping, RUN_TEMPLATES),
    "extra": (_mapping, RUN_TEMPLATES),
    "model": (_model, RUN_TEMPLATES),
    "parameters": (_mapping, RUN_TEMPLATES),
    "retry": (_model, RUN_TEMPLATES),
    "failure_hook_source": (_anything, RUN_TEMPLATES),
    "success_hook_source": (_anything, RUN_TEMPLATES),
    "tags": (_tags, (0, 70, 0)),
    "substitutions": (_texts, (0, 71, 0)),
    "enable_pipeline_logs": (_truth, (0, 81, 0)),
    "cache_policy": (_anything, (0, 85, 0)),
    "execution_mode": (_mode, (0, 85, 0)),
    "environment": (_mapping, SNAPSHOTS),
    "secrets": (_list, SNAPSHOTS),
    "enable_heartbeat": (_truth, (0, 93, 1)),
    "init_hook_kwargs": (_mapping, SNAPSHOTS),
}
"""Fields of a run configuration: how each is checked, and since when it is known."""

STEP_FIELDS: Mapping[str, tuple[Check, Version]] = {
    "step_operator": (_anything, RUN_TEMPLATES),
    "experiment_tracker": (_anything, RUN_TEMPLATES),
    "parameters": (_mapping, RUN_TEMPLATES),
    "outputs": (_mapping, RUN_TEMPLATES),
    **{
        name: FIELDS[name]
        for name in (
            "enable_cache",
            "enable_artifact_metadata",
            "enable_artifact_visualization",
            "enable_step_logs",
            "settings",
            "extra",
            "model",
            "retry",
            "failure_hook_source",
            "success_hook_source",
            "substitutions",
            "cache_policy",
            "environment",
            "secrets",
        )
    },
}
"""Fields of a step's configuration, likewise."""


def check(body: Any, version: Version, where: Where = ("body",)) -> None:
    """See that a run configuration is one, as far as ZenML looks. Raises Malformed with every fault.

    Unknown steps, and from 0.82 on unknown fields at any level, are accepted without a word.
    """
    if faults := list(_faults(body, version, where)):
        raise Malformed(*faults)


def _faults(body: Any, version: Version, where: Where) -> Iterator[dict[str, Any]]:
    yield from _model(where, body)
    if not isinstance(body, dict):
        return
    yield from _checked(body, FIELDS, version, where)
    steps = body.get("steps")
    for name, step in (steps if isinstance(steps, dict) else {}).items():
        yield from _model((*where, "steps", name), step)
        if isinstance(step, dict):
            yield from _checked(step, STEP_FIELDS, version, (*where, "steps", name))


def _checked(
    values: dict[str, Any], known: Mapping[str, tuple[Check, Version]], version: Version, where: Where
) -> Iterator[dict[str, Any]]:
    for key, value in values.items():
        one, since = known.get(key, (_anything, (999, 0, 0)))
        if since > version:
            if version < IGNORES_UNKNOWN_FIELDS:
                yield fault("extra_forbidden", (*where, key), "Extra inputs are not permitted", value)
        elif value is not None:
            yield from one((*where, key), value)
