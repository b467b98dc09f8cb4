"""What goes wrong, as RFC 9457 has it: one `application/problem+json` for everything, with the place of each fault."""

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from worker.domain.errors import (
    CallRefused,
    Conflict,
    Fault,
    InvalidInput,
    QueueFull,
    StoreUnavailable,
    Unknown,
    ZenbeatError,
    ZenMLError,
)
from worker.domain.jsonvalues import pointer_of
from worker.logs import SECRET

logger = logging.getLogger("zenbeat.api")

MEDIA_TYPE = "application/problem+json"

STORE_SECONDS = 1
"""After which a caller may try again that Redis could not serve."""

LONGEST = 1_000
"""Characters of a text that a caller may have written itself: an answer is no echo."""

SENTENCE = "Something went wrong that should not; the log has it under this request_id."


class Place(BaseModel):
    """One fault: where it is, and what is wrong."""

    pointer: str = Field(
        description="JSON pointer into the body, or `?name` for a query parameter; empty for the whole."
    )
    detail: str = Field(description="A sentence, with the nearest match where there is one.")


class Problem(BaseModel):
    """An answer that is not what was asked for."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="`urn:zenbeat:` and a short stable word.", examples=["urn:zenbeat:invalid"])
    title: str
    status: int
    detail: str
    instance: str = Field(description="The path that was called.")
    request_id: str = Field(description="The same as in the header `X-Request-Id`, and in the log.")
    errors: list[Place] = Field(default_factory=list)


class BadRequest(ZenbeatError):
    """A request that is not even of the right form; `status` and `code` say how."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code


class PreconditionFailed(ZenbeatError):
    """What the caller said that it knows of the resource is not so (412), or it did not say (428)."""

    def __init__(self, detail: str, *, missing: bool = False, etag: str = "") -> None:
        super().__init__(detail)
        self.status = HTTPStatus.PRECONDITION_REQUIRED if missing else HTTPStatus.PRECONDITION_FAILED
        self.etag = etag


BEARER = 'Bearer realm="zenbeat"'
BASIC = f'Basic realm="zenbeat", charset="UTF-8", {BEARER}'

REFUSED = {
    "unknown": HTTPStatus.UNAUTHORIZED,
    "denied": HTTPStatus.FORBIDDEN,
    "throttled": HTTPStatus.TOO_MANY_REQUESTS,
    "locked": HTTPStatus.TOO_MANY_REQUESTS,
}


REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": HTTPStatus(status).phrase,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status in (400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 500, 503)
}
"""What every route may answer, for the OpenAPI."""


def request_id(request: Request) -> str:
    """Give the id that the server gave a request; "" where no server is."""
    return getattr(request.state, "request_id", "")


def pointer(path: str) -> str:
    """Make a JSON pointer of a dotted path."""
    return pointer_of(tuple(path.split("."))) if path else ""


def problem(
    request: Request,
    status: int,
    code: str,
    detail: str,
    *,
    faults: tuple[Fault, ...] = (),
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """Make the answer."""
    body = {
        "type": f"urn:zenbeat:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": _told(detail),
        "instance": _told(request.url.path),
        "request_id": request_id(request),
        **({"errors": [_place(fault) for fault in faults]} if faults else {}),
        **more,
    }
    return Response(
        orjson.dumps(body, default=str), status_code=status, media_type=MEDIA_TYPE, headers=dict(headers or {})
    )


def _place(fault: Fault) -> dict[str, str]:
    where = fault.pointer or (fault.path if fault.path.startswith("?") else pointer(fault.path))
    return {"pointer": _told(where), "detail": _told(fault.message)}


def _told(text: str) -> str:
    """Shorten what may be the caller's own words, and blot out keys: answers are kept in logs of others."""
    return SECRET.sub("***", text if len(text) <= LONGEST else f"{text[:LONGEST]}…")


def _invalid(request: Request, error: InvalidInput) -> Response:
    if isinstance(error, Conflict):
        return problem(request, HTTPStatus.CONFLICT, "conflict", _said(error), faults=error.faults, **error.known)
    status, code = (404, "unknown") if isinstance(error, Unknown) else (422, "invalid")
    return problem(request, status, code, _said(error), faults=error.faults)


def _said(error: InvalidInput) -> str:
    return "; ".join(fault.message for fault in error.faults)


def _refused(request: Request, error: CallRefused) -> Response:
    status = REFUSED[error.kind]
    headers = {"Retry-After": _seconds(error.retry_after)} if error.retry_after else {}
    if status is HTTPStatus.UNAUTHORIZED:
        # A browser asks the person for a password only where Basic comes first; other callers need no such question.
        browser = "text/html" in request.headers.get("accept", "")
        headers["WWW-Authenticate"] = BASIC if browser else BEARER
    return problem(request, status, error.kind, str(error), headers=headers)


def _seconds(wait: float) -> str:
    return str(max(1, -int(-wait // 1)))


def answer(request: Request, error: ZenbeatError) -> Response:
    """Turn an error of ours into the answer that it means."""
    for kind, make in ANSWERS.items():
        if isinstance(error, kind):
            return make(request, error)
    return unexpected(request, error)


def _full(request: Request, error: QueueFull) -> Response:
    headers = {"Retry-After": _seconds(error.retry_after)}
    return problem(request, HTTPStatus.TOO_MANY_REQUESTS, "queue-full", str(error), headers=headers)


def _precondition(request: Request, error: PreconditionFailed) -> Response:
    headers = {"ETag": error.etag} if error.etag else {}
    return problem(request, error.status, "precondition", str(error), headers=headers)


def _without_store(request: Request, error: StoreUnavailable) -> Response:
    logger.error("request not served", extra={"reason": error, "request_id": request_id(request)})
    headers = {"Retry-After": str(STORE_SECONDS)}
    return problem(request, 503, "store-unavailable", "zenbeat cannot reach its Redis; try again", headers=headers)


ANSWERS: Mapping[type[ZenbeatError], Callable[[Request, Any], Response]] = {
    InvalidInput: _invalid,
    CallRefused: _refused,
    QueueFull: _full,
    BadRequest: lambda request, error: problem(request, error.status, error.code, str(error)),
    PreconditionFailed: _precondition,
    StoreUnavailable: _without_store,
    ZenMLError: lambda request, error: problem(request, HTTPStatus.BAD_GATEWAY, f"zenml-{error.code}", str(error)),
}
"""What each error becomes; what is not here is a fault of ours."""


def unexpected(request: Request, error: Exception) -> Response:
    """Make the answer to a fault of ours: what it is, the log alone learns."""
    logger.error("request failed", exc_info=error, extra={"request_id": request_id(request)})
    return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, "internal", SENTENCE)


def of_framework(request: Request, error: HTTPException) -> Response:
    """Make the answer to what the framework refuses."""
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    return problem(request, error.status_code, code, str(error.detail), headers=error.headers)


def of_parameters(request: Request, error: RequestValidationError) -> Response:
    """Make the answer to parameters that are not what they have to be."""
    faults = tuple(_parameter_fault(detail) for detail in error.errors())
    return problem(request, 422, "invalid", "; ".join(map(str, faults)), faults=faults)


def _parameter_fault(detail: Any) -> Fault:
    place, *path = map(str, detail["loc"])
    name = ".".join(path)
    message = str(detail["msg"]).removeprefix("Value error, ")
    return Fault(
        path=name if place == "body" else f"?{name}" if place == "query" else f"?{place}:{name}", message=message
    )


def register(app: FastAPI) -> None:
    """Let every error that gets out of a route become a problem."""
    app.add_exception_handler(ZenbeatError, answer)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, of_framework)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, of_parameters)  # type: ignore[arg-type]
    app.add_exception_handler(Exception, unexpected)
