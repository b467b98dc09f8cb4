"""Reads what a sweep is compared by and what ends it early: metric, budget, stop_when, early_terminate."""

from collections.abc import Mapping
from typing import Any

from worker.domain.condition import parse_condition
from worker.domain.jsonvalues import Path, describe
from worker.domain.nearest import did_you_mean
from worker.domain.plainwords import (
    Faults,
    Reader,
    read_choice,
    read_count,
    read_number,
    read_positive,
    read_text,
    read_words,
)
from worker.domain.sweepparts import Budget, EarlyStop, Goal, Metric, StopWhen

_NO_METRIC_YET = {word: f"{word} is not supported yet; leave it out" for word in ("impute", "impute_while_running")}
_METRIC: Mapping[str, Reader] = {"name": read_text, "goal": read_choice(Goal, "goal"), "target": read_number}

_HALVINGS = {
    word: f"{word} belongs to W&B's brackets, which zenbeat's asha does not have; give min_iter and eta"
    for word in ("s", "max_iter", "strict")
}
_EARLY: Mapping[str, Reader] = {
    "resource": read_text,
    "min_iter": read_positive,
    "eta": read_positive,
    "min_trials": read_count,
}
_KINDS = ("asha", "median", "hyperband")
_MEDIAN_TRIALS = 5


def read_metric(value: Any, path: Path, faults: Faults) -> Metric | None:
    """Read one metric."""
    if not isinstance(value, Mapping):
        faults.append((path, f"has to be a mapping with name and goal, not {describe(value)}"))
        return None
    if "name" not in value:
        faults.append((path, "name is missing"))
    elif value["name"] is None:
        faults.append(((*path, "name"), "has to be a text, not null"))
    words = read_words(value, path, faults, _METRIC, _NO_METRIC_YET)
    return Metric(**words) if words and "name" in words else None


def read_metrics(value: Any, path: Path, faults: Faults) -> tuple[Metric, ...]:
    """Read several metrics."""
    if not isinstance(value, list) or not value:
        what = describe(value) if value != [] else "an empty one"
        faults.append((path, f"has to be a list of mappings with name and goal, not {what}"))
        return ()
    found = [read_metric(one, (*path, index), faults) for index, one in enumerate(value)]
    metrics = tuple(metric for metric in found if metric)
    names = [metric and metric.name for metric in found]
    for index, name in enumerate(names):
        if name is not None and name in names[:index]:
            faults.append(((*path, index, "name"), f"{name} is there already"))
    return metrics


def read_budget(value: Any, path: Path, faults: Faults) -> Budget | None:
    """Read how much all runs may take."""
    words = read_words(value, path, faults, {"runs": read_count, "hours": read_positive}, {})
    if words == {}:
        faults.append((path, "says nothing; give runs or hours"))
    return Budget(**words) if words else None


def read_early_stop(value: Any, path: Path, faults: Faults) -> EarlyStop | None:
    """Read which runs are stopped on the way; `hyperband` with its words is asha."""
    if isinstance(value, Mapping) and value.get("type") is None:
        faults.append((path, f"type is missing; it is {', '.join(_KINDS)}"))
    words = read_words(value, path, faults, {"type": _read_kind, **_EARLY}, _HALVINGS)
    if words is None or not words.get("type"):
        return None
    kind = words.pop("type")
    if kind == "median" and "eta" in words:
        faults.append(((*path, "eta"), "eta belongs to asha; median stops what is worse than half of the others"))
    elif words.get("eta", 3) <= 1:
        faults.append(((*path, "eta"), "has to be more than 1; one run in eta goes on"))
    if kind == "median":
        return EarlyStop(kind="median", **{"min_trials": _MEDIAN_TRIALS, **words})
    return EarlyStop(kind="asha", **words)


def _read_kind(value: Any, path: Path, faults: Faults) -> str | None:
    word = read_text(value, path, faults)
    if word is None or word in _KINDS:
        return word
    hint = did_you_mean(word, _KINDS) or f"; it is {', '.join(_KINDS)}"
    faults.append((path, f'"{word}" is not a way to stop runs early{hint}'))
    return None


def read_stop_when(value: Any, path: Path, faults: Faults) -> Mapping[str, Any]:
    """Read what ends the sweep; its expression stays a text until the metrics are known."""
    words = read_words(value, path, faults, {"failures": read_count, "reached": read_text}, {})
    if words == {}:
        faults.append((path, "says nothing; give failures or reached"))
    return words or {}


def build_stop_when(words: Mapping[str, Any], metrics: tuple[Metric, ...], faults: Faults) -> StopWhen | None:
    """Read the expression over the names of the metrics."""
    if "reached" not in words:
        return StopWhen(**words) if words else None
    path: Path = ("stop_when", "reached")
    if not metrics:
        faults.append((path, "needs a metric; it is an expression over the names of the metrics"))
        return None
    try:
        reached = parse_condition(words["reached"], [metric.name for metric in metrics])
    except ValueError as error:
        faults.append((path, str(error)))
        return None
    return StopWhen(failures=words.get("failures"), reached=reached)
