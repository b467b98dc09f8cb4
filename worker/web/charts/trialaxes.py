"""The axes on which trials are drawn beside each other: one for each parameter and metric, and where a trial lies."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from worker.domain.jsonvalues import sameness
from worker.domain.shortnames import short_names
from worker.engine.trialrows import Kept, KeptPoints
from worker.web.words import cell

Row = Mapping[str, Any]

LOGARITHMIC = "log"


def parallel(kept: Kept, rows: Sequence[Row]) -> dict[str, Any]:
    """Give axes and trials, as the page's script draws them. Parameters that are the same in all are left out.

    `{axes: [{name, kind: value|log|category, values}], trials: [{trial, state, at: […]}], goal, metric}`; a place is
    a number, on axes of kind category that of one of its values, and null for what a trial does not have.
    """
    if not isinstance(kept, KeptPoints):
        return {"axes": [], "trials": [], "goal": None, "metric": None}
    names = [f"params.{name}" for name in kept.names if _varies(f"params.{name}", rows)]
    metrics = kept.definition.sweep.metrics
    columns = [*names, *(f"metrics.{metric.name}" for metric in metrics)]
    short = short_names([column.partition(".")[2] for column in columns])
    axes, places = [], []
    for column in columns:
        axis, at = _axis(column, kept, rows)
        axes.append({"name": short[column.partition(".")[2]], **axis})
        places.append(at)
    return {
        "axes": axes,
        "trials": [
            {"trial": row["trial"], "state": row["status"], "at": [at[index] for at in places]}
            for index, row in enumerate(rows)
        ],
        "goal": metrics[0].goal.value if metrics else None,
        "metric": len(names) if metrics else None,
    }


def _varies(column: str, rows: Sequence[Row]) -> bool:
    return len({sameness(row.get(column)) for row in rows}) > 1


def _axis(column: str, kept: KeptPoints, rows: Sequence[Row]) -> tuple[dict[str, Any], list[float | int | None]]:
    values = [row.get(column) for row in rows]
    given = [value for value in values if value is not None]
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in given):
        texts = list(dict.fromkeys(cell(value) for value in given))
        return {"kind": "category", "values": texts}, [
            None if value is None else texts.index(cell(value)) for value in values
        ]
    places = [value if value is not None and isfinite(value) else None for value in values]
    return {"kind": _kind(column, kept, [place for place in places if place is not None])}, places


def _kind(column: str, kept: KeptPoints, numbers: Sequence[float]) -> str:
    distribution = kept.definition.sweep.parameters.get(column.removeprefix("params."))
    logarithmic = distribution is not None and LOGARITHMIC in distribution.word and column.startswith("params.")
    return LOGARITHMIC if logarithmic and all(number > 0 for number in numbers) else "value"
