"""How ZenML says no: a list in `detail`, or for what is malformed a bare list; each in its odd shape."""

import secrets
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class Refusal(Exception):
    """A no with a reason: `{"detail": [kind, message]}`."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        # ZenML gives `str()` of its exception, and that of a KeyError is in quotes.
        self.message = repr(message) if kind == "KeyError" else message

    def response(self, request: Request) -> Response:
        """Make the answer."""
        identity = request.headers.get("x-request-id") or secrets.token_hex(4)
        return JSONResponse({"detail": [self.kind, self.message]}, self.status, {"X-Request-ID": identity})


class Malformed(Exception):
    """What the request says cannot be read: 422 and a bare list. Each fault is one of pydantic's, as a mapping."""

    def __init__(self, *faults: dict[str, Any]) -> None:
        plural = "" if len(faults) == 1 else "s"
        lines = "\n".join(f"  {fault}" for fault in faults)
        super().__init__(f"{len(faults)} validation error{plural}:\n{lines}\n")

    def response(self) -> Response:
        """Make the answer."""
        return JSONResponse(["ValueError", str(self)], 422)


def fault(kind: str, where: tuple[str | int, ...], message: str, value: Any, **context: Any) -> dict[str, Any]:
    """Describe a fault as pydantic does."""
    described = {"type": kind, "loc": where, "msg": message, "input": value}
    return {**described, "ctx": context} if context else described


def invalid(model: str, place: str, message: str, kind: str, value: Any) -> Refusal:
    """Make the no of a model that is checked inside an endpoint: 422 with a `detail`."""
    where = f"{place}\n" if place else ""
    kind_of = type(value).__name__
    return Refusal(
        422,
        "ValueError",
        f"1 validation error for {model}\n{where}  {message} [type={kind}, input_value={value!r:.60},"
        f" input_type={kind_of}]\n    For further information visit https://errors.pydantic.dev/2.12/v/{kind}",
    )


def no_such(what: str, identity: UUID) -> Refusal:
    """Make the no for an id that is not there."""
    return Refusal(404, "KeyError", f"Unable to get {what} with ID '{identity}': No {what} with this ID found")


def no_such_name(what: str, name: str) -> Refusal:
    """Make the no for a name that is not there."""
    return Refusal(
        404,
        "KeyError",
        f"Unable to get {what} with name or ID '{name}': '{name}' is not a valid  UUID and no {what} with this name"
        " exists.",
    )


def read_id(text: str, name: str) -> UUID:
    """Read an id in a path. Raises Malformed."""
    try:
        return UUID(text)
    except ValueError:
        error = f"invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], in `{text}`"
        raise Malformed(
            fault("uuid_parsing", ("path", name), f"Input should be a valid UUID, {error}", text, error=error)
        ) from None


def busy() -> Response:
    """Make the answer that leaves all open: the work may go on."""
    return JSONResponse({"error": "Server too busy. Please try again later."}, 429)
