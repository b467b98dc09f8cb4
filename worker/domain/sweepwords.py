"""The words at the top of a sweep: which there are, how each is read, and the sentence for those there are not."""

from collections.abc import Mapping
from typing import Any

from worker.domain.endingwords import read_budget, read_early_stop, read_metric, read_metrics, read_stop_when
from worker.domain.jsonvalues import Path, describe
from worker.domain.nearest import did_you_mean
from worker.domain.parameterwords import read_points, read_space
from worker.domain.plainwords import Faults, Reader, read_count, read_integer, read_text
from worker.domain.sweepparts import Method

UNSUPPORTED: Mapping[str, str] = {
    "scheduler": "scheduler is not supported yet; write early_terminate, or another method",
    "controller": "controller is not supported yet; zenbeat itself runs the trials",
    **{
        word: f"{word} is not supported yet; a trial starts a run of the pipeline, with nothing else to call"
        for word in ("program", "command", "job", "image_uri")
    },
    **{
        word: f"{word} is not supported yet; leave it out"
        for word in ("apiVersion", "description", "entity", "kind", "project")
    },
}
"""W&B's other words at the top of a sweep, each with the sentence that refuses it."""

_METHODS = f"{', '.join(list(Method)[:-1])} or {list(Method)[-1]}"


def _read_method(value: Any, path: Path, faults: Faults) -> Method | None:
    word = read_text(value, path, faults)
    if word is None:
        return None
    if word in set(Method):
        return Method(word)
    if word == "custom":
        sentence = f"custom is not supported yet; use {_METHODS}"
    else:
        sentence = f'"{word}" is not a method{did_you_mean(word, Method) or f"; it is {_METHODS}"}'
    faults.append((path, sentence))
    return None


def _read_groups(value: Any, path: Path, faults: Faults) -> tuple[tuple[str, ...], ...]:
    if not isinstance(value, list) or not all(isinstance(group, list) for group in value):
        faults.append((path, "has to be a list of lists of names, such as [[a, b], [c, d]]"))
        return ()
    wrong = [
        ((*path, index, place), f"has to be the name of a parameter, not {describe(name)}")
        for index, group in enumerate(value)
        for place, name in enumerate(group)
        if not isinstance(name, str)
    ]
    faults.extend(wrong)
    return () if wrong else tuple(map(tuple, value))


def _read_where(value: Any, path: Path, faults: Faults) -> tuple[str, ...]:
    if isinstance(value, list):
        found = [read_text(one, (*path, index), faults) for index, one in enumerate(value)]
    elif isinstance(value, bool):
        faults.append((path, f"has to be an expression, not {describe(value)}; put it in quotes"))
        found = []
    else:
        found = [read_text(value, path, faults)]
    return tuple(one for one in found if one)


READERS: Mapping[str, Reader] = {
    "name": read_text,
    "method": _read_method,
    "parameters": read_space,
    "zip": _read_groups,
    "where": _read_where,
    "points": read_points,
    "metric": read_metric,
    "metrics": read_metrics,
    "run_cap": read_count,
    "seed": read_integer,
    "max_parallel": read_count,
    "budget": read_budget,
    "stop_when": read_stop_when,
    "early_terminate": read_early_stop,
}
"""Each word that a sweep may have, with its reader. What cannot be read is None, or has a fault of its own."""
