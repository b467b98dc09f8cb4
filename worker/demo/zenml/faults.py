"""Faults on demand: which requests go wrong, and in which way."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from worker.domain.nearest import did_you_mean


class Kind(StrEnum):
    """The ways in which a request can go wrong. "Carried out" means that a run was started, if one was asked for."""

    STATUS = "status"
    """Not carried out; answered with `status`, `body` and `headers`."""
    STATUS_AFTER_ACCEPT = "status_after_accept"
    """Carried out, then answered like that: a gateway that gave up."""
    RETRY_AFTER = "retry_after"
    """Not carried out; `status` with a Retry-After of `seconds`, or with `date` the date of that instant."""
    CAPACITY = "429_capacity"
    """Not carried out; the 429 of a server whose slots are all taken."""
    BUSY_BUT_RUNNING = "429_busy_but_running"
    """Carried out; the 429 of a server that stopped waiting for itself."""
    RESET_BEFORE = "reset_before"
    """Not carried out; the connection is reset."""
    RESET_AFTER_ACCEPT = "reset_after_accept"
    """Carried out; the connection is reset instead of an answer."""
    KILLED = "killed"
    """Not carried out; the connection is reset, and the request's Idempotency-Key stays poisoned for ever."""
    HANG_BEFORE = "hang_before"
    """Not carried out and not answered for `seconds`, or until the client hangs up; then reset."""
    HANG_AFTER_ACCEPT = "hang_after_accept"
    """Carried out and not answered for `seconds`, or until the client hangs up; then answered."""
    LATE = "late"
    """Carried out after `seconds`, also when the client has hung up by then; answered if it has not."""
    HTML_200 = "html_200"
    """Not carried out; 200 with a page of a proxy's."""
    HTML_200_AFTER_ACCEPT = "html_200_after_accept"
    """Carried out; 200 with such a page instead of the answer."""
    TRUNCATED_JSON = "truncated_json"
    """Carried out; 200 with the first half of the answer, as if that were all."""
    CUT_OFF = "cut_off"
    """Carried out; the connection ends in the middle of the answer."""
    SLOW_DRIP_BODY = "slow_drip_body"
    """Carried out; the answer comes byte by byte, one every `seconds`."""
    GZIP_BOMB = "gzip_bomb"
    """Not carried out; `size` bytes of nothing, compressed to a thousandth."""
    REDIRECT = "redirect"
    """Not carried out; 307 to `location`."""
    STAYS_INITIALIZING = "stays_initializing"
    """Carried out, but the run never leaves its first state."""
    FAILS_TO_START = "fails_to_start"
    """Carried out, but the submission of the run fails: `Failed to start run.`"""
    QUEUE_FAILS = "queue_fails"
    """500, and a failed run stays behind: `Failed to queue run.`"""


AFTER = frozenset(
    {
        Kind.STATUS_AFTER_ACCEPT,
        Kind.BUSY_BUT_RUNNING,
        Kind.RESET_AFTER_ACCEPT,
        Kind.HANG_AFTER_ACCEPT,
        Kind.HTML_200_AFTER_ACCEPT,
        Kind.TRUNCATED_JSON,
        Kind.CUT_OFF,
        Kind.SLOW_DRIP_BODY,
    }
)
"""The request is carried out, and its answer spoilt."""

INSIDE = frozenset({Kind.STAYS_INITIALIZING, Kind.FAILS_TO_START, Kind.QUEUE_FAILS})
"""The request is carried out badly."""


class WrongFault(ValueError):
    """A fault that cannot be; the sentence says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to go wrong, for the next `times` requests in whose `METHOD /path` the pattern `match` is found."""

    kind: Kind
    match: str = ""
    times: int = 1
    status: int = 503
    body: Any = None
    """Text as it is, anything else as JSON."""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 1.0
    date: bool = False
    location: str = "https://elsewhere.example/"
    size: int = 64 * 1024 * 1024


@dataclass(slots=True)
class _Armed:
    fault: Fault
    left: int


class Faults:
    """The faults that wait for their requests; the oldest that matches goes first."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def add(self, kind: str, **details: Any) -> Fault:
        """Arm a fault; `details` are the other fields of Fault. Raises WrongFault."""
        fault = Fault(kind=_kind(kind), **_checked(details))
        self._armed.append(_Armed(fault, fault.times))
        return fault

    def clear(self) -> None:
        """Disarm all."""
        self._armed.clear()

    def armed(self) -> list[tuple[Fault, int]]:
        """Give the faults that wait, each with the number of requests that it still meets."""
        return [(one.fault, one.left) for one in self._armed]

    def take(self, request: str) -> Fault | None:
        """Give the fault for a request, written as `METHOD /path`."""
        for one in self._armed:
            if re.search(one.fault.match, request):
                one.left -= 1
                if one.left <= 0:
                    self._armed.remove(one)
                return one.fault
        return None


def _kind(text: str) -> Kind:
    try:
        return Kind(text)
    except ValueError:
        raise WrongFault(f'there is no fault "{text}"{did_you_mean(text, Kind)}') from None


TYPES: Mapping[str, type | tuple[type, ...]] = {
    "match": str,
    "times": int,
    "status": int,
    "headers": Mapping,
    "seconds": (int, float),
    "date": bool,
    "location": str,
    "size": int,
}


def _checked(details: Mapping[str, Any]) -> Mapping[str, Any]:
    known = [one.name for one in fields(Fault)]
    for name, value in details.items():
        if name not in known:
            raise WrongFault(f'a fault has no "{name}"{did_you_mean(name, known)}')
        if not isinstance(value, TYPES.get(name, object)):
            raise WrongFault(f'"{name}" cannot be {value!r}')
    try:
        re.compile(details.get("match", ""))
    except re.error as error:
        raise WrongFault(f'"match" is no regular expression: {error}') from error
    return details
