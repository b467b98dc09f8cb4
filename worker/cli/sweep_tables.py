"""Trials as a table for people: parameters by the last word of their names, numbers in six digits."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rich.text import Text

from worker.cli.output import Words, short_time, show
from worker.domain.duration import length_in_words
from worker.domain.shortnames import short_names

STYLES = {
    "completed": "green",
    "running": "cyan",
    "failed": "red",
    "stuck": "red",
    "dead": "bold red",
    "stopped": "yellow",
    "cancelled": "yellow",
    "vanished": "magenta",
    "planned": "dim",
    "left out": "dim",
}

LONGEST = 42
"""Characters of a reason or a value in a cell: a word and an id fit."""


def show_points(points: Sequence[Mapping[str, Any]], names: Collection[str]) -> None:
    """Print trials that have no runs yet."""
    short = short_names(names)
    rows = [{short.get(key, key): value for key, value in point.items()} for point in points]
    columns = list(short.values())
    show(rows, ["trial", *columns], "table", words=dict.fromkeys(columns, cell), spare=columns[::-1])


def show_trials(rows: Sequence[Mapping[str, Any]], empty: str, *, reasons: bool = False) -> None:
    """Print trials as `sweep_rows` gives them. Parameters for which there is no room are left out.

    With `reasons`, these are more wanted than the parameters.
    """
    keys = list(rows[0]) if rows else []
    short = short_names([_bare(key) for key in keys if key.startswith(("params.", "metrics."))])
    names = {key: short.get(_bare(key), key) for key in keys}
    params = [names[key] for key in keys if key.startswith("params.")]
    metrics = [names[key] for key in keys if key.startswith("metrics.")]
    told = [{names[key]: value for key, value in row.items()} | {"takes": row["seconds"]} for row in rows]
    words: Words = {**dict.fromkeys([*params, *metrics], cell), **WORDS}
    spare = ["run_id", "takes", *params[::-1], "reason"] if reasons else ["run_id", "reason", "takes", *params[::-1]]
    columns = ["trial", "fire_time", "status", *params, *metrics, "takes", "reason", "run_id"]
    show(told, columns, "table", words=words, empty=empty, spare=spare)


def cell(value: Any) -> str:
    """Tell a value: six digits of a number, the beginning of what is long."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return _cut(f"{value:.6g}" if isinstance(value, float) else str(value))


def _bare(key: str) -> str:
    return key.partition(".")[2]


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


WORDS: Words = {
    "status": lambda word: Text(word, style=STYLES.get(word, "")),
    "takes": length_in_words,
    "reason": _cut,
    "fire_time": short_time,
}
