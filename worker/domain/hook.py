"""A hook: who may send what to us, and which runs come of it."""

from dataclasses import dataclass
from datetime import timedelta

from worker.domain.schedule import Target
from worker.domain.signatures import Scheme

TOLERANCE = timedelta(minutes=5)
"""How old a delivery may be, where its scheme signs the time."""

RATE = 600
"""Deliveries a minute that a hook takes."""

MOST_ITEMS = 1_000
"""Runs that one delivery can ask for."""

LONGEST_NAME = 100

LONGEST_KEY = 128
"""Characters of an idempotency key as it was sent; of a longer one the hash stands in. With the name it makes 255."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """What another system sends, how it is signed, and what is started. Made from a file by `worker.source`."""

    name: str
    target: Target
    """Expressions of its configuration know `payload`, `headers`, `hook`, and with `each` also `item`."""
    signature: Scheme
    header: str = ""
    """Where the signature is, in small letters, if not where the scheme has it; `plain` and `bearer` alone."""
    tolerance: timedelta = TOLERANCE
    schema: str = ""
    """JSON Schema of the payload, as JSON; empty without one."""
    when: str = ""
    """An expression that has to be true; else the delivery is answered and ignored."""
    each: str = ""
    """An expression that gives a list: one run for each `item`."""
    idempotency_key: str = ""
    """An expression; without one it is the signed id of the delivery, or the hash of the body."""
    not_before: str = ""
    priority: int = 0
    rate: int = RATE
    """Deliveries a minute; 0 is no limit."""
    place: str = ""
    """Where it is defined: `file:line`."""
