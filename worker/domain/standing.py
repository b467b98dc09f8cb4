"""How a schedule stands, in a word."""

from collections.abc import Sequence
from enum import StrEnum

from worker.domain.results import FAILING, Result, streak


class Standing(StrEnum):
    """How a schedule stands; the first that holds."""

    BROKEN = "broken file"
    """Its file cannot be used: a beat that has read it before goes on with the last good version."""
    PAUSED = "paused"
    """It starts nothing until it is resumed."""
    FAILING = "failing"
    """Its last 3 runs or more failed."""
    LATE = "late"
    """A run has not completed by its deadline, or there was no success for longer than `expect_every`."""
    RUNNING = "running"
    """A run of it is going on, or on its way."""
    OK = "ok"
    """Nothing is wrong with it."""
    NEW = "new"
    """It has never fired."""


def standing_of(*, paused: bool, late: bool, running: bool, fired: bool, results: Sequence[Result]) -> Standing:
    """Tell how a schedule with a sound file stands; `results` are newest first."""
    if paused:
        return Standing.PAUSED
    if streak(results) >= FAILING:
        return Standing.FAILING
    if late:
        return Standing.LATE
    if running:
        return Standing.RUNNING
    return Standing.OK if fired or results else Standing.NEW
