"""Everything that can go wrong, in one tree.

ZenbeatError
├── InvalidInput              what a person wrote cannot be used; carries every fault at once
│   ├── MissingExtra          it needs a library that is not installed
│   ├── Unknown               what was named does not exist
│   └── Conflict              what is there already stands against it
├── QueueFull                 as many triggers wait as may wait; nothing was recorded
├── CallRefused               a caller of the API is not let in
├── StoreUnavailable          Redis cannot be reached, or refuses to work
├── LeadLost                  another beat leads: what this one was about to write is the other's business now
├── BrokerUnavailable         Celery's broker cannot be reached; what is recorded is rung again later
├── NotDelivered              a receiver did not take an alert
└── ZenMLError                a call to ZenML did not give what was asked for
    ├── Refused               a definite no; trying the same again gives the same
    │   ├── NotFound          the pipeline, template, snapshot or project does not exist
    │   ├── BodyRefused       the run configuration does not fit the template
    │   └── NameTaken         a run of that name exists (409): look whether it is ours
    ├── AccessDenied          login or permission failed; nothing was started; a person may mend it meanwhile
    ├── AtCapacity            the server takes no more launches now; nothing was started
    ├── NotYet                the run has not come to where this can be done; ask again in a moment
    ├── NotSent               the request never reached the server
    ├── Unclear               the server may or may not have started the run: look before you try again
    └── Unsettled             the server may still be at work on an earlier attempt: look again in a moment

Whether to try again is the error's own knowledge (`retryable`, `retry_after`, `ambiguous`); only `worker.zenml`
looks at status codes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal


class ZenbeatError(Exception):
    """Anything that zenbeat raises on purpose; `str()` is a sentence for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One mistake in something a person wrote: where it is, and what is wrong.

    `line` and `column` count from 1; 0 means that the place is not known. `path` is the dotted way to the value, and
    `pointer` the same as a JSON pointer, where keys may hold dots.
    """

    message: str
    file: str = ""
    line: int = 0
    column: int = 0
    path: str = ""
    pointer: str = ""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return ": ".join(part for part in (place, self.path, self.message) if part)


class InvalidInput(ZenbeatError):
    """What a person wrote cannot be used. `faults` has every mistake found, in the order of the text."""

    def __init__(self, faults: Sequence[Fault] | str) -> None:
        self.faults = (Fault(message=faults),) if isinstance(faults, str) else tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class MissingExtra(InvalidInput):
    """What a person wrote needs a library that is not installed; the sentence says how to install it."""

    def __init__(self, what: str, library: str, extra: str) -> None:
        super().__init__(f"{what} needs {library}; install it: pip install 'zenbeat[{extra}]'")


class Unknown(InvalidInput):
    """What was named does not exist; the sentence has the nearest name."""


class Conflict(InvalidInput):
    """What is there already stands against it. `known` tells what that is, for programs."""

    def __init__(self, faults: Sequence[Fault] | str, known: Mapping[str, Any] | None = None) -> None:
        super().__init__(faults)
        self.known = dict(known or {})


class QueueFull(ZenbeatError):
    """As many triggers wait as may wait. Nothing was recorded; `retry_after` is seconds."""

    def __init__(self, reason: str, retry_after: float) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class CallRefused(ZenbeatError):
    """A caller of the API is not let in: it is not known, not allowed to, or too fast.

    `kind` says which of these: `unknown`, `denied`, `throttled` or `locked`; `retry_after` is seconds.
    """

    def __init__(self, kind: Literal["unknown", "denied", "throttled", "locked"], reason: str, wait: float = 0) -> None:
        super().__init__(reason)
        self.kind = kind
        self.retry_after = wait


class StoreUnavailable(ZenbeatError):
    """Redis cannot be reached, or refuses to work."""


class LeadLost(ZenbeatError):
    """Another beat leads. Nothing was written: what was due is the other one's business now."""


class BrokerUnavailable(ZenbeatError):
    """Celery's broker cannot be reached. Nothing is lost: what is recorded is rung again later."""


class NotDelivered(ZenbeatError):
    """A receiver did not take an alert. `gone`: it asked never to be sent any again."""

    def __init__(self, reason: str, *, gone: bool = False) -> None:
        super().__init__(reason)
        self.gone = gone


DENIED = frozenset({"unauthorized", "login_refused", "subscription"})
"""Codes of errors that every trigger of a server will meet, until a person has mended it."""

DOWN = frozenset({"unreachable", "unavailable", "timeout", "tls", "too_busy", "login_rate"})
"""Codes of errors that every trigger of a server will meet, until it is well again."""


class ZenMLError(ZenbeatError):
    """A call to ZenML did not give what was asked for.

    `code` is a short stable word for programs; `retry_after` is seconds, where the server named them. `http_status` is
    that of the answer, where there was one, for people to read: nobody decides by it.
    """

    retryable = False
    ambiguous = False

    def __init__(
        self, message: str, *, code: str = "", retry_after: float | None = None, http_status: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code or type(self).__name__
        self.retry_after = retry_after
        self.http_status = http_status

    @property
    def trouble(self) -> str | None:
        """Whether this is about the server and not about what was asked of it: `down`, `denied`, or None."""
        return "denied" if self.code in DENIED else "down" if self.code in DOWN else None


class Refused(ZenMLError):
    """A definite no; trying the same again gives the same."""


class NotFound(Refused):
    """The pipeline, template, snapshot or project does not exist."""


class BodyRefused(Refused):
    """The run configuration does not fit the template."""


class NameTaken(Refused):
    """A run of that name exists (409): look whether it is ours."""


class AccessDenied(ZenMLError):
    """Login or permission failed. Nothing was started, and a person may mend it meanwhile."""

    retryable = True


class AtCapacity(ZenMLError):
    """The server takes no more launches now. Nothing was started; waiting does not use up an attempt."""

    retryable = True


class NotYet(ZenMLError):
    """The run has not come to where this can be done. Nothing was done; ask again in a moment."""

    retryable = True


class NotSent(ZenMLError):
    """The request never reached the server, so that nothing can have been started."""

    retryable = True


class Unclear(ZenMLError):
    """The server may or may not have started the run. Look for it by its name before you try again."""

    retryable = True
    ambiguous = True


class Unsettled(ZenMLError):
    """The server may still be at work on an earlier attempt, so that what a look shows may change. Look again."""

    retryable = True
    ambiguous = True
