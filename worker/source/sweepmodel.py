"""The words of a sweep in a schedule file. `worker.domain.sweep` reads them, and says what is wrong with them."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from worker.domain.sweepparts import Goal, Method
from worker.source.fields import Strict

_TEXT = {"type": "string", "minLength": 1}
_COUNT = {"type": "integer", "minimum": 1}
_POSITIVE = {"type": "number", "exclusiveMinimum": 0}
_EXPRESSION = {"type": "string", "maxLength": 1000, "examples": ["batch_size * lr < 1", "optimizer == 'sgd'"]}


def _mapping(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"required": list(required)} if required else {"minProperties": 1})


_METRIC = _mapping({"name": _TEXT, "goal": {"enum": list(Goal)}, "target": {"type": "number"}}, "name")
_EARLY = _mapping(
    {
        "type": {"enum": ["asha", "median", "hyperband"]},
        "resource": _TEXT,
        "min_iter": _POSITIVE,
        "eta": {"type": "number", "exclusiveMinimum": 1},
        "min_trials": _COUNT,
    },
    "type",
)
_SPACE = {"type": "object", "minProperties": 1}
_POINTS = {
    "oneOf": [
        {"type": "array", "items": _SPACE, "minItems": 1},
        {"type": "string", "pattern": r"\.(csv|jsonl)$", "examples": ["points/best.csv"]},
    ]
}
_GROUPS = {"type": "array", "items": {"type": "array", "items": _TEXT, "minItems": 2}}


class SweepWords(Strict):
    """What a sweep tries, and when it has tried enough."""

    method: Annotated[Any, WithJsonSchema({"enum": list(Method)})] = Field(
        None,
        description="How values are chosen. grid: every combination. random: drawn from their distributions. sobol, "
        "lhs: drawn so that they fill the space evenly. bayes: asked of a study that learns from the trials before. "
        "list: the `points` that are written down.",
    )
    parameters: Annotated[Any, WithJsonSchema(_SPACE)] = Field(
        None,
        description="The search space: name -> value, values, or distribution with min, max, mu, sigma, q. `when`: an "
        "expression; only trials for which it holds have the parameter. A dotted name leads into the run "
        "configuration: steps.model_trainer.parameters.lr; nested parameters are the same.",
    )
    zip: Annotated[Any, WithJsonSchema(_GROUPS)] = Field(
        None, description="Groups of parameters that go forward together: [[a, b], [c, d]]."
    )
    where: Annotated[Any, WithJsonSchema({"oneOf": [_EXPRESSION, {"type": "array", "items": _EXPRESSION}]})] = Field(
        None, description="An expression over parameters, or several: trials for which one is false do not exist."
    )
    points: Annotated[Any, WithJsonSchema(_POINTS)] = Field(
        None,
        description="For method: list: mappings of names to values, or a file with them, .csv or .jsonl, relative to "
        "this folder.",
    )
    metric: Annotated[Any, WithJsonSchema(_METRIC)] = Field(
        None, description="What the trials are compared by. `target`: the sweep ends when a trial is as good."
    )
    metrics: Annotated[Any, WithJsonSchema({"type": "array", "items": _METRIC, "minItems": 1})] = Field(
        None, description="Several metrics, to weigh against each other, instead of `metric`."
    )
    run_cap: Annotated[Any, WithJsonSchema(_COUNT)] = Field(
        None, description="The number of trials; random, sobol, lhs and bayes need it. Of grid and list: the most."
    )
    seed: Annotated[Any, WithJsonSchema({"type": "integer"})] = Field(
        None, description="The same seed gives the same trials. Default: 0."
    )
    max_parallel: Annotated[Any, WithJsonSchema(_COUNT)] = Field(
        None, description="The most trials at once. Default: as many as the limits allow; of bayes 4."
    )
    budget: Annotated[Any, WithJsonSchema(_mapping({"runs": _COUNT, "hours": _POSITIVE}))] = Field(
        None, description="No trial is started after so many `runs`, or `hours` of run time of all runs together."
    )
    stop_when: Annotated[Any, WithJsonSchema(_mapping({"failures": _COUNT, "reached": _EXPRESSION}))] = Field(
        None, description="It ends after so many `failures`, or when an expression over its metrics is `reached`."
    )
    early_terminate: Annotated[Any, WithJsonSchema(_EARLY)] = Field(
        None,
        description="Runs that do worse than others are stopped on the way, by the metric and the `resource` that they "
        "log as run metadata. hyperband, W&B's word, is read as asha.",
    )
