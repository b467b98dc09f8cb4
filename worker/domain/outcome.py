"""What became of a due instant or a trigger."""

from enum import StrEnum


class Decision(StrEnum):
    """What the scheduler decided for one fire time; written to the ledger with its reason."""

    FIRED = "fired"
    """A trigger was recorded."""
    DEDUPLICATED = "deduplicated"
    """Its trigger was on record already: it is not started again."""
    MISSED_DOWNTIME = "missed_downtime"
    """It was due while nobody looked, and the catch-up policy does not make up for it."""
    SKIPPED_CALENDAR = "skipped_calendar"
    """Its day is among `skip_dates`."""
    SKIPPED_MAX_RUNS = "skipped_max_runs"
    """The schedule had fired `max_runs` times; later fire times are not listed."""
    REJECTED = "rejected"
    """The body could not be rendered, or ZenML gave a definite no."""
    EXHAUSTED = "exhausted"
    """Every attempt failed."""
    EXPIRED = "expired"
    """Its trigger could not be sent within `catchup_window`."""
    THROTTLED = "throttled"
    """A limit of ours held its trigger back for longer than `catchup_window`."""
    DISCARDED = "discarded"
    """A person gave it up, or cancelled it before it was sent."""


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
    """Nothing was started for a fire time: see `Decision.MISSED_DOWNTIME`."""
    SKIPPED = "skipped"
    """Nothing was started for a fire time, on purpose: see the decision."""
    REJECTED = "rejected"
    """A message came by the queue that is no trigger: see `zenbeat:unreadable`."""
