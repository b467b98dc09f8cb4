"""Lists in pages: how many, from where on, and which fields."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from typing import Annotated, Any

import orjson
from fastapi import Query, Response
from pydantic import BaseModel

from worker.domain.errors import Fault, InvalidInput, Unknown
from worker.domain.nearest import did_you_mean

Limit = Annotated[int, Query(ge=1, le=1000, description="The most items of a page.")]
"""A route's parameter; give it a default, such as `USUAL`."""

USUAL = 50

Cursor = Annotated[
    str | None, Query(max_length=512, description="`next` of the page before; left out: the first page.")
]


def fields_of(model: type[BaseModel]) -> Any:
    """Make the description of the query parameter `fields` for items of a model."""
    names = "|".join(model.model_fields)
    return Query(
        max_length=512,
        description="Only these fields of each item, with commas between.",
        # Told, but not checked by the framework: `chosen` names the nearest.
        json_schema_extra={"pattern": f"^({names})(,({names}))*$"},
    )


def encode_cursor(*place: str | int) -> str:
    """Make the text that a caller hands back for the next page."""
    return urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")


def decode_cursor(cursor: str | None, *kinds: type) -> list[Any] | None:
    """Read a cursor; None without one. Raises Unknown for what was not made by `encode_cursor`."""
    if cursor is None:
        return None
    try:
        place = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        place = None
    fits = isinstance(place, list) and len(place) == len(kinds)
    if not fits or not all(isinstance(part, kind) for part, kind in zip(place or (), kinds, strict=False)):
        raise Unknown([Fault(path="?cursor", message="there is no such page: it is not the `next` of another")])
    return list(place or ())


def chosen(fields: str | None, model: type[BaseModel]) -> set[str] | None:
    """Read which fields are wanted; None is all of them. Raises InvalidInput for one that there is not."""
    if fields is None:
        return None
    names = fields.split(",")
    unknown = [name for name in names if name not in model.model_fields]
    if unknown:
        raise InvalidInput(
            [
                Fault(path="?fields", message=f'there is no field "{name}"{did_you_mean(name, model.model_fields)}')
                for name in unknown
            ]
        )
    return set(names)


def page(items: Iterable[BaseModel], following: str | None, fields: set[str] | None) -> Response:
    """Make the answer. A field without a value is left out of an item."""
    rows = [item.model_dump(mode="json", include=fields, exclude_none=True) for item in items]
    return Response(orjson.dumps({"items": rows, "next": following}), media_type="application/json")
