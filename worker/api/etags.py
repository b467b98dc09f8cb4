"""ETags, and what callers say that they know: `If-Match` and `If-None-Match`.

The tag of a schedule is `"<definition>.<state>"`. A cache compares both; a change is let through by the definition
alone, which nobody but who changes it changes: fires go on meanwhile.
"""

import re
from hashlib import sha256
from typing import Annotated, Any

import orjson
from fastapi import Header

from worker.api.problems import PreconditionFailed

IfMatch = Annotated[
    str | None, Header(alias="If-Match", max_length=1024, description="The ETag that is to be replaced, or `*`.")
]
IfNoneMatch = Annotated[
    str | None, Header(alias="If-None-Match", max_length=1024, description="`*`: only if it does not exist yet.")
]
Known = Annotated[
    str | None, Header(alias="If-None-Match", max_length=1024, description="ETags that the caller has: 304 for these.")
]

_TAG = re.compile(r'(W/)?"([^"]*)"')
_LENGTH = 16


def hash_of(value: Any) -> str:
    """Give a short hash of plain values."""
    return sha256(orjson.dumps(value, default=str, option=orjson.OPT_SORT_KEYS)).hexdigest()[:_LENGTH]


def etag_of(definition: str, state: str) -> str:
    """Make an ETag."""
    return f'"{definition[:_LENGTH]}.{state[:_LENGTH]}"'


def is_known(header: str | None, etag: str) -> bool:
    """Tell whether the caller of a GET has this already."""
    if header is None:
        return False
    return header.strip() == "*" or any(f'"{tag}"' == etag for _, tag in _TAG.findall(header))


def check_match(header: str | None, definition: str | None) -> None:
    """See that a change replaces what its author has seen; `definition` is None where there is nothing.

    Raises PreconditionFailed: 428 if nothing is said, 412 if it is not so.
    """
    if header is None:
        raise PreconditionFailed("say in If-Match which version is to be changed: the ETag of a GET", missing=True)
    if definition is None:
        raise PreconditionFailed("it does not exist (any more)")
    if header.strip() == "*":
        return
    # A weak tag says that something looks alike, which is not enough to overwrite it.
    seen = {tag.partition(".")[0] for weak, tag in _TAG.findall(header) if not weak}
    if definition[:_LENGTH] not in seen:
        raise PreconditionFailed("it was changed meanwhile; GET it again, and look at what is new")


def check_none(header: str, definition: str | None) -> None:
    """See that there is nothing yet. Raises PreconditionFailed."""
    if header.strip() != "*":
        raise PreconditionFailed("in If-None-Match, only * is possible here: to make what does not exist yet")
    if definition is not None:
        raise PreconditionFailed("it exists already; to change it, say in If-Match which version you have seen")
