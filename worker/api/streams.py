"""Pages out of a stream of Redis, newest first: where one begins, and which instants are meant."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import AwareDatetime, BeforeValidator

from worker.api.pages import decode_cursor, encode_cursor
from worker.domain.errors import Fault, Unknown
from worker.store.codec import milliseconds


def _written(value: Any) -> Any:
    """Refuse numbers, which would be taken for seconds."""
    if isinstance(value, str) and "-" not in value[1:]:
        raise ValueError("write an instant such as 2026-12-01T08:00:00Z")
    return value


Instant = Annotated[
    Annotated[AwareDatetime, BeforeValidator(_written)] | None,
    Query(description="ISO 8601, with its offset from UTC."),
]

LARGEST = 2**63


def decode_entry(cursor: str | None) -> str:
    """Read a cursor; gives the id of the last entry of the page before, "" on the first. Raises Unknown."""
    place = decode_cursor(cursor, int, int)
    if place is None:
        return ""
    if not all(0 <= part < LARGEST for part in place):
        raise Unknown([Fault(path="?cursor", message="there is no such page")])
    return f"{place[0]}-{place[1]}"


def encode_entry(identity: str) -> str:
    """Make the cursor of the page after an entry."""
    return encode_cursor(*map(int, identity.split("-")))


def beginning(moment: datetime | None) -> str:
    """Give the first id that an entry of an instant can have."""
    return str(max(0, milliseconds(moment))) if moment else "-"


def ending(moment: datetime | None) -> str:
    """Give the last id that an entry of an instant can have."""
    return str(max(0, milliseconds(moment))) if moment else "+"
