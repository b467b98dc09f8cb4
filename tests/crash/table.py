"""Writes the crash matrix into docs/reliability.md, between its marks."""

import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import celery
import kombu
import redis

from .cells import Cell, Result
from .doors import DoorCell, Passed
from .ends import End, EndCell
from .fans import Fan, FanCell

HEAD = "| point | killed, or stopped | due | runs | doubled | lost | latest, s |\n|---|---|--:|--:|--:|--:|--:|\n"

ENDS_HEAD = (
    "| point | killed | runs | ends told | followers | started again | most at once | alerts |\n"
    "|---|---|--:|--:|--:|--:|--:|--:|\n"
)

FANS_HEAD = (
    "| point | killed | trials | runs | distinct | doubled | counted as completed |\n|---|---|--:|--:|--:|--:|--:|\n"
)


DOORS_HEAD = (
    "| point | killed, or stopped | accepted | runs | doubled | lost | latest, s |\n|---|---|--:|--:|--:|--:|--:|\n"
)


def write_table(path: str | None, mark: str, cells: Sequence[Cell], results: Mapping[str, Result]) -> None:
    """Put the rows in place of what is between the marks; nothing without a path, or when a row is missing."""
    if path is None or len(results) < len(cells):
        return
    _put(path, mark, HEAD, [_row(cell, results[cell.name]) for cell in cells])


def write_ends(path: str | None, cells: Sequence[EndCell], results: Mapping[str, End]) -> None:
    """Put the rows about the ends of runs in their place; nothing without a path, or when a row is missing."""
    if path is not None and len(results) == len(cells):
        _put(path, "ends", ENDS_HEAD, [_row_of_end(cell, results[cell.name]) for cell in cells])


def write_fans(path: str | None, mark: str, cells: Sequence[FanCell], results: Mapping[str, Fan]) -> None:
    """Put the rows about sweeps, or backfills, in their place; nothing without a path, or when a row is missing."""
    if path is not None and len(results) == len(cells):
        _put(path, mark, FANS_HEAD, [_row_of_fan(cell, results[cell.name]) for cell in cells])


def write_doors(path: str | None, cells: Sequence[DoorCell], results: Mapping[str, Passed]) -> None:
    """Put the rows about the HTTP API in their place; nothing without a path, or when a row is missing."""
    if path is not None and len(results) == len(cells):
        _put(path, "doors", DOORS_HEAD, [_row_of_door(cell, results[cell.name]) for cell in cells])


def _put(path: str, mark: str, head: str, rows: Sequence[str]) -> None:
    told = (
        f"{len(rows)} cells on {platform.machine()}, Python {platform.python_version()}, "
        f"celery {celery.__version__}, kombu {kombu.__version__}, redis-py {redis.__version__}.\n\n"
    )
    text = Path(path).read_text(encoding="utf-8")
    begin, end = f"<!-- {mark} -->\n", f"<!-- end of {mark} -->"
    fresh = re.sub(
        re.escape(begin) + ".*?" + re.escape(end), lambda _: begin + told + head + "".join(rows) + end, text, flags=re.S
    )
    Path(path).write_text(fresh, encoding="utf-8")


def _row(cell: Cell, result: Result) -> str:
    figures = (result.due, result.runs, result.doubled, result.lost, f"{result.lateness:.1f}")
    return f"| {' | '.join(map(str, (cell.point, cell.killed, *figures)))} |\n"


def _row_of_end(cell: EndCell, end: End) -> str:
    figures = (end.runs, end.told, end.followers, end.again, end.at_once, end.letters)
    return f"| {' | '.join(map(str, (cell.point, cell.killed, *figures)))} |\n"


def _row_of_fan(cell: FanCell, fan: Fan) -> str:
    figures = (fan.trials, fan.runs, fan.distinct, fan.runs - fan.distinct, fan.row.completed)
    return f"| {' | '.join(map(str, (cell.point, cell.killed, *figures)))} |\n"


def _row_of_door(cell: DoorCell, passed: Passed) -> str:
    figures = (passed.accepted, passed.runs, passed.doubled, passed.lost, f"{passed.lateness:.1f}")
    return f"| {' | '.join(map(str, (cell.point, cell.killed, *figures)))} |\n"
