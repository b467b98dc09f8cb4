"""Reads one parameter of a search space, written in W&B's words, and says everything that is wrong with it.

Which words go together, and which distribution is meant where none is named, is as in W&B's schema
(github.com/wandb/sweeps, src/sweeps/config/schema.json): `value` is constant; `values` is categorical, and weighted
with `probabilities`; `min` and `max` are int_uniform if both are whole numbers, and uniform if one is a float. Normal
and beta distributions are always named.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from math import fsum, isclose, ulp
from typing import Any

from worker.domain.bells import GREATEST_SHAPE, LEAST_SHAPE, Beta, LogNormal, Normal, QBeta, QLogNormal, QNormal
from worker.domain.distributions import (
    Categorical,
    Constant,
    Countable,
    Distribution,
    IntUniform,
    InvLogUniform,
    LogUniform,
    QLogUniform,
    QUniform,
    Uniform,
    WeightedCategorical,
    as_written,
)
from worker.domain.jsonvalues import Path, describe, json_faults, sameness, scalar_fault
from worker.domain.nearest import did_you_mean
from worker.domain.plainwords import Faults


@dataclass(frozen=True, slots=True)
class _Kind:
    """A distribution as it is written: the words it needs, those it may have, and what it becomes."""

    build: Callable[[Mapping[str, Any]], Distribution]
    needs: tuple[str, ...] = ("min", "max")
    may: tuple[str, ...] = ()


def _weighted(words: Mapping[str, Any]) -> Distribution:
    return WeightedCategorical(values=tuple(words["values"]), probabilities=tuple(words["probabilities"]))


def _quantum(words: Mapping[str, Any]) -> int | float:
    # W&B's default is the float 1.0; a whole number gives whole numbers, which fit parameters of both types.
    quantum: int | float = words.get("q", 1)
    return quantum


def _defaulted(kind: type[Normal | Beta]) -> Callable[[Mapping[str, Any]], Distribution]:
    """Build a distribution whose words are its fields, each with a default."""
    return lambda words: kind(**{word: value for word, value in words.items() if word != "distribution"})


_KINDS: Mapping[str, _Kind] = {
    Constant.word: _Kind(lambda words: Constant(value=words["value"]), ("value",)),
    Categorical.word: _Kind(lambda words: Categorical(values=tuple(words["values"])), ("values",)),
    WeightedCategorical.word: _Kind(_weighted, ("values", "probabilities")),
    IntUniform.word: _Kind(lambda words: IntUniform(low=words["min"], high=words["max"])),
    Uniform.word: _Kind(lambda words: Uniform(low=words["min"], high=words["max"])),
    QUniform.word: _Kind(lambda words: QUniform(low=words["min"], high=words["max"], q=_quantum(words)), may=("q",)),
    LogUniform.word: _Kind(lambda words: LogUniform(low=words["min"], high=words["max"])),
    InvLogUniform.word: _Kind(lambda words: InvLogUniform(low=words["min"], high=words["max"])),
    QLogUniform.word: _Kind(
        lambda words: QLogUniform(low=words["min"], high=words["max"], q=_quantum(words)), may=("q",)
    ),
    Normal.word: _Kind(_defaulted(Normal), (), ("mu", "sigma")),
    QNormal.word: _Kind(_defaulted(QNormal), (), ("mu", "sigma", "q")),
    LogNormal.word: _Kind(_defaulted(LogNormal), (), ("mu", "sigma")),
    QLogNormal.word: _Kind(_defaulted(QLogNormal), (), ("mu", "sigma", "q")),
    Beta.word: _Kind(_defaulted(Beta), (), ("a", "b")),
    QBeta.word: _Kind(_defaulted(QBeta), (), ("a", "b", "q")),
}
_LOGARITHMIC = frozenset({LogUniform.word, InvLogUniform.word, QLogUniform.word})
_EXPONENTS = {"log_uniform", "q_log_uniform", "inv_log_uniform"}
_NORMAL, _BETA = "normal, q_normal, log_normal or q_log_normal", "beta or q_beta"
_BELLS = {"mu": _NORMAL, "sigma": _NORMAL, "a": _BETA, "b": _BETA}
"""Words that belong to some distributions alone, which have to be named."""
_WORDS = ("value", "values", "min", "max", "distribution", "q", "probabilities", "when", *sorted(_BELLS))


def read_parameter(spec: Any, path: Path, faults: Faults) -> Distribution | None:
    """Read what a parameter may be, or add everything that is wrong with it to `faults` and give None."""
    before = len(faults)
    if not isinstance(spec, Mapping):
        faults.append((path, _no_mapping(spec)))
    elif word := _distribution(spec, path, faults):
        _check_words(word, spec, path, faults)
        if len(faults) == before:
            _check_together(word, spec, path, faults)
        if len(faults) == before:
            return _KINDS[word].build(deepcopy(dict(spec)))
    return None


def grid_faults(distribution: Distribution, path: Path) -> Faults:
    """Say why a grid cannot go through the values of this distribution one by one."""
    if isinstance(distribution, WeightedCategorical):
        sentence = "a grid takes every value once; leave the probabilities out, or use method: random"
        return [((*path, "probabilities"), sentence)]
    if not isinstance(distribution, Countable):
        sentence = (
            f"{distribution.word} has no values that a grid could count; "
            "give values, or use int_uniform, q_uniform or method: random"
        )
        return [(path, sentence)]
    return _repeated(distribution, path) if isinstance(distribution, Categorical) else []


def _repeated(distribution: Categorical, path: Path) -> Faults:
    seen: dict[str, int] = {}
    faults: Faults = []
    for index, value in enumerate(distribution.values):
        first = seen.setdefault(sameness(value), index)
        if first != index:
            sentence = f"is the same as value {first + 1} of the list; a grid takes every value once"
            faults.append(((*path, "values", index), sentence))
    return faults


def _no_mapping(spec: Any) -> str:
    way_out = (
        "write values: [...] to choose from a list" if isinstance(spec, list) else "write value: ... for one value"
    )
    return f"has to be a mapping, not {describe(spec)}; {way_out}"


def _distribution(spec: Mapping[str, Any], path: Path, faults: Faults) -> str | None:
    """Give the name of the distribution that is meant, or add a fault."""
    if "distribution" in spec:
        sentence = _unusable(spec["distribution"])
        if sentence:
            faults.append(((*path, "distribution"), sentence))
            return None
        named = str(spec["distribution"])
        # The schema has a word of its own for this; people write the shorter one.
        return WeightedCategorical.word if named == Categorical.word and "probabilities" in spec else named
    for word, meant in (
        ("value", Constant.word),
        ("probabilities", WeightedCategorical.word),
        ("values", "categorical"),
    ):
        if word in spec:
            return meant
    bounds = [spec[word] for word in ("min", "max") if word in spec]
    if bounds:
        return IntUniform.word if all(isinstance(bound, int) for bound in bounds) else Uniform.word
    clues = _unknown_words(spec, path)
    clues += [((*path, word), f"{word} needs distribution: {_BELLS[word]}") for word in spec if word in _BELLS]
    faults.extend(clues or [(path, "says nothing about its values; give value, values, or min and max")])
    return None


def _unusable(word: Any) -> str:
    if not isinstance(word, str):
        return f"has to be a text, not {describe(word)}"
    if word in _EXPONENTS:
        return (
            f"{word}, which takes exponents, is not supported yet; use {word}_values, which takes the values themselves"
        )
    if word not in _KINDS:
        hint = did_you_mean(word, [*_KINDS, *_EXPONENTS]) or f"; known are {', '.join(_KINDS)}"
        return f'"{word}" is not a distribution{hint}'
    return ""


def _unknown_words(spec: Mapping[str, Any], path: Path) -> Faults:
    unknown = [word for word in spec if word not in _WORDS]
    return [((*path, word), f"unknown key{did_you_mean(str(word), _WORDS)}") for word in unknown]


def _check_words(named: str, spec: Mapping[str, Any], path: Path, faults: Faults) -> None:
    """Check each word by itself: that it belongs here, that none is missing, and its value."""
    kind = _KINDS[named]
    takes = kind.needs + kind.may
    faults.extend(_unknown_words(spec, path))
    for word, value in spec.items():
        if word in takes:
            faults.extend(_CHECKS[word](value, (*path, word), named))
        elif word in _WORDS and word != "distribution":
            faults.append(((*path, word), _misplaced(word, named, takes)))
    for word in kind.needs:
        if word not in spec:
            faults.append((path, f"{word} is missing; {named} needs {' and '.join(kind.needs)}"))


def _misplaced(word: str, named: str, takes: tuple[str, ...]) -> str:
    bell = not _BELLS.keys().isdisjoint(takes)
    if word in _BELLS and not bell:
        return f"{word} does not go with {named}; say distribution: {_BELLS[word]}"
    if word == "q" and ("min" in takes or bell):
        quantized = f"q_{named}" if bell else "q_uniform or q_log_uniform_values"
        return f"q does not go with {named}; say distribution: {quantized}"
    unbounded = " and has no bounds" if word in {"min", "max"} and bell else ""
    return f"{word} does not go with {named}, which takes {', '.join(takes)}{unbounded}"


def _check_number(value: Any, path: Path, named: str) -> Faults:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return [(path, f"has to be a number, not {describe(value)}")]
    if sentence := scalar_fault(value):
        return [(path, sentence)]
    if named == IntUniform.word and not isinstance(value, int):
        return [(path, "has to be a whole number for int_uniform; floats go with uniform")]
    if named in _LOGARITHMIC and value <= 0:
        return [(path, f"has to be more than 0 for {named}")]
    return []


def _check_positive(value: Any, path: Path, named: str) -> Faults:
    faults = _check_number(value, path, named)
    return faults if faults or value > 0 else [(path, "has to be more than 0")]


def _check_shape(value: Any, path: Path, named: str) -> Faults:
    if faults := _check_positive(value, path, named):
        return faults
    if LEAST_SHAPE <= value <= GREATEST_SHAPE:
        return []
    return [(path, f"has to be between {LEAST_SHAPE} and {GREATEST_SHAPE}; beyond, a beta takes too long to compute")]


def _check_value(value: Any, path: Path, _: str) -> Faults:
    return json_faults(value, path)


def _check_values(value: Any, path: Path, _: str) -> Faults:
    if not isinstance(value, list):
        return [(path, f"has to be a list, not {describe(value)}")]
    return json_faults(value, path) if value else [(path, "is empty; give at least one value")]


def _check_probabilities(value: Any, path: Path, named: str) -> Faults:
    if not isinstance(value, list):
        return [(path, f"has to be a list, not {describe(value)}")]
    faults = [fault for index, part in enumerate(value) for fault in _check_number(part, (*path, index), named)]
    return faults or [((*path, index), "is less than 0") for index, part in enumerate(value) if part < 0]


_CHECKS: Mapping[str, Callable[[Any, Path, str], Faults]] = {
    "value": _check_value,
    "values": _check_values,
    "min": _check_number,
    "max": _check_number,
    "q": _check_positive,
    "probabilities": _check_probabilities,
    "mu": _check_number,
    "sigma": _check_positive,
    "a": _check_shape,
    "b": _check_shape,
}


def _check_together(named: str, spec: Mapping[str, Any], path: Path, faults: Faults) -> None:
    """Check the words against each other; each by itself is right."""
    takes = _KINDS[named].needs + _KINDS[named].may
    if "probabilities" in takes:
        faults.extend(_weights_faults(spec["values"], spec["probabilities"], (*path, "probabilities")))
    elif "mu" in takes or "a" in takes:
        faults.extend(_bell_faults(_KINDS[named].build(spec), spec, path))
    elif "min" in takes and spec["min"] >= spec["max"]:
        way_out = "write value: ... for one value" if spec["min"] == spec["max"] else "swap them"
        sentence = f"min {spec['min']} is not less than max {spec['max']}; {way_out}"
        faults.append(((*path, "min"), sentence))
    elif "q" in takes:
        faults.extend(_quantum_faults(QUniform(low=spec["min"], high=spec["max"], q=_quantum(spec)), path))


def _weights_faults(values: list[Any], weights: list[int | float], path: Path) -> Faults:
    if len(weights) != len(values):
        return [(path, f"has to have one entry for each of the values: {len(values)}, not {len(weights)}")]
    total = fsum(weights)
    # As near as W&B wants it (numpy.isclose); what is left is shared out.
    return [] if isclose(total, 1, rel_tol=1e-5) else [(path, f"the probabilities make {total:g} together, not 1")]


def _bell_faults(distribution: Distribution, spec: Mapping[str, Any], path: Path) -> Faults:
    if isinstance(distribution, Normal) and (sentence := distribution.fault()):
        return [((*path, "sigma" if "sigma" in spec else "mu"), sentence)]
    if isinstance(distribution, QBeta) and distribution.q > 1:
        return [((*path, "q"), "is more than 1, so that the value would always be 0; a beta lies between 0 and 1")]
    return []


def _quantum_faults(span: QUniform, path: Path) -> Faults:
    place = (*path, "q")
    if not span.multiples():
        return [(place, f"no multiple of q ({span.q}) lies between min {span.low} and max {span.high}")]
    whole = isinstance(span.q, int) and as_written(span.low).denominator == 1
    if not whole and span.q <= ulp(max(abs(span.low), abs(span.high))):
        return [(place, f"is too small: floats as large as {span.high} are further apart than {span.q}")]
    return []
