"""Whether the words of a sweep go together, each by itself being right; what they are made of is made here."""

from collections.abc import Mapping, Sequence
from itertools import chain
from math import prod
from typing import Any

from worker.domain.axes import axes_of, repeated
from worker.domain.condition import Condition, parse_condition
from worker.domain.distributions import Countable, Distribution, WeightedCategorical
from worker.domain.endingwords import build_stop_when
from worker.domain.grid import COUNTED
from worker.domain.jsonvalues import LARGEST_INTEGER
from worker.domain.nearest import did_you_mean
from worker.domain.parameterwords import SpaceWords, build_when
from worker.domain.plainwords import Faults
from worker.domain.sobol import DIMENSIONS
from worker.domain.space import grid_faults
from worker.domain.sweepparts import Method

_BAYES_PARALLEL = 4
"""More at once, and a study learns little from one to the next."""

_MOST_LATIN = 2**53


def agree(words: Mapping[str, Any], faults: Faults) -> dict[str, Any]:
    """Make the fields of a sweep of its words, and note what does not go together."""
    fields = dict(words)
    _check_method(words, faults)
    _metrics(fields, faults)
    space = fields.pop("parameters", None) or SpaceWords()
    fields["parameters"] = {name: kind for name, kind in space.parameters.items() if kind is not None}
    whole = len(fields["parameters"]) == len(space.parameters)
    names = names_of(space.parameters, fields.get("points", ()))
    fields["when"] = build_when(space, faults)
    if "where" in fields:
        fields["where"] = _where(fields["where"], names, faults)
    # What follows would only repeat that a parameter cannot be read.
    if fields.get("zip") and words.get("method") is not Method.LIST:
        _check_groups(fields["zip"], space, faults)
    if words.get("method") is Method.GRID:
        _check_grid(fields, space, faults, whole=whole)
    _check_latin(fields, space, faults)
    if words.get("method") is Method.SOBOL:
        _check_sobol(fields, faults)
    if words.get("method") is Method.BAYES:
        fields.setdefault("max_parallel", _BAYES_PARALLEL)
    return fields


def names_of(parameters: Mapping[str, Any], points: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Give every name that a trial may have, in the order written."""
    return tuple(dict.fromkeys(chain(parameters, chain.from_iterable(points))))


def _check_method(words: Mapping[str, Any], faults: Faults) -> None:
    method = words.get("method")
    if method is None:
        if "parameters" not in words and "points" not in words:
            faults.append((("parameters",), "parameters is missing"))
        return
    if method is Method.LIST:
        if "points" not in words:
            faults.append((("points",), "points is missing; method: list runs the points that are written there"))
        faults.extend(
            ((word,), f"{word} does not go with method: list; write the values in points")
            for word in ("parameters", "zip")
            if word in words
        )
        return
    if "points" in words:
        faults.append((("points",), f"points does not go with method: {method}; write method: list"))
    elif "parameters" not in words:
        faults.append((("parameters",), "parameters is missing"))
    if method is not Method.GRID and "run_cap" not in words:
        faults.append((("run_cap",), f"a {method} sweep needs run_cap, the number of its trials"))


def _metrics(fields: dict[str, Any], faults: Faults) -> None:
    """Put metric and metrics together, and check what needs one."""
    several = "metrics" in fields
    if several and "metric" in fields:
        faults.append((("metrics",), "metric is there already; keep one of them"))
    named = several or "metric" in fields
    single = fields.pop("metric", None)
    metrics = fields["metrics"] = fields.get("metrics") or ((single,) if single else ())
    if len(metrics) > 1:
        faults.extend(
            (("metrics", index, "target"), "a target goes with one metric; write stop_when: {reached: …}")
            for index, metric in enumerate(metrics)
            if metric.target is not None
        )
    if "early_terminate" in fields and (not named or len(metrics) > 1):
        many = "compares by one metric" if metrics else "needs a metric to compare by"
        faults.append((("early_terminate",), many))
    if fields.get("method") is Method.BAYES and not named:
        faults.append((("metric",), "a bayes sweep needs a metric to learn from"))
    if "stop_when" in fields:
        fields["stop_when"] = _stop_when(fields["stop_when"], fields, faults, named=named)


def _stop_when(words: Mapping[str, Any], fields: Mapping[str, Any], faults: Faults, *, named: bool) -> Any:
    # A metric that cannot be read is a fault already.
    if named and not fields["metrics"]:
        return None
    return build_stop_when(words, fields["metrics"], faults)


def _where(texts: Sequence[str], names: Sequence[str], faults: Faults) -> tuple[Condition, ...]:
    found = []
    for index, text in enumerate(texts):
        try:
            found.append(parse_condition(text, names))
        except ValueError as error:
            faults.append((("where", index) if len(texts) > 1 else ("where",), str(error)))
    return tuple(found)


def _check_groups(groups: Sequence[Sequence[str]], space: SpaceWords, faults: Faults) -> None:
    grouped: dict[str, int] = {}
    before = len(faults)
    for index, group in enumerate(groups):
        if len(group) < 2:
            faults.append((("zip", index), "a group has at least two parameters"))
        for place, name in enumerate(group):
            if name in grouped:
                faults.append((("zip", index, place), f"{name} is in group {grouped[name] + 1} already"))
            elif sentence := _ungroupable(name, space):
                faults.append((("zip", index, place), sentence))
            grouped.setdefault(name, index)
    if len(faults) == before:
        _check_counts(groups, space.parameters, faults)


def _ungroupable(name: str, space: SpaceWords) -> str:
    if name not in space.parameters:
        return f'there is no parameter "{name}"{did_you_mean(name, space.parameters)}'
    kind = space.parameters[name]
    if isinstance(kind, WeightedCategorical):
        return f"{name} has probabilities, which do not go with zip"
    if kind is not None and not isinstance(kind, Countable):
        return f"{name} has no values that could be counted; give values, or use int_uniform or q_uniform"
    return ""


def _check_counts(
    groups: Sequence[Sequence[str]], parameters: Mapping[str, Distribution | None], faults: Faults
) -> None:
    for index, group in enumerate(groups):
        counts = {name: kind.count for name in group if isinstance(kind := parameters[name], Countable)}
        if len(set(counts.values())) > 1:
            words = ", ".join(f"{name} has {count}" for name, count in counts.items())
            faults.append((("zip", index), f"parameters of a group have the same number of values; {words}"))


def _check_grid(fields: Mapping[str, Any], space: SpaceWords, faults: Faults, *, whole: bool) -> None:
    groups = fields.get("zip") or ()
    grouped = set(chain.from_iterable(groups))
    found = [
        fault
        for name, kind in fields["parameters"].items()
        if name not in grouped
        for fault in grid_faults(kind, space.paths[name])
    ]
    faults.extend(found)
    if found or not whole or any(path[0] == "zip" for path, _ in faults):
        return
    axes = axes_of(fields["parameters"], groups)
    for axis in axes:
        if len(axis.members) > 1 and (twice := repeated(axis)):
            place = ("zip", next(index for index, group in enumerate(groups) if axis.name in group))
            sentence = f"has the same values at places {twice[0] + 1} and {twice[1] + 1}; a grid takes each once"
            faults.append((place, sentence))
    filtered = bool(fields["when"] or fields.get("where"))
    most, beside = (COUNTED, " before when and where") if filtered else (LARGEST_INTEGER, "")
    if "run_cap" not in fields and prod(axis.count for axis in axes) > most:
        sentence = f"the grid has more than {most} points{beside}; say with run_cap how many to run"
        faults.append((("run_cap",), sentence))


def _check_sobol(fields: Mapping[str, Any], faults: Faults) -> None:
    varying = sum(not axis.fixed for axis in axes_of(fields["parameters"], fields.get("zip") or ()))
    if varying > DIMENSIONS:
        sentence = f"a sobol sweep has at most {DIMENSIONS} parameters that vary, not {varying}; use method: random"
        faults.append((("parameters",), sentence))


def _check_latin(fields: Mapping[str, Any], space: SpaceWords, faults: Faults) -> None:
    if fields.get("method") is not Method.LHS:
        return
    why = "would leave strata without a trial; use method: sobol"
    if "where" in fields:
        faults.append((("where",), f"where does not go with lhs: it {why}"))
    faults.extend(((*space.paths[name], "when"), f"when does not go with lhs: it {why}") for name in space.when)
    if (fields.get("run_cap") or 0) > _MOST_LATIN:
        faults.append((("run_cap",), "is more than 2^53, the most of an lhs sweep"))
