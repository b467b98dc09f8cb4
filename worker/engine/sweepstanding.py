"""How a sweep that was begun stands, and what became of its trials, in numbers."""

from enum import StrEnum
from typing import Any

from worker.store.sweeprows import SweepRow


class SweepStanding(StrEnum):
    """How a sweep stands."""

    NEW = "new"
    """Nothing of it is recorded yet; the beat at work does that."""
    RUNNING = "running"
    """Its trials are recorded and run, little by little."""
    PAUSED = "paused"
    """No trial of it is sent until it is resumed."""
    ENDING = "ending"
    """It gets no more trials; what is on its way comes to its end."""
    ENDED = "ended"
    """It is over, before its last trial: it was cancelled, or reached what it was looking for."""
    OVER = "over"
    """All its trials have come to their end."""


THROUGH = frozenset({SweepStanding.ENDED, SweepStanding.OVER})
"""Nothing of it goes on, or will by itself."""


def standing_of(row: SweepRow) -> SweepStanding:
    """Tell how a sweep stands."""
    if row.over or row.finished is not None:
        return SweepStanding.ENDED if row.ended else SweepStanding.OVER
    if row.ended or row.stopping:
        return SweepStanding.ENDING
    if row.paused:
        return SweepStanding.PAUSED
    return SweepStanding.RUNNING if row.recorded else SweepStanding.NEW


def counts(row: SweepRow) -> dict[str, int]:
    """Count the trials by what became of them; those that are not recorded are left out."""
    return {
        "completed": row.completed,
        "running": row.running,
        "waiting": row.open,
        "failed": row.failed + row.dead,
        "stopped": row.stopped,
        "cancelled": row.cancelled,
        "known": row.known,
    }


def in_figures(row: SweepRow) -> dict[str, Any]:
    """Give a sweep as programs read it, but for its id: what it is, how far, and what came of it."""
    return {
        "name": row.name,
        "kind": row.kind.value,
        "state": standing_of(row).value,
        "total": row.total,
        "recorded": row.recorded,
        **counts(row),
        "runs": row.runs,
        "seconds": row.seconds,
        "created": row.created,
        "asked_by": row.asked_by or None,
        "finished": row.finished,
        "reason": row.ended or None,
        "paused_by": row.paused or None,
        "fire_time": row.fire_time,
        "parent": row.parent or None,
    }


def done(row: SweepRow) -> int:
    """Count the trials that have come to their end."""
    return row.completed + row.failed + row.stopped + row.dead + row.cancelled + row.known
