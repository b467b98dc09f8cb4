"""Is a delivery from who it says? The ways in which senders of webhooks sign, and nothing that reads a clock.

| scheme | where the signature is | what is signed | key | signs |
|---|---|---|---|---|
| github | `X-Hub-Signature-256: sha256=<hex>` | body | the secret | |
| stripe | `Stripe-Signature: t=<unix>,v1=<hex>[,v1=…]` | `<t>.<body>` | the secret, `whsec_` and all | time |
| standard | `webhook-signature: v1,<base64> [v1,…]` | `<id>.<timestamp>.<body>` | base64 after `whsec_` | id, time |
| mlflow | `X-MLflow-Signature: v1,<base64>` | `<id>.<timestamp>.<body>` | the secret | id, time |
| plain | `X-Signature: [sha256=]<hex or base64>` | body | the secret | |
| bearer | `Authorization: Bearer <secret>` | nothing | the secret itself | |

All are HMAC-SHA256, but bearer: there the sender shows the secret itself, over TLS. Id and timestamp are in the headers
`webhook-id` and `webhook-timestamp`, and `X-MLflow-Delivery-Id` and `X-MLflow-Timestamp`.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from worker.domain.errors import CallRefused
from worker.domain.receivers import SECRET_MARK

MISMATCH = "the signature does not fit; see that both sides have the same secret, and that nothing changes the body"

MOST_SIGNATURES = 20
"""Of one delivery: a sender that changes its secret sends two."""


class Scheme(StrEnum):
    """How a sender signs."""

    GITHUB = "github"
    STRIPE = "stripe"
    STANDARD = "standard"
    MLFLOW = "mlflow"
    PLAIN = "plain"
    BEARER = "bearer"


TIMED = frozenset({Scheme.STRIPE, Scheme.STANDARD, Scheme.MLFLOW})
"""Schemes that sign a time, so that what is old can be refused."""

IDENTIFIED = frozenset({Scheme.STANDARD, Scheme.MLFLOW})
"""Those that sign an id of the delivery as well."""

FREE_HEADER = {Scheme.PLAIN: "x-signature", Scheme.BEARER: "authorization"}
"""Schemes whose header can be another one, and what it is else."""

SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "x-api-key", "x-hub-signature", "x-hub-signature-256"}
    | {"stripe-signature", "webhook-signature", "x-mlflow-signature", *FREE_HEADER.values()}
)
"""Headers that nobody is shown, expressions neither."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What is known of a delivery whose signature fits, beyond its body."""

    identity: str = ""
    """The sender's id of the delivery, where it is signed: the same when it is sent again."""
    at: datetime | None = None
    """When it was sent, where that is signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """What a delivery says of itself."""

    digests: tuple[bytes, ...]
    before: bytes = b""
    """What is signed before the body."""
    signed: Signed = Signed()


def keys_of(scheme: Scheme, secrets: Iterable[str]) -> tuple[bytes, ...]:
    """Give the keys that secrets stand for; those that cannot be any in this scheme are left out."""
    if scheme is not Scheme.STANDARD:
        return tuple(secret.encode() for secret in secrets)
    keys = (_base64(secret.removeprefix(SECRET_MARK)) for secret in secrets)
    return tuple(key for key in keys if key)


def verify(
    scheme: Scheme, secrets: Sequence[str], headers: Mapping[str, str], body: bytes, *, header: str = ""
) -> Signed:
    """Check a signature against each secret, in constant time. Names of `headers` are in small letters.

    Raises CallRefused for one that is missing or does not fit.
    """
    keys = keys_of(scheme, secrets)
    claim = _READERS[scheme](headers, header.lower())
    if scheme is Scheme.BEARER:
        expected = list(keys)
    else:
        expected = [hmac.digest(key, claim.before + body, hashlib.sha256) for key in keys]
    found = [hmac.compare_digest(one, digest) for one in expected for digest in claim.digests[:MOST_SIGNATURES]]
    if not any(found):
        raise CallRefused("unknown", MISMATCH)
    return claim.signed


def check_age(signed: Signed, now: datetime, tolerance: timedelta) -> None:
    """Refuse what was signed long ago, or is yet to come; what has no signed time passes. Raises CallRefused."""
    if signed.at is None or abs(now - signed.at) <= tolerance:
        return
    off = int((now - signed.at).total_seconds())
    how = f"{off} s ago" if off > 0 else f"{-off} s ahead"
    limit = int(tolerance.total_seconds())
    raise CallRefused("unknown", f"it was signed {how}, and {limit} s are allowed; see that both clocks are right")


def sign(scheme: Scheme, secret: str, body: bytes, *, now: datetime, identity: str, header: str = "") -> dict[str, str]:
    """Give the headers that a sender would put on a delivery. Raises ValueError for a secret that cannot be one."""
    keys = keys_of(scheme, [secret])
    if not keys:
        raise ValueError(f"a secret of the scheme standard is {SECRET_MARK} and base64 behind it")
    name = header or FREE_HEADER.get(scheme, "")
    stamp = str(int(now.timestamp()))
    before = f"{identity}.{stamp}." if scheme in IDENTIFIED else f"{stamp}." if scheme in TIMED else ""
    digest = hmac.digest(keys[0], before.encode() + body, hashlib.sha256)
    coded = f"v1,{base64.b64encode(digest).decode()}"
    made: Mapping[Scheme, dict[str, str]] = {
        Scheme.GITHUB: {"x-hub-signature-256": f"sha256={digest.hex()}"},
        Scheme.STRIPE: {"stripe-signature": f"t={stamp},v1={digest.hex()}"},
        Scheme.STANDARD: {"webhook-id": identity, "webhook-timestamp": stamp, "webhook-signature": coded},
        Scheme.MLFLOW: {"x-mlflow-delivery-id": identity, "x-mlflow-timestamp": stamp, "x-mlflow-signature": coded},
        Scheme.PLAIN: {name: f"sha256={digest.hex()}"},
        Scheme.BEARER: {name: f"Bearer {secret}" if name == "authorization" else secret},
    }
    return made[scheme]


def _github(headers: Mapping[str, str], _: str) -> _Claim:
    word, _, digest = _header(headers, "x-hub-signature-256").partition("=")
    return _Claim(digests=_hex(digest) if word == "sha256" else ())


def _stripe(headers: Mapping[str, str], _: str) -> _Claim:
    parts = [part.strip().partition("=") for part in _header(headers, "stripe-signature").split(",")]
    stamps = [value for word, _, value in parts if word == "t"]
    if len(stamps) != 1:
        raise CallRefused("unknown", "the header stripe-signature has to hold one t=<Unix time>")
    digests = [digest for word, _, value in parts if word == "v1" for digest in _hex(value)]
    signed = Signed(at=_time(stamps[0], "t in stripe-signature"))
    return _Claim(digests=tuple(digests), before=f"{stamps[0]}.".encode(), signed=signed)


def _standard(headers: Mapping[str, str], _: str) -> _Claim:
    return _identified(headers, "webhook-id", "webhook-timestamp", "webhook-signature")


def _mlflow(headers: Mapping[str, str], _: str) -> _Claim:
    return _identified(headers, "x-mlflow-delivery-id", "x-mlflow-timestamp", "x-mlflow-signature")


def _identified(headers: Mapping[str, str], identity: str, timestamp: str, signature: str) -> _Claim:
    name, stamp = _header(headers, identity), _header(headers, timestamp)
    if "." in name:
        # Else `a.1` and `2`, and `a` and `1.2`, would be signed alike.
        raise CallRefused("unknown", f"the header {identity} may not hold a dot")
    parts = [part.partition(",") for part in _header(headers, signature).split()]
    digests = tuple(digest for word, _, value in parts if word == "v1" and (digest := _base64(value)))
    signed = Signed(identity=name, at=_time(stamp, timestamp))
    return _Claim(digests=digests, before=f"{name}.{stamp}.".encode(), signed=signed)


def _plain(headers: Mapping[str, str], header: str) -> _Claim:
    text = _header(headers, header or FREE_HEADER[Scheme.PLAIN]).removeprefix("sha256=")
    coded = _base64(text)
    return _Claim(digests=(*_hex(text), *([coded] if coded else [])))


def _bearer(headers: Mapping[str, str], header: str) -> _Claim:
    text = _header(headers, header or FREE_HEADER[Scheme.BEARER])
    word, _, token = text.partition(" ")
    if word.lower() == "bearer" and token:
        text = token.strip()
    elif not header:
        raise CallRefused("unknown", "the header authorization has to be Bearer and the secret")
    return _Claim(digests=(text.encode(),))


_READERS: Mapping[Scheme, Callable[[Mapping[str, str], str], _Claim]] = {
    Scheme.GITHUB: _github,
    Scheme.STRIPE: _stripe,
    Scheme.STANDARD: _standard,
    Scheme.MLFLOW: _mlflow,
    Scheme.PLAIN: _plain,
    Scheme.BEARER: _bearer,
}


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name, "").strip()
    if not value:
        raise CallRefused("unknown", f"the header {name} is missing")
    return value


def _hex(text: str) -> tuple[bytes, ...]:
    return (bytes.fromhex(text),) if re.fullmatch(r"[0-9a-fA-F]{64}", text) else ()


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _time(text: str, where: str) -> datetime:
    # Eleven digits last until the year 5138; the digits have to be those of ASCII.
    if not re.fullmatch(r"[0-9]{1,11}", text):
        raise CallRefused("unknown", f"{where} is no Unix time in seconds")
    return datetime.fromtimestamp(int(text), UTC)
