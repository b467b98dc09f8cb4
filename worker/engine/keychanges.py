"""API keys are made, changed for new ones, and taken back. Each change is in the audit log, or it did not happen."""

import string
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from secrets import choice, token_urlsafe

import orjson

from worker.domain.access import parse_scopes
from worker.domain.apikey import ID_LENGTH, SECRET_BYTES, ApiKey, check_name, digest_of, join, successor
from worker.domain.errors import Conflict, Fault, Unknown, ZenbeatError
from worker.domain.nearest import did_you_mean
from worker.engine.runtime import Engine
from worker.store.apikeys import Ring
from worker.store.audit import Audited

ALPHABET = string.ascii_lowercase + string.digits

TRIES = 20
"""Somebody else may change a key between the look at them and the writing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A new key. `text` is the only time that its secret is seen; `old` is the one whose place it takes."""

    key: ApiKey
    text: str
    old: ApiKey | None = None


async def create(
    engine: Engine, name: str, scopes: Sequence[str], *, rate: int, by: str, lifetime: timedelta | None = None
) -> Made:
    """Make a key. Raises InvalidInput for its name and scopes, and Conflict where a key of that name is active."""
    check_name(name)
    granted, (identity, secret) = parse_scopes(scopes), _draw()

    def decide(ring: Ring) -> list[ApiKey]:
        if any(key.name == name and key.active(ring.now) for key in ring.keys):
            told = f"there is an active key {name}; rotate or revoke it, or take another name"
            raise Conflict([Fault(path="name", message=told)], {"name": name})
        made = ApiKey(
            id=identity,
            name=name,
            digest=digest_of(secret),
            scopes=granted,
            rate=rate,
            created=ring.now,
            by=by,
            expires=ring.now + lifetime if lifetime else None,
        )
        return [made]

    (key,) = await _change(engine, "key.create", by, decide)
    return Made(key=key, text=join(identity, secret))


async def rotate(engine: Engine, named: str, *, overlap: timedelta, by: str) -> Made:
    """Make a new key in the place of one, which stays good for `overlap`. It may do the same, and for as long.

    Raises Unknown, and Conflict where no key of that name or id is active.
    """
    identity, secret = _draw()

    def decide(ring: Ring) -> list[ApiKey]:
        active = [key for key in find(ring.keys, named) if key.active(ring.now)]
        if not active:
            raise Conflict(f"no key {named} is active any more; make a new one")
        old = active[-1]
        new = successor(old, identity, digest_of(secret), by, ring.now)
        ends = ring.now + overlap
        return [new, replace(old, expires=min(ends, old.expires or ends))]

    new, old = await _change(engine, "key.rotate", by, decide)
    return Made(key=new, text=join(identity, secret), old=old)


async def revoke(engine: Engine, named: str, *, by: str) -> list[ApiKey]:
    """Take back a key by its id, or all of a name; gives those that were not taken back before. Raises Unknown."""

    def decide(ring: Ring) -> list[ApiKey]:
        return [replace(key, revoked=ring.now) for key in find(ring.keys, named) if key.revoked is None]

    return await _change(engine, "key.revoke", by, decide)


def find(keys: Sequence[ApiKey], named: str) -> list[ApiKey]:
    """Give the keys of a name, or the one with an id. Raises Unknown."""
    found = [key for key in keys if named in (key.name, key.id)]
    if not found:
        raise Unknown(f"there is no key {named}{did_you_mean(named, [key.name for key in keys])}")
    return found


async def _change(engine: Engine, action: str, by: str, decide: Callable[[Ring], list[ApiKey]]) -> list[ApiKey]:
    for _ in range(TRIES):
        ring = await engine.apikeys.ring()
        keys = decide(ring)
        if not keys:
            return keys
        known = {key.id: key for key in ring.keys}
        told = Audited(
            at=ring.now,
            action=action,
            what=keys[0].name,
            who=by,
            before=_states(known[key.id] for key in keys if key.id in known),
            after=_states(keys),
        )
        if await engine.apikeys.change(ring.revision, keys, engine.audit.add(told)):
            return keys
    raise ZenbeatError("the API keys are changed all the time; try again")


def _draw() -> tuple[str, str]:
    """Draw an id and a secret. They are not derived from anything: nobody shall be able to make them again."""
    return "".join(choice(ALPHABET) for _ in range(ID_LENGTH)), token_urlsafe(SECRET_BYTES)


def _states(keys: Iterable[ApiKey]) -> str:
    """Give what the audit log keeps of keys: what they open, and until when."""
    plain = [
        {
            "id": key.id,
            "scopes": key.scopes,
            "rate": key.rate,
            "expires": key.expires,
            "revoked": key.revoked,
        }
        for key in keys
    ]
    return orjson.dumps(plain).decode() if plain else ""
