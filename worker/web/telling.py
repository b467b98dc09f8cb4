"""What a page tells a person once, after an act: in a cookie that only who sent the form can have got from us."""

import hmac
from hashlib import sha256
from urllib.parse import quote, unquote

from fastapi import Request, Response

from worker.web.visits import Visitor, cookie_name, over_tls, visitor_of
from worker.web.words import blotted

TOLD = "zenbeat-told"

TOLD_SECONDS = 60
LONGEST_TOLD = 500


def tell(request: Request, response: Response, text: str) -> None:
    """Have the next page tell it. For who has sent a form: others are told nothing."""
    visitor = visitor_of(request)
    if visitor is not None:
        said = quote(blotted(text[:LONGEST_TOLD]))
        _set(request, response, f"{_seal(visitor, said)}.{said}", TOLD_SECONDS)


def told(request: Request, visitor: Visitor | None) -> str:
    """Give what is to be told; "" for nothing, and for what others put there: all ports of a host share its cookies."""
    seal, _, said = request.cookies.get(cookie_name(request, TOLD), "").partition(".")
    if visitor is None or not hmac.compare_digest(seal.encode(), _seal(visitor, said).encode()):
        return ""
    return unquote(said)


def forget(request: Request, response: Response) -> None:
    """Tell it no second time."""
    _set(request, response, "", 0)


def _seal(visitor: Visitor, said: str) -> str:
    return hmac.new(visitor.csrf.encode(), said.encode(), sha256).hexdigest()


def _set(request: Request, response: Response, value: str, seconds: int) -> None:
    response.set_cookie(
        cookie_name(request, TOLD),
        value,
        max_age=seconds,
        path="/",
        secure=over_tls(request),
        httponly=True,
        samesite="strict",
    )
