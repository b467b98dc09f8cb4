"""What can go wrong, in one tree.

ZenbeatError
├── Unavailable               no usable answer, however often it was asked for; it is not known what was recorded
└── Refused                   the server said no; asking the same again gives the same
    ├── InvalidRequest        what was asked for cannot be used (400, 413, 415, 422)
    ├── NotLetIn              the key is unknown, or has not the scope (401, 403)
    ├── NotFound              there is no such trigger or schedule (404)
    └── Conflict              what is there already stands against it (409)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx


class ZenbeatError(Exception):
    """Anything that this client raises on purpose; `str()` is a sentence for people."""


class Unavailable(ZenbeatError):
    """No usable answer came. With the same Idempotency-Key it is safe to ask again later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One mistake in a request: a JSON pointer to its place, and a sentence."""

    pointer: str
    detail: str


class Refused(ZenbeatError):
    """The server said no. `problem` is its answer, as RFC 9457 has it."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = problem
        self.request_id = str(problem.get("request_id", ""))
        self.faults = tuple(
            Fault(pointer=str(fault.get("pointer", "")), detail=str(fault.get("detail", "")))
            for fault in problem.get("errors", ())
        )
        super().__init__(f"{status}: {problem.get('detail') or problem.get('title') or 'refused'}")


class InvalidRequest(Refused):
    """What was asked for cannot be used; `faults` says where and why."""


class NotLetIn(Refused):
    """The key is unknown, expired or revoked, or has not the scope."""


class NotFound(Refused):
    """There is no such trigger or schedule."""


class Conflict(Refused):
    """What is there already stands against it: the key was used for another request, or the trigger was sent."""


KINDS = {
    400: InvalidRequest,
    401: NotLetIn,
    403: NotLetIn,
    404: NotFound,
    409: Conflict,
    413: InvalidRequest,
    415: InvalidRequest,
    422: InvalidRequest,
}


def refusal(response: httpx.Response) -> Refused:
    """Make the error that an answer means."""
    try:
        problem = response.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        problem = {"detail": response.text[:500] or response.reason_phrase}
    return KINDS.get(response.status_code, Refused)(response.status_code, problem)
