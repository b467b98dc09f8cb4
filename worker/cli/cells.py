"""The last runs of a schedule as a row of cells, and words in their colours."""

from collections.abc import Sequence

from rich.text import Text

from worker.domain.fate import Fate
from worker.domain.results import DEAD, Result
from worker.domain.standing import Standing

SHOWN = 20

CELLS = {
    Fate.COMPLETED: ("·", "green"),
    Fate.FAILED: ("✗", "red"),
    Fate.STUCK: ("✗", "red"),
    DEAD: ("✗", "bold red"),
    Fate.STOPPED: ("■", "yellow"),
    Fate.VANISHED: ("?", "magenta"),
}
"""Each is told by its form alone: colours are for those who see them."""

LEGEND = "· completed  ✗ failed, stuck or dead  ■ stopped  ? vanished"

COLOURS = {
    Standing.BROKEN: "bold red",
    Standing.PAUSED: "yellow",
    Standing.FAILING: "bold red",
    Standing.LATE: "red",
    Standing.RUNNING: "cyan",
    Standing.OK: "green",
    Standing.NEW: "dim",
}


def cells(results: Sequence[Result]) -> Text:
    """Give a cell for each of the last results, the oldest at the left; `results` are newest first."""
    return Text.assemble(*(CELLS[_known(result.fate)] for result in results[:SHOWN][::-1]))


def coloured(standing: str) -> Text:
    """Give a standing in its colour."""
    return Text(standing, style=COLOURS[Standing(standing)])


def _known(fate: str) -> str:
    return fate if fate in CELLS else Fate.VANISHED
