"""Login: from an API key to a token that is renewed in time, once, however many calls wait for it.

Which of the three ways is used is decided once, by `make_auth`; no call knows.
"""

import asyncio
import base64
import binascii
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import httpx
import orjson
from pydantic import ValidationError

from worker.domain.errors import NotSent, ZenMLError
from worker.zenml.classify import LOGIN, Reader, failure, server_time
from worker.zenml.options import ZenMLOptions
from worker.zenml.replies import Login
from worker.zenml.wire import Answer

LOGIN_PATH = "/api/v1/login"

REMEMBERED_SECONDS = 10.0
"""A refused login is not tried again for so long: each one costs the server a password hash."""

LONGEST_REMEMBERED_SECONDS = 60.0

RENEWED_BEFORE = 60.0
"""Seconds before its end at which a token is renewed; of a short-lived token, a fifth of its life."""

Clock = Callable[[], float]
"""Seconds that only go forward."""


class ZenMLAuth(httpx.Auth):
    """Puts a token on each request; this one has none. `remedy` says what to do when ZenML refuses."""

    remedy = "Set ZENML_STORE_API_KEY to the key of a service account"

    def secrets(self) -> Sequence[str]:
        """Give what must never stand in an error."""
        return ()


class TokenAuth(ZenMLAuth):
    """Sends a given token as it is. There is nothing to renew it with but a person."""

    remedy = (
        "The token in ZENML_STORE_API_TOKEN is wrong or has expired: "
        "put a new one there, or set ZENML_STORE_API_KEY, which needs no renewal"
    )

    def __init__(self, options: ZenMLOptions, token: str) -> None:
        self._options = options
        self._token = token

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send it; if it is refused, and there is another one by now, send that."""
        request.headers["authorization"] = f"Bearer {self._token}"
        response = yield request
        _, token = _read(self._options)
        if response.status_code == httpx.codes.UNAUTHORIZED and token not in (None, self._token):
            self._token = str(token)
            request.headers["authorization"] = f"Bearer {self._token}"
            yield request

    def secrets(self) -> Sequence[str]:
        """Give the token."""
        return (self._token,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token and the moment (by the Clock) from which it should be renewed; None is never."""

    value: str = field(repr=False)
    renew_at: float | None


class LoginAuth(ZenMLAuth):
    """Logs in with an API key, keeps the token in memory, and logs in again before it ends or when it is refused."""

    remedy = "Check ZENML_STORE_API_KEY: the key may be wrong, rotated, or its service account deactivated"

    def __init__(self, options: ZenMLOptions, key: str, clock: Clock, wall: Callable[[], datetime] | None) -> None:
        self._options = options
        self._url = options.url + LOGIN_PATH
        self._key = key
        self._clock = clock
        self._wall = wall
        self._lock = asyncio.Lock()
        self._token: Token | None = None
        self._issued: deque[str] = deque(maxlen=4)  # the last ones, refused or not
        self._refused: ZenMLError | None = None
        self._refused_until = 0.0

    def secrets(self) -> Sequence[str]:
        """Give the key and its tokens."""
        return (self._key, *self._issued)

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send with a good token; if it is refused, once more with a new one.

        Raises AccessDenied for a key that is refused, NotSent if the login could not be made.
        """
        for last in (False, True):
            async with self._lock:
                token = self._fresh()
                if token is None:
                    self._raise_if_refused()
                    token = self._accept(_answer((yield self._login(request))))
            request.headers["authorization"] = f"Bearer {token.value}"
            response = yield request
            if response.status_code != httpx.codes.UNAUTHORIZED:
                return
            self._forget(token)
            if last:
                self._remember(failure(_answer(response), LOGIN, self._reader()))

    def _login(self, request: httpx.Request) -> httpx.Request:
        # Not only after a refusal: whoever rotates a key may let the old one live for a while.
        self._key = _read(self._options)[0] or self._key
        headers = {"accept-encoding": "identity", "user-agent": request.headers.get("user-agent", "zenbeat")}
        extensions = {"timeout": request.extensions.get("timeout", {})}
        # Form-encoded: ZenML does not read JSON here.
        return httpx.Request("POST", self._url, data={"password": self._key}, headers=headers, extensions=extensions)

    def _accept(self, answer: Answer) -> Token:
        """Keep the token of a login, or raise why there is none."""
        try:
            login = Login.model_validate_json(answer.content) if answer.status == httpx.codes.OK else None
        except ValidationError:
            login = None
        if login is None:
            error = failure(answer, LOGIN, self._reader())
            self._remember(error)
            raise error
        lifetime = login.expires_in if login.expires_in is not None else self._lifetime(login.access_token, answer)
        margin = min(RENEWED_BEFORE, (lifetime or 0) / 5)
        renew_at = None if lifetime is None else self._clock() + lifetime - margin
        self._token = Token(value=login.access_token, renew_at=renew_at)
        self._issued.append(login.access_token)
        return self._token

    def _lifetime(self, token: str, answer: Answer) -> float | None:
        """Read how long a JWT lives; from its own `iat`, else the server's clock, so that ours need not be right."""
        try:
            payload = token.split(".")[1]
            claims = orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            end = float(claims["exp"])
            begin = claims.get("iat")
        except (IndexError, KeyError, TypeError, AttributeError, ValueError, binascii.Error):
            return None
        if isinstance(begin, int | float):
            return max(end - begin, 0.0)
        now = server_time(answer) or (self._wall() if self._wall else None)
        return max(end - now.timestamp(), 0.0) if now else None

    def _fresh(self) -> Token | None:
        token = self._token
        return token if token and (token.renew_at is None or self._clock() < token.renew_at) else None

    def _forget(self, token: Token) -> None:
        """Drop a token that was refused, unless another call has renewed it meanwhile."""
        if self._token is token:
            self._token = None

    def _remember(self, error: ZenMLError) -> None:
        """Hold back further logins for a while after a definite no."""
        if not isinstance(error, NotSent) or error.code == "login_rate":
            wait = min(error.retry_after or REMEMBERED_SECONDS, LONGEST_REMEMBERED_SECONDS)
            self._refused, self._refused_until = error, self._clock() + wait

    def _raise_if_refused(self) -> None:
        if self._refused and self._clock() < self._refused_until:
            raise type(self._refused)(
                str(self._refused), code=self._refused.code, retry_after=self._refused.retry_after
            )

    def _reader(self) -> Reader:
        return Reader(remedy=self.remedy, secrets=self.secrets, wall=self._wall)


def make_auth(options: ZenMLOptions, clock: Clock, wall: Callable[[], datetime] | None) -> ZenMLAuth:
    """Choose the way to log in."""
    if options.api_key:
        return LoginAuth(options, options.api_key, clock, wall)
    return TokenAuth(options, options.api_token) if options.api_token else ZenMLAuth()


def _read(options: ZenMLOptions) -> tuple[str | None, str | None]:
    return options.read_secrets() if options.read_secrets else (None, None)


def _answer(response: httpx.Response) -> Answer:
    return Answer(status=response.status_code, headers=response.headers, content=response.content)
