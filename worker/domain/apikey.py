"""API keys: what they look like, and what is remembered of one."""

import hmac
import re
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from worker.domain.access import Grants
from worker.domain.errors import Fault, InvalidInput

ID_LENGTH = 12
SECRET_BYTES = 32

FORM = re.compile(r"zb_([a-z0-9]{12})_([A-Za-z0-9_-]{43})")
"""The id, by which a key is found and which may be told; and the secret, which is 32 random bytes in base64."""

NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
LONGEST_NAME = 100


class KeyStanding(StrEnum):
    """How an API key stands."""

    ACTIVE = "active"
    """It opens what its scopes say."""
    EXPIRED = "expired"
    """Its time is over; after a rotation, the time that both keys were good for."""
    REVOKED = "revoked"
    """Somebody took it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """What is remembered of a key: everything but the secret, of which there is only a digest.

    `rate` is calls per minute, 0 is any number. `by` made it. `last_used` is true to a minute.
    """

    id: str
    name: str
    digest: str
    scopes: tuple[str, ...]
    rate: int
    created: datetime
    by: str
    expires: datetime | None = None
    revoked: datetime | None = None
    last_used: datetime | None = None

    @property
    def grants(self) -> Grants:
        """What its caller may do."""
        return Grants(scopes=self.scopes)

    def standing(self, now: datetime) -> KeyStanding:
        """Tell whether it still opens anything."""
        if self.revoked is not None:
            return KeyStanding.REVOKED
        return KeyStanding.EXPIRED if self.expires is not None and self.expires <= now else KeyStanding.ACTIVE

    def active(self, now: datetime) -> bool:
        """Tell whether it is neither revoked nor expired."""
        return self.standing(now) is KeyStanding.ACTIVE


def join(identity: str, secret: str) -> str:
    """Write a key as its caller keeps it: `zb_<id>_<secret>`."""
    return f"zb_{identity}_{secret}"


def split(text: str) -> tuple[str, str] | None:
    """Read the id and the secret from a key; None for what cannot be one."""
    found = FORM.fullmatch(text)
    return (found[1], found[2]) if found else None


def digest_of(secret: str) -> str:
    """Give what is kept of a secret. It is random and long, so that a quick hash does: there is nothing to guess."""
    return sha256(secret.encode()).hexdigest()


def matches(digest: str, secret: str) -> bool:
    """Tell whether a secret is the one of this digest, in a time that does not tell how much of it is right."""
    return hmac.compare_digest(digest, digest_of(secret))


def successor(old: ApiKey, identity: str, digest: str, by: str, now: datetime) -> ApiKey:
    """Give the key that takes the place of another: it may do the same, and for as long."""
    expires = now + (old.expires - old.created) if old.expires else None
    return replace(old, id=identity, digest=digest, by=by, created=now, expires=expires, last_used=None)


def check_name(name: str) -> None:
    """See that a key may be called so. Raises InvalidInput."""
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        told = f'"{name}" is no name for a key: small letters, digits and . _ -, a letter or digit first'
        raise InvalidInput([Fault(path="name", message=told)])
