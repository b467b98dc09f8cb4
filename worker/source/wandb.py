"""A sweep of Weights & Biases in our words: what stays, what is changed or left out, and why.

Their words: docs.wandb.ai, "Sweep configuration options".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import exp, isfinite
from pathlib import PurePath
from typing import Any

from worker.domain.errors import InvalidInput
from worker.domain.jsonvalues import describe
from worker.domain.nearest import did_you_mean

RUN_CAP = 50
"""Trials of a sweep that at W&B goes on until somebody stops it."""

KEPT = ("method", "metric", "parameters", "run_cap", "early_terminate")

LEFT_OUT = {
    "program": "a trial starts a run of a pipeline",
    "command": "a trial starts a run of a pipeline, with nothing else to call",
    "job": "a trial starts a run of a pipeline",
    "image_uri": "a trial starts a run of a pipeline, whose template has its image",
    "entity": "it is about W&B",
    "project": "it is W&B's; a ZenML project is set by ZENML_ACTIVE_PROJECT_ID, or by `project` beside `pipeline`",
    "description": "there is no such word; write a comment",
    "controller": "zenbeat itself chooses the trials",
    "scheduler": "zenbeat itself chooses the trials",
    "apiVersion": "it is about W&B",
    "kind": "it is about W&B",
}

EXPONENTS = {
    "log_uniform": "log_uniform_values",
    "q_log_uniform": "q_log_uniform_values",
    "inv_log_uniform": "inv_log_uniform_values",
}
"""Distributions whose min and max are exponents -> those that take the values themselves."""

BRACKETS = ("max_iter", "s", "strict")


@dataclass(slots=True)
class Converted:
    """A sweep in our words, and what was done to it."""

    entry: dict[str, Any]
    """An element of `sweeps:`."""
    notes: list[str] = field(default_factory=list)


def convert(raw: Any, *, name: str = "", pipeline: str = "", step: str = "", file: str = "sweep") -> Converted:
    """Translate W&B's words; the arguments come before what the file says. Raises InvalidInput.

    With `step`, the parameters are those of this step; without, they keep their names, and only expressions know them.
    """
    if not isinstance(raw, Mapping):
        raise InvalidInput(f"{file}: has to be a mapping with method and parameters, not {describe(raw)}")
    notes: list[str] = []
    entry: dict[str, Any] = {
        "name": _name(name, raw, file, notes),
        "pipeline": pipeline or _pipeline(raw, notes),
        "method": raw.get("method"),
    }
    for word, read in (("metric", _metric), ("early_terminate", _early)):
        if raw.get(word) is not None:
            entry[word] = read(raw[word], notes)
    if raw.get("run_cap") is not None:
        entry["run_cap"] = raw["run_cap"]
    elif entry["method"] in ("random", "bayes"):
        entry["run_cap"] = RUN_CAP
        notes.append(f"run_cap: {RUN_CAP} was added; at W&B such a sweep goes on until somebody stops it")
    parameters = raw.get("parameters")
    if isinstance(parameters, Mapping):
        parameters = {_led(str(each), step): _parameter(spec, str(each), notes) for each, spec in parameters.items()}
        if not step:
            notes.append("parameters keep their names, which only expressions know (params.<name>); --step leads there")
    entry["parameters"] = parameters
    _leave_out(raw, notes)
    return Converted(entry, notes)


def _leave_out(raw: Mapping[Any, Any], notes: list[str]) -> None:
    for word in raw:
        if word in LEFT_OUT:
            notes.append(f"{word} is left out: {LEFT_OUT[word]}")
        elif word not in (*KEPT, "name"):
            notes.append(f"{word} is left out: it is no word of W&B{did_you_mean(str(word), [*KEPT, *LEFT_OUT])}")


def _name(name: str, raw: Mapping[str, Any], file: str, notes: list[str]) -> str:
    if name:
        return name
    wanted = str(raw.get("name") or PurePath(file).stem)
    made = re.sub(r"[^a-z0-9._-]+", "-", wanted.lower()).strip("-._") or "sweep"
    if made != raw.get("name"):
        notes.append(f"it is named {made}; --name gives it another name")
    return made


def _pipeline(raw: Mapping[str, Any], notes: list[str]) -> str:
    guess = PurePath(str(raw.get("program") or "training.py")).stem
    notes.append(f"pipeline: {guess} is a guess; --pipeline says which one a trial runs")
    return guess


def _led(name: str, step: str) -> str:
    return f"steps.{step}.parameters.{name}" if step else name


def _metric(value: Any, notes: list[str]) -> Any:
    if not isinstance(value, Mapping):
        return value
    others = [word for word in value if word not in ("name", "goal", "target")]
    notes += [f"metric.{word} is left out: a trial without the metric does not count" for word in others]
    return {word: value[word] for word in ("name", "goal", "target") if value.get(word) is not None}


def _early(value: Any, notes: list[str]) -> Any:
    """Read hyperband, which is asha: one series of rungs, of which W&B draws several from max_iter and s."""
    if not isinstance(value, Mapping):
        return value
    kept = {word: part for word, part in value.items() if word not in BRACKETS and part is not None}
    if kept.get("type") == "hyperband":
        kept["type"] = "asha"
        notes.append("early_terminate: hyperband is asha, which compares runs at min_iter, min_iter * eta, …")
    most, brackets, eta = value.get("max_iter"), value.get("s", 1), kept.get("eta", 3)
    if most is not None and "min_iter" not in kept and all(map(_is_number, (most, brackets, eta))):
        kept["min_iter"] = _tidy(max(1.0, most / eta**brackets))
        notes.append(f"early_terminate: max_iter {most} with s {brackets} is min_iter {kept['min_iter']}")
    if value.get("strict"):
        notes.append("early_terminate.strict is left out: asha compares at every rung anyway")
    notes.append("early_terminate: W&B counts how often the metric was logged; log `step` with it, or name a resource")
    return kept


def _parameter(spec: Any, name: str, notes: list[str]) -> Any:
    if not isinstance(spec, Mapping):
        return spec
    if isinstance(spec.get("parameters"), Mapping):
        inner = {str(each): _parameter(one, f"{name}.{each}", notes) for each, one in spec["parameters"].items()}
        return {**spec, "parameters": inner}
    spec = {word: _number(part) if word in ("min", "max", "mu", "sigma", "q") else part for word, part in spec.items()}
    word = spec.get("distribution")
    if word not in EXPONENTS:
        return spec
    low, high = spec.get("min", 0), spec.get("max", 1)
    if not (_is_number(low) and _is_number(high)):
        raise InvalidInput(f"parameters.{name}: min and max of {word} have to be numbers")
    begin, end = (-high, -low) if word == "inv_log_uniform" else (low, high)
    changed = {**spec, "distribution": EXPONENTS[word], "min": _power(begin, name), "max": _power(end, name)}
    notes.append(
        f"{name}: {word} from {low} to {high}, which are exponents, is {EXPONENTS[word]} "
        f"from {changed['min']:g} to {changed['max']:g}"
    )
    return changed


def _power(exponent: float, name: str) -> float:
    try:
        value = exp(exponent)
    except OverflowError:
        value = float("inf")
    if not (isfinite(value) and value > 0):
        raise InvalidInput(f"parameters.{name}: exp({exponent}) is not a number that can be used")
    # So many digits are the same on every machine.
    return float(f"{value:.12g}")


def _number(value: Any) -> Any:
    """Read 1e-5, which YAML 1.1 takes for a text."""
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return value


def _tidy(value: float) -> float:
    return int(value) if value == int(value) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
