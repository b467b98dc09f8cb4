"""Entries of a schedule file that came as JSON, alone: built by the code that builds those of files."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path as Folder
from typing import Any

from worker.domain.errors import Fault, InvalidInput
from worker.domain.jsonvalues import Path, describe, json_faults, pointer_of
from worker.domain.nearest import did_you_mean
from worker.domain.parameterwords import parameter_paths
from worker.domain.schedule import SweepDefinition
from worker.source.build import build_document
from worker.source.document import UNPRINTABLE, Document, Spot
from worker.source.files import Files
from worker.source.findings import Findings
from worker.source.model import CLOCKS
from worker.source.shape import read_file
from worker.source.templates import Templates
from worker.source.timing import When, build_when

TIMES = (*CLOCKS, "timezone", "seconds", "dst", "jitter", "start_time", "end_time", "skip_dates")
"""Words that say when something is due by the clock."""

ENTRY = "#"
"""Stands for the entry, in place of a file and its lines; behind it comes a JSON pointer."""

_NOW = "a sweep that is asked for here begins at once; one that is due by the clock stands in a schedule file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inline(Document):
    """A document with one entry. Faults have JSON pointers into that, in place of lines."""

    def fault(self, path: Path, message: str, *, at_key: bool = False) -> Fault:  # noqa: ARG002 - keys have no place
        """Make a fault at a path. Of a path that is not in the entry, the part that is counts."""
        value: Any = self.value
        known: list[str | int] = []
        for step in path:
            if not _has(value, step):
                break
            value = value[step]
            known.append(step)
        way = tuple(known[2:])  # behind the section and the index of the entry
        return Fault(message=message, path=".".join(map(str, way)), pointer=pointer_of(way))


def _has(value: Any, step: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(step, int) and step < len(value)
    return isinstance(value, Mapping) and step in value


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltSweep:
    """A sweep that was asked for with its whole definition, and what is doubtful in that."""

    definition: SweepDefinition
    warnings: tuple[Fault, ...] = ()


def build_sweep(words: object, folder: Folder) -> BuiltSweep:
    """Build an element of `sweeps:`. Files that it names are those of the folder. Raises InvalidInput."""
    given = _checked(words, "a sweep")
    files = Files(folder, settle=False)
    clocks = [_fault((word,), _NOW) for word in CLOCKS if given.get(word) is not None]
    if clocks:
        raise InvalidInput(clocks)
    version = build_document(_inline("sweeps", given), files, Templates(files))
    if version.faults:
        raise InvalidInput([_found(fault) for fault in version.faults])
    (definition,) = version.sweeps
    places = replace(definition, place=ENTRY, places=_places(given))
    return BuiltSweep(definition=places, warnings=tuple(map(_found, version.warnings)))


def build_times(words: object, name: str) -> When:
    """Read when something is due, in the words of a schedule; the name is what `H` stands for. Raises InvalidInput."""
    given = _checked(words, "a question")
    unknown = [_fault((word,), f"unknown key{did_you_mean(word, TIMES)}") for word in given if word not in TIMES]
    if unknown:
        raise InvalidInput(unknown)
    empty = [_fault((word,), "is empty; leave it out") for word in given if given[word] in (None, [])]
    if empty:
        raise InvalidInput(empty)
    findings = Findings(_inline("schedules", {"name": name, "pipeline": name, **given}))
    entries = read_file(findings).schedules
    when = build_when(entries[0][1], ("schedules", 0), findings) if entries else None
    if findings.faults or when is None:
        raise InvalidInput(findings.faults or [Fault(message="it cannot be read")])
    return when


def _checked(words: object, what: str) -> Mapping[str, Any]:
    if not isinstance(words, Mapping):
        raise InvalidInput(f"{what} has to be a mapping, not {describe(words)}")
    # What is nested too deeply to be looked through is a fault before that.
    found = json_faults(words) or list(_unprintable(words))
    if found:
        raise InvalidInput([_fault(path, message) for path, message in found])
    return words


def _unprintable(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Find the characters that no schedule file may have either."""
    if isinstance(value, str) and (found := UNPRINTABLE.search(value)):
        yield path, f"the character U+{ord(found[0]):04X} cannot stand here"
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _unprintable(key, path)
            yield from _unprintable(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _unprintable(inner, (*path, index))


def _inline(section: str, entry: Mapping[str, Any]) -> Inline:
    return Inline(file="", value={section: [dict(entry)]}, root=Spot(0, 0))


def _fault(path: Path, message: str) -> Fault:
    return Fault(message=message, path=".".join(map(str, path)), pointer=pointer_of(path))


def _found(fault: Fault) -> Fault:
    """Tell what was found in a file that the entry names: it has no place in the entry."""
    if not fault.file:
        return fault
    place = ":".join(str(part) for part in (Folder(fault.file).name, fault.line, fault.column) if part)
    return Fault(message=": ".join(part for part in (place, fault.path, fault.message) if part))


def _places(given: Mapping[str, Any]) -> dict[str, str]:
    """Give the place of each parameter: a JSON pointer into the entry."""
    spaces = parameter_paths(given.get("parameters"))
    ways: dict[str, Path] = {name: ("parameters", *way) for name, way in spaces.items()}
    points = given.get("points")
    for index, point in enumerate(points if isinstance(points, list) else ()):
        for name in point:
            ways.setdefault(name, ("points", index, name))
    return {name: ENTRY + pointer_of(way) for name, way in ways.items()}
