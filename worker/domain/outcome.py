"""What became of a due instant or a trigger."""

from enum import StrEnum


class Decision(StrEnum):
    """What the scheduler decided for one fire time; written to the ledger with its reason."""

    FIRED = "fired"
    """A trigger was recorded."""
    MISSED = "missed"
    """It was due while nobody looked, and the catch-up policy does not make up for it."""
    SKIPPED = "skipped"
    """It was due and deliberately not fired (`max_runs` reached, the body could not be rendered)."""


class Status(StrEnum):
    """What an entry of the outcome stream tells."""

    STARTED = "started"
    """ZenML accepted the run."""
    RETRYING = "retrying"
    """An attempt failed; another follows."""
    DEAD = "dead"
    """It will not be tried again by itself; a person can replay or discard it."""
    CANCELLED = "cancelled"
    """A person withdrew the trigger before it was sent."""
    DISCARDED = "discarded"
    """A person gave up a dead letter."""
    MISSED = "missed"
    """See `Decision.MISSED`."""
    SKIPPED = "skipped"
    """See `Decision.SKIPPED`."""
