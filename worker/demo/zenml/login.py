"""Who may ask: the API key is exchanged for a signed token, as ZenML's, that any copy of the server could check."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

from worker.demo.zenml.catalogue import demo_id
from worker.demo.zenml.refusals import Refusal

API_KEY_PREFIX = "ZENKEY_"
GRANTS = frozenset({"password", "zenml-api-key"})
LEEWAY_SECONDS = 10.0
ACCOUNT = "zenbeat-demo"
KEY_NAME = "demo"
ISSUER = str(demo_id("server"))


class Login:
    """One service account with one API key. `rotate`, `active` and `forget` take away what was given."""

    def __init__(self, *, api_key: str, seconds: int | None, key_is_token: bool, now: Callable[[], datetime]) -> None:
        self.api_key = api_key
        self.active = True
        self.generation = 1
        self.count = 0
        """Successful logins so far."""
        self._seconds = seconds
        self._key_is_token = key_is_token
        self._now = now
        self._secret = secrets.token_bytes(32)

    def rotate(self, api_key: str) -> None:
        """Change the key; it and all tokens that were given for it are refused from now on."""
        self.api_key = api_key
        self.generation += 1

    def forget(self) -> None:
        """Refuse all tokens given so far, as a server does that was restarted without a fixed secret."""
        self._secret = secrets.token_bytes(32)

    def enter(self, form: dict[str, str]) -> dict[str, Any]:
        """Log in with the fields of a form, and give ZenML's answer. Raises Refusal."""
        if form.get("username"):
            raise _unauthorized("invalid username or password")
        self._check_key(form["password"])
        self.count += 1
        return {
            "access_token": self.token(self._seconds),
            "token_type": "bearer",
            "expires_in": self._seconds,
            "refresh_token": None,
            "csrf_token": None,
            "scope": None,
            "device_id": None,
            "device_metadata": None,
        }

    def token(self, seconds: int | None) -> str:
        """Make a token that lasts so long; None is for ever."""
        issued = self._now().timestamp()
        claims: dict[str, Any] = {"sub": str(demo_id("user")), "iss": ISSUER, "aud": ISSUER, "iat": issued}
        if seconds is not None:
            claims["exp"] = int(issued) + seconds
        claims |= {"api_key_id": str(demo_id("key")), "key_gen": self.generation}
        content = f"{_encode(_json({'alg': 'HS256', 'typ': 'JWT'}))}.{_encode(_json(claims))}"
        return f"{content}.{_encode(self._sign(content))}"

    def admit(self, token: str) -> None:
        """See that a bearer token is good. Raises Refusal (401)."""
        if self._key_is_token and token.startswith(API_KEY_PREFIX):
            self._check_key(token)
            return
        claims = self._claims(token)
        self._check_account()
        if claims["key_gen"] != self.generation:
            raise _unauthorized(
                f"access token for API key {KEY_NAME} was issued for an API key generation that is no longer valid"
            )

    def _claims(self, token: str) -> dict[str, Any]:
        content, _, signature = token.rpartition(".")
        if content.count(".") != 1:
            raise _undecodable("Not enough segments")
        if not hmac.compare_digest(_encode(self._sign(content)).encode(), signature.encode()):
            raise _undecodable("Signature verification failed")
        claims: dict[str, Any] = json.loads(_decode(content.split(".")[1]))
        if self._now().timestamp() > claims.get("exp", float("inf")) + LEEWAY_SECONDS:
            raise _undecodable("Signature has expired")
        return claims

    def _check_key(self, key: str) -> None:
        if not hmac.compare_digest(key.encode(), self.api_key.encode()):
            raise _unauthorized("error decoding API key")
        self._check_account()

    def _check_account(self) -> None:
        if not self.active:
            raise _unauthorized(f"service account {ACCOUNT} associated with API key {KEY_NAME} is not active")

    def _sign(self, content: str) -> bytes:
        return hmac.digest(self._secret, content.encode(), hashlib.sha256)


def _unauthorized(why: str) -> Refusal:
    return Refusal(401, "CredentialsNotValid", f"Authentication error: {why}")


def _undecodable(why: str) -> Refusal:
    return _unauthorized(f"error decoding access token: Invalid JWT token: {why}.")


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
