"""When to ask again, and how long to wait before: pure, with its randomness passed in."""

import random
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

import httpx

AGAIN = frozenset({429, 502, 503, 504})
"""Answers after which the same request may be sent again. A 500 is a fault that the same request meets again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How patient a client is. The wait before attempt n + 1 is `first` · 2^(n-1), at most `longest`, times 0.5 to 1.

    What the server says in Retry-After is waited for instead, in full: it knows better.
    """

    attempts: int = 8
    first: float = 0.5
    longest: float = 30.0
    patience: float = 300.0
    """Seconds that one call may wait in all; a longer Retry-After ends it at once."""

    def wait(self, attempt: int, rng: random.Random) -> float:
        """Give the seconds to wait after an attempt, the first being 1."""
        return min(self.longest, self.first * 2.0 ** min(attempt - 1, 60)) * rng.uniform(0.5, 1.0)


def now() -> datetime:
    """Read the clock: dates in Retry-After are compared with it."""
    return datetime.now(timezone.utc)  # noqa: TID251 - this package has no other clock


def told(response: httpx.Response, now: datetime) -> float | None:
    """Give the seconds that Retry-After asks for, which may also be a date; None without one that can be read."""
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or timezone.utc) - now).total_seconds())
