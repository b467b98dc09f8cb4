"""When to try a failed POST again."""

from dataclasses import dataclass
from datetime import timedelta
from random import Random

from worker.domain.fate import Fate, matches


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Exponential backoff with full jitter.

    After attempt n (counted from 1) the wait is uniform in [0, min(max, initial * 2**(n-1))], and never shorter than
    what the server asked for by `Retry-After`, which is itself capped at `LONGEST_RETRY_AFTER`.
    """

    max_attempts: int = 10
    initial: timedelta = timedelta(seconds=2)
    max: timedelta = timedelta(minutes=5)

    def allows(self, attempts: int) -> bool:
        """Tell whether another attempt may follow after `attempts` of them."""
        return attempts < self.max_attempts

    def delay(self, attempts: int, rng: Random, retry_after: float | None = None) -> timedelta:
        """Give the wait after attempt number `attempts`."""
        wait = _longest(self.initial, self.max, attempts) * rng.random()
        asked = min(timedelta(seconds=max(retry_after or 0, 0)), LONGEST_RETRY_AFTER)
        return max(wait, asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRetry:
    """How a run that ended badly is started again, as a run of its own. Nothing to do with the retry of the POST."""

    max_attempts: int
    """Runs in all, the first one included."""
    initial: timedelta = timedelta(minutes=1)
    max: timedelta = timedelta(hours=1)
    on: frozenset[Fate] = frozenset({Fate.FAILED})

    def allows(self, attempt: int, fate: Fate) -> bool:
        """Tell whether another run may follow after number `attempt`, which ended so."""
        return attempt < self.max_attempts and matches(fate, self.on)

    def delay(self, attempts: int, rng: Random) -> timedelta:
        """Give the wait after run number `attempts`: between half of min(max, initial * 2**(n-1)) and all of it."""
        return _longest(self.initial, self.max, attempts) * (0.5 + rng.random() / 2)


def _longest(initial: timedelta, most: timedelta, attempts: int) -> timedelta:
    # Beyond 2**30 the product would leave timedelta's range before `most` could bound it.
    doublings: int = 2 ** min(max(attempts, 1) - 1, 30)
    return min(most, initial * doublings)


LONGEST_CAPACITY_WAIT = timedelta(seconds=10)
"""A server that is only full is asked again soon: how many at once is the dispatcher's business, not the backoff's."""

LONGEST_UNREACHABLE = timedelta(hours=24)
"""How long a trigger waits for a server that is in trouble, before it is a dead letter."""

LONGEST_RETRY_AFTER = timedelta(hours=1)
"""A server that asks for more than this is misconfigured; a schedule must not sleep for ten years."""
