"""A template's JSON Schema, made fit for partial configurations, compiled once, its faults in plain words.

ZenML generates the schema from its own models; it is nearer to the truth for parameters than for the rest:
* it demands all parameters, though the template has values for them: `required` goes, at the levels that we know;
* some fields take more forms than it tells (a cache policy may be a word): their types are left to the server, which
  checks them before it starts anything.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

import jsonschema_rs
import orjson

LOOSE = (
    "cache_policy",
    "settings",
    "model",
    "group",
    "outputs",
    "runtime",
    "init_hook_kwargs",
    "environment",
    "secrets",
    "failure_hook_source",
    "success_hook_source",
    "start_hook_source",
    "end_hook_source",
    "init_hook_source",
    "cleanup_hook_source",
    "pause_hook_source",
    "resume_hook_source",
)
"""Fields whose types ZenML's schema does not tell in full."""

TYPES = {
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "string": "a text",
    "object": "a mapping",
    "array": "a list",
    "null": "empty",
}

LONGEST_VALUE = 60

SECRET = re.compile(r"(?i)(password|passwd|secret|token|credential|api_?key)[^.]*$")
"""Parameters of such a name are not shown."""

HIDDEN = "the value"

Schema = Mapping[str, Any]


class RunSchema:
    """What one template says about its run configuration. Raises ValueError for a schema that is none."""

    def __init__(self, schema: Schema) -> None:
        self._schema: dict[str, Any] = deepcopy(dict(schema))
        top = _properties(self._object(self._schema))
        steps = {name: self._object(step) for name, step in _properties(self._object(top.get("steps"))).items()}
        self.fields = frozenset(top)
        """The fields at the top."""
        self.steps = {name: frozenset(_properties(step)) for name, step in steps.items()}
        """The steps, each with its fields."""
        self.parameters = {name: self._names(_properties(step).get("parameters")) for name, step in steps.items()}
        """The steps, each with the names of its parameters; None if it takes any."""
        self.pipeline_parameters = self._names(top.get("parameters"))
        """Names of the pipeline's own parameters; None if it takes any."""
        self._relax(top, steps.values())
        self._validator = jsonschema_rs.validator_for(self._schema, retriever=_nowhere, validate_formats=False)

    def faults(self, body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Give each place where `body` does not fit, with what is wrong there."""
        for error in self._validator.iter_errors(body):
            for meant in _meant(error):
                path = ".".join(str(part) for part in meant.instance_path)
                yield path, _sentence(meant, HIDDEN if SECRET.search(path) else _shown(meant.instance))

    def _names(self, parameters: Any) -> frozenset[str] | None:
        definition = self._object(parameters)
        closed = definition.get("additionalProperties") in (None, False)
        return frozenset(_properties(definition)) if closed else None

    def _relax(self, top: dict[str, Any], steps: Iterable[dict[str, Any]]) -> None:
        partial = [self._object(self._schema), self._object(top.get("steps")), self._object(top.get("parameters"))]
        _loosen(top)
        for step in steps:
            partial += [step, self._object(_properties(step).get("parameters"))]
            _loosen(_properties(step))
        for definition in partial:
            definition.pop("required", None)
            # What is unknown is named by the caller, with the nearest known name.
            if definition.get("additionalProperties") is False:
                del definition["additionalProperties"]

    def _object(self, definition: Any) -> dict[str, Any]:
        """Follow `$ref` and "this or null" to the definition of the mapping itself; {} if there is none."""
        for _ in range(8):  # a schema that goes round in circles ends here
            if not isinstance(definition, dict):
                return {}
            if isinstance(reference := definition.get("$ref"), str):
                definition = self._schema.get("$defs", {}).get(reference.removeprefix("#/$defs/"))
            elif isinstance(choices := definition.get("anyOf"), list) and choices:
                definition = next((each for each in choices if each != {"type": "null"}), {})
            else:
                return definition
        return {}


def _properties(definition: Schema) -> dict[str, Any]:
    properties = definition.get("properties")
    return properties if isinstance(properties, dict) else {}


def _loosen(properties: dict[str, Any]) -> None:
    for name in LOOSE:
        if name in properties:
            properties[name] = True


def _nowhere(uri: str) -> Any:
    """Keep a foreign schema from making us fetch files or addresses."""
    raise ValueError(f"a schema must not refer to {uri}")


def _meant(error: jsonschema_rs.ValidationError) -> Iterator[jsonschema_rs.ValidationError]:
    """Of "fits none of these", take the choice that was meant: the one of which the value has the kind at least."""
    if not isinstance(error.kind, jsonschema_rs.ValidationErrorKind.AnyOf):
        yield error
        return
    of_its_kind = [
        branch
        for branch in error.kind.context
        if not any(_is_type(fault) and fault.instance_path == error.instance_path for fault in branch)
    ]
    if not of_its_kind:
        yield error
        return
    for fault in of_its_kind[0]:
        yield from _meant(fault)


def _is_type(error: jsonschema_rs.ValidationError) -> bool:
    return isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Type)


def _sentence(error: jsonschema_rs.ValidationError, shown: str) -> str:
    kinds = jsonschema_rs.ValidationErrorKind
    wanted = _wanted(error)
    if isinstance(error.kind, kinds.AnyOf):
        wanted = [name for branch in error.kind.context for fault in branch for name in _wanted(fault)]
    if wanted:
        return f"{shown} is not {_choice(wanted)}"
    if isinstance(error.kind, kinds.Enum):
        return f"{shown} is not one of {_shown(error.kind.options)}"
    return str(error.message)[: 4 * LONGEST_VALUE] if shown != HIDDEN else "the value does not fit"


def _wanted(fault: jsonschema_rs.ValidationError) -> Sequence[str]:
    return list(fault.kind.types) if isinstance(fault.kind, jsonschema_rs.ValidationErrorKind.Type) else []


def _choice(types: Sequence[str]) -> str:
    named = [TYPES.get(name, name) for name in types if name != "null" or len(types) == 1]
    return " or ".join(dict.fromkeys(named))


def _shown(value: Any) -> str:
    text = orjson.dumps(value, default=str).decode()
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
