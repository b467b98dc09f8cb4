"""The body of a request: JSON, said to be JSON, and nothing else."""

from collections.abc import Mapping
from typing import Any, TypeVar

import orjson
from fastapi import Request
from pydantic import BaseModel, ValidationError

from worker.api.problems import BadRequest
from worker.domain.errors import Fault, InvalidInput
from worker.domain.jsonvalues import describe, pointer_of
from worker.domain.nearest import did_you_mean

Model = TypeVar("Model", bound=BaseModel)

MOST_VALUES = 250_000
"""Values of a body: more of them take seconds to read, and others would have to wait."""


async def read_json(request: Request, *, optional: bool = False) -> Any:
    """Read the body. Raises BadRequest; with `optional` an empty one is `{}`."""
    body = await request.body()
    if not body and optional:
        return {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        # Also what keeps a form on somebody's page from calling us: browsers ask before they send this type.
        raise BadRequest(415, "media-type", "the body has to be JSON, with Content-Type: application/json")
    if sum(map(body.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise BadRequest(413, "too-many-values", f"the body holds more than {MOST_VALUES} values; send it in parts")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(400, "not-json", f"the body is not JSON: {error}") from error
    except RecursionError as error:
        raise BadRequest(400, "not-json", "the body is nested too deeply") from error


def checked(model: type[Model], values: object) -> Model:
    """Check a body. Raises InvalidInput with every fault and its place."""
    if not isinstance(values, Mapping):
        raise InvalidInput(f"the body has to be a mapping, not {describe(values)}")
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise InvalidInput([_fault(model, detail) for detail in error.errors(include_url=False)]) from None


def _fault(model: type[BaseModel], detail: Any) -> Fault:
    message = str(detail["msg"]).removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        message = f"unknown field{did_you_mean(str(detail['loc'][-1]), model.model_fields)}"
    return Fault(message=message, pointer=pointer_of(detail["loc"]))
