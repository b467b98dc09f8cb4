"""The words at the top of a sweep, as W&B has them: what each may be, and the sentence for what it may not.

Every reader takes a value and the path to it, and adds what is wrong to `faults`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from worker.domain.jsonvalues import Path, describe, scalar_fault
from worker.domain.nearest import did_you_mean
from worker.domain.overlay import path_clashes
from worker.domain.space import Faults, read_parameter

UNSUPPORTED: Mapping[str, str] = {
    "early_terminate": "early_terminate is not supported yet; every trial runs to its end",
    "metrics": "metrics is not supported yet; give one metric",
    "scheduler": "scheduler is not supported yet; use method: grid or random",
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

_NO_METHOD_YET = ("bayes", "custom")
_NO_METRIC_YET = ("target", "impute", "impute_while_running")


class Method(StrEnum):
    """How the values of a trial are chosen."""

    GRID = "grid"
    """Every combination of the values once, the last parameter varying fastest."""
    RANDOM = "random"
    """Each value drawn from its distribution."""


class Goal(StrEnum):
    """What is wanted of the metric."""

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """What the trials are compared by."""

    name: str
    goal: Goal = Goal.MINIMIZE


def _read_text(value: Any, path: Path, faults: Faults) -> str | None:
    sentence = scalar_fault(value) if isinstance(value, str) else f"has to be a text, not {describe(value)}"
    if sentence or not value:
        faults.append((path, sentence or "is empty"))
        return None
    return str(value)


def _read_method(value: Any, path: Path, faults: Faults) -> Method | None:
    word = _read_text(value, path, faults)
    if word is None:
        return None
    if word in set(Method):
        return Method(word)
    if word in _NO_METHOD_YET:
        sentence = f"{word} is not supported yet; use grid or random"
    else:
        sentence = f'"{word}" is not a method{did_you_mean(word, Method) or "; it is grid or random"}'
    faults.append((path, sentence))
    return None


def _read_parameters(value: Any, path: Path, faults: Faults) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not value:
        got = "an empty one" if value == {} else describe(value)
        faults.append((path, f"has to be a mapping of names to what they may be, not {got}"))
        return {}
    nameless = {name: _name_fault(name) for name in value if _name_fault(name)}
    faults.extend(((*path, name), sentence) for name, sentence in nameless.items())
    clashes = path_clashes(name for name in value if name not in nameless)
    faults.extend(
        ((*path, name), f"leads through {other}, which is a parameter itself; keep one of them")
        for name, other in clashes.items()
    )
    return {name: read_parameter(spec, (*path, name), faults) for name, spec in value.items()}


def _name_fault(name: Any) -> str:
    if not isinstance(name, str):
        return f"the name {name!r} is not a text; put it in quotes"
    if scalar_fault(name):
        return "the name is not valid Unicode"
    if not all(step and step == step.strip() for step in name.split(".")):
        return f'"{name}" is not a name; its parts between dots have to be words, without spaces around them'
    return ""


def _read_metric(value: Any, path: Path, faults: Faults) -> Metric | None:
    if not isinstance(value, Mapping):
        faults.append((path, f"has to be a mapping with name and goal, not {describe(value)}"))
        return None
    for word in value:
        if word in _NO_METRIC_YET:
            faults.append(((*path, word), f"{word} is not supported yet; leave it out"))
        elif word not in ("name", "goal"):
            faults.append(((*path, word), f"unknown key{did_you_mean(str(word), ('name', 'goal'))}"))
    if "name" not in value:
        faults.append((path, "name is missing"))
    name = _read_text(value["name"], (*path, "name"), faults) if "name" in value else None
    goal = _read_goal(value.get("goal", Goal.MINIMIZE.value), (*path, "goal"), faults)
    return Metric(name=name, goal=goal) if name and goal else None


def _read_goal(value: Any, path: Path, faults: Faults) -> Goal | None:
    # W&B takes minimize in silence for a word that it does not know.
    word = _read_text(value, path, faults)
    if word is None:
        return None
    if word in set(Goal):
        return Goal(word)
    faults.append((path, f'"{word}" is not a goal{did_you_mean(word, Goal) or "; it is minimize or maximize"}'))
    return None


def _read_integer(value: Any, path: Path, faults: Faults) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        faults.append((path, f"has to be a whole number, not {value if isinstance(value, float) else describe(value)}"))
        return None
    if sentence := scalar_fault(value):
        faults.append((path, sentence))
    return value


def _read_count(value: Any, path: Path, faults: Faults) -> int | None:
    number = _read_integer(value, path, faults)
    if number is not None and number < 1:
        faults.append((path, "has to be at least 1"))
    return number


READERS: Mapping[str, Callable[[Any, Path, Faults], Any]] = {
    "name": _read_text,
    "method": _read_method,
    "parameters": _read_parameters,
    "metric": _read_metric,
    "run_cap": _read_count,
    "seed": _read_integer,
    "max_parallel": _read_count,
}
"""Each word that a sweep may have, with its reader. What cannot be read is None, or has a fault of its own."""
