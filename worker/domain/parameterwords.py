"""Reads the search space: parameters by their names, nested ones too, and which of them only some trials have."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from worker.domain.condition import Condition, parse_condition
from worker.domain.cycles import find_cycles
from worker.domain.distributions import Distribution
from worker.domain.jsonvalues import Path, describe, json_faults, scalar_fault
from worker.domain.overlay import path_clashes
from worker.domain.plainwords import Faults, note_unknown, read_text
from worker.domain.space import read_parameter

MOST_POINTS = 1_000_000
"""Of `method: list`."""

_DEEPEST = 20


@dataclass(slots=True)
class SpaceWords:
    """The search space as it was read. A parameter that could not be read is None."""

    parameters: dict[str, Distribution | None] = field(default_factory=dict)
    paths: dict[str, Path] = field(default_factory=dict)
    """Where each stands."""
    when: dict[str, str] = field(default_factory=dict)
    """The texts of the conditions."""


def read_space(value: Any, path: Path, faults: Faults) -> SpaceWords:
    """Read `parameters`. `{optimizer: {parameters: {lr: …}}}` is the same as `optimizer.lr`."""
    found = SpaceWords()
    if not isinstance(value, Mapping) or not value:
        got = "an empty one" if value == {} else describe(value)
        faults.append((path, f"has to be a mapping of names to what they may be, not {got}"))
        return found
    for name, place, spec in _flat(value, path, "", faults):
        if name in found.paths:
            faults.append((place, f"{name} is there already; keep one of them"))
            continue
        found.paths[name] = place
        if isinstance(spec, Mapping) and "when" in spec:
            text = read_text(spec["when"], (*place, "when"), faults)
            found.when |= {name: text} if text else {}
            spec = {word: part for word, part in spec.items() if word != "when"}
        found.parameters[name] = read_parameter(spec, place, faults)
    note_clashes(found.paths, faults)
    return found


def parameter_paths(value: Any) -> dict[str, Path]:
    """Give where each parameter of what stands under `parameters` is, from there."""
    return {name: place for name, place, _ in _flat(value, (), "", [])} if isinstance(value, Mapping) else {}


def _flat(value: Mapping[Any, Any], path: Path, above: str, faults: Faults) -> Iterator[tuple[str, Path, Any]]:
    """Give each parameter by its whole name, with its place; a name that is none is a fault."""
    for name, spec in value.items():
        place = (*path, name)
        if sentence := name_fault(name):
            faults.append((place, sentence))
        elif not isinstance(spec, Mapping) or "parameters" not in spec:
            yield f"{above}{name}", place, spec
        elif not isinstance(spec["parameters"], Mapping) or not spec["parameters"]:
            faults.append(((*place, "parameters"), "has to be a mapping of names to what they may be"))
        elif len(place) > 2 * _DEEPEST:
            faults.append((place, f"is nested more than {_DEEPEST} levels deep"))
        else:
            note_unknown(spec, place, faults, ["parameters"], _BESIDE)
            yield from _flat(spec["parameters"], (*place, "parameters"), f"{above}{name}.", faults)


_BESIDE = {
    word: f"{word} does not go with parameters; it belongs to each of them"
    for word in ("value", "values", "min", "max", "distribution", "q", "mu", "sigma", "a", "b", "probabilities", "when")
}


def name_fault(name: Any) -> str:
    """Say why a parameter cannot have this name; empty if it can."""
    if not isinstance(name, str):
        return f"the name {name!r} is not a text; put it in quotes"
    if scalar_fault(name):
        return "the name is not valid Unicode"
    if not all(step and step == step.strip() for step in name.split(".")):
        return f'"{name}" is not a name; its parts between dots have to be words, without spaces around them'
    return ""


def note_clashes(paths: Mapping[str, Path], faults: Faults) -> None:
    """Note names that lead through one another."""
    faults.extend(
        (paths[name], f"leads through {other}, which is a parameter itself; keep one of them")
        for name, other in path_clashes(paths).items()
    )


def build_when(space: SpaceWords, faults: Faults) -> dict[str, Condition]:
    """Read the conditions, in an order in which each follows those of the parameters that it reads."""
    found: dict[str, Condition] = {}
    for name, text in space.when.items():
        try:
            found[name] = parse_condition(text, space.parameters)
        except ValueError as error:
            faults.append(((*space.paths[name], "when"), str(error)))
    reads = {name: [other for other in found if other in found[name].uses] for name in found}
    for ring in find_cycles(reads):
        words = f"hangs on {ring[0]} itself" if len(ring) == 1 else f"goes in a ring: {', '.join([*ring, ring[0]])}"
        faults.append(((*space.paths[ring[0]], "when"), words))
        return {}
    ordered: dict[str, Condition] = {}
    while len(ordered) < len(found):
        ready = [name for name in found if name not in ordered and all(other in ordered for other in reads[name])]
        ordered |= {name: found[name] for name in ready}
    return ordered


def read_points(value: Any, path: Path, faults: Faults) -> tuple[Mapping[str, Any], ...]:
    """Read the points of `method: list`."""
    if not isinstance(value, list) or not value:
        got = "an empty one" if value == [] else describe(value)
        faults.append((path, f"has to be a list of mappings of names to values, not {got}"))
        return ()
    if len(value) > MOST_POINTS:
        faults.append((path, f"has {len(value)} points; at most {MOST_POINTS} are possible"))
        return ()
    checked: set[tuple[Any, ...]] = set()
    for index, point in enumerate(value):
        _check_point(point, (*path, index), checked, faults)
    return tuple(dict(point) for point in value if isinstance(point, Mapping))


def _check_point(point: Any, path: Path, checked: set[tuple[Any, ...]], faults: Faults) -> None:
    if not isinstance(point, Mapping) or not point:
        got = "an empty one" if point == {} else describe(point)
        faults.append((path, f"has to be a mapping of names to values, not {got}"))
        return
    names = tuple(point)
    # Nearly all points have the same names.
    if names not in checked:
        wrong = [((*path, name), sentence) for name in names if (sentence := name_fault(name))]
        faults.extend(wrong)
        if wrong:
            return
        note_clashes({name: (*path, name) for name in names}, faults)
        checked.add(names)
    for name, value in point.items():
        faults.extend(json_faults(value, (*path, name)))
