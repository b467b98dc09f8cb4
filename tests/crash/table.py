"""Writes the crash matrix into docs/reliability.md, between its marks."""

import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import celery
import kombu
import redis

from .cells import Cell, Result

HEAD = "| point | killed, or stopped | due | runs | doubled | lost | latest, s |\n|---|---|--:|--:|--:|--:|--:|\n"


def write_table(path: str | None, mark: str, cells: Sequence[Cell], results: Mapping[str, Result]) -> None:
    """Put the rows in place of what is between the marks; nothing without a path, or when a row is missing."""
    if path is None or len(results) < len(cells):
        return
    rows = [_row(cell, results[cell.name]) for cell in cells]
    told = (
        f"{len(rows)} cells on {platform.machine()}, Python {platform.python_version()}, "
        f"celery {celery.__version__}, kombu {kombu.__version__}, redis-py {redis.__version__}.\n\n"
    )
    text = Path(path).read_text(encoding="utf-8")
    begin, end = f"<!-- {mark} -->\n", f"<!-- end of {mark} -->"
    fresh = re.sub(
        re.escape(begin) + ".*?" + re.escape(end), lambda _: begin + told + HEAD + "".join(rows) + end, text, flags=re.S
    )
    Path(path).write_text(fresh, encoding="utf-8")


def _row(cell: Cell, result: Result) -> str:
    figures = (result.due, result.runs, result.doubled, result.lost, f"{result.lateness:.1f}")
    return f"| {' | '.join(map(str, (cell.point, cell.killed, *figures)))} |\n"
