"""How a run ended, in our words."""

from enum import StrEnum


class Fate(StrEnum):
    """How a run that zenbeat followed came to its end."""

    COMPLETED = "completed"
    """ZenML says that it succeeded."""
    FAILED = "failed"
    """ZenML says that it failed."""
    STOPPED = "stopped"
    """Somebody stopped it, through ZenML or through an overlap policy."""
    STUCK = "stuck"
    """It never left `initializing`: a server that restarts loses the runs that it had not submitted yet."""
    VANISHED = "vanished"
    """It was deleted in ZenML before it ended."""


_FATES = {
    "completed": Fate.COMPLETED,
    "cached": Fate.COMPLETED,
    "skipped": Fate.COMPLETED,
    "failed": Fate.FAILED,
    "stopped": Fate.STOPPED,
    "cancelled": Fate.STOPPED,
}

FAILURES = frozenset({Fate.FAILED, Fate.STUCK})
"""What people mean by `failed`."""


def fate_of(status: str) -> Fate | None:
    """Tell from ZenML's status how a run ended; None while it goes on, and for words that we do not know."""
    return _FATES.get(status)


def matches(fate: Fate, on: frozenset[Fate]) -> bool:
    """Tell whether a run that ended so is among those a person has named; one that got stuck has failed."""
    return fate in on or (fate in FAILURES and Fate.FAILED in on)
