"""What a payload has to look like before expressions see it: a JSON Schema, compiled once."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import jsonschema_rs
import orjson

from worker.domain.errors import Fault

Path = tuple[str | int, ...]

MOST_TOLD = 10
"""Faults of one payload that are told at once."""

LONGEST_SENTENCE = 240

MASK = "the value"
"""Stands in sentences for what is in a payload: they go to logs, and payloads may hold what nobody else shall know."""

BACKTRACKING = 100_000
"""Steps back that one pattern may take on one text."""


class SchemaError(ValueError):
    """A JSON Schema that cannot be used: `str()` says why, `path` leads to the place in it."""

    def __init__(self, message: str, path: Path = ()) -> None:
        super().__init__(message)
        self.path = path


class PayloadSchema:
    """A JSON Schema (any draft; 2020-12 where it names none). It fetches nothing. Raises SchemaError."""

    def __init__(self, schema: Any) -> None:
        try:
            # Without the mask, so that what is wrong with the schema itself is told.
            _validator(schema, None)
            self._validator = _validator(schema, MASK)
        except jsonschema_rs.ValidationError as error:
            raise SchemaError(_short(str(error.message)), tuple(error.instance_path)) from error
        # A reference that leads nowhere, or a value that JSON does not have.
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            raise SchemaError(_short(str(error))) from error

    def faults(self, payload: Any) -> list[Fault]:
        """Give what of a payload does not fit, each with the dotted path in it."""
        return list(self._faults(payload))

    def _faults(self, payload: Any) -> Iterator[Fault]:
        try:
            for number, error in enumerate(self._validator.iter_errors(payload)):
                if number >= MOST_TOLD:
                    return
                yield Fault(path=".".join(map(str, error.instance_path)), message=_short(str(error.message)))
        # Nested deeper than the validator goes.
        except ValueError as error:
            yield Fault(message=_short(str(error)))


@lru_cache(maxsize=1024)
def payload_schema(text: str) -> PayloadSchema:
    """Compile a schema that is written as JSON, or find it compiled already. Raises SchemaError."""
    return PayloadSchema(orjson.loads(text))


def _validator(schema: Any, mask: str | None) -> jsonschema_rs.Validator:
    patterns = jsonschema_rs.FancyRegexOptions(backtrack_limit=BACKTRACKING)
    return jsonschema_rs.validator_for(
        schema, retriever=_nowhere, validate_formats=True, pattern_options=patterns, mask=mask
    )


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_SENTENCE else f"{text[:LONGEST_SENTENCE]}…"


def _nowhere(uri: str) -> Any:
    """Keep a schema from making us fetch files or addresses."""
    raise ValueError(f"a schema must not refer to {uri}")
