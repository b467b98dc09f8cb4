"""How the trials of a sweep stand, a cell for each, or for some that follow each other: what each cell says."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from worker.engine.sweeplook import Stretch
from worker.engine.trialrows import TrialStatus

WORST_FIRST = (
    TrialStatus.DEAD,
    TrialStatus.FAILED,
    TrialStatus.STUCK,
    TrialStatus.VANISHED,
    TrialStatus.DISCARDED,
    TrialStatus.STOPPED,
    TrialStatus.CANCELLED,
    TrialStatus.RUNNING,
    TrialStatus.WAITING,
    TrialStatus.SKIPPED,
    TrialStatus.FORGOTTEN,
    TrialStatus.LEFT_OUT,
    TrialStatus.PLANNED,
    TrialStatus.COMPLETED,
)
"""A cell of several trials has the look of the first of these: what wants to be looked at is seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell: its state, what it says, and where it leads; "" leads nowhere."""

    word: str
    title: str
    href: str


def cells_of(identity: str, stretches: Sequence[Stretch]) -> list[Cell]:
    """Make the cells of a sweep."""
    return [_cell(identity, stretch) for stretch in stretches]


def words_of(cells: Iterable[Cell]) -> list[str]:
    """Give the states that the cells show, the worst first: for the legend."""
    shown = {cell.word for cell in cells}
    return [word for word in WORST_FIRST if word in shown]


def _cell(identity: str, stretch: Stretch) -> Cell:
    word = next((word for word in WORST_FIRST if word in stretch.states), TrialStatus.FORGOTTEN)
    mark = stretch.mark
    if mark is None:
        told = ", ".join(f"{stretch.states[each]} {each}" for each in WORST_FIRST if each in stretch.states)
        title, href = f"trials {stretch.first} to {stretch.last}: {told}", f"/sweeps/{identity}?first={stretch.first}"
        return Cell(word=word, title=title, href=f"{href}#trials")
    leads = f"/sweeps/{mark.sweep}" if mark.sweep else f"/triggers/{mark.trigger}" if mark.trigger else ""
    return Cell(word=word, title=f"trial {mark.number}: {word}", href=leads)
