"""From an entry to its search space: the definition, where each parameter stands, and what is doubtful in it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from worker.domain.errors import Fault, InvalidInput
from worker.domain.parameterwords import parameter_paths
from worker.domain.sweep import Sweep, SweepFaults, parse_sweep
from worker.source.document import Path
from worker.source.findings import Findings
from worker.source.model import SWEEP_KEYS, SweepEntry
from worker.source.points import Points, PointsError, PointsFile
from worker.source.runconfig import parameter_findings


@dataclass(frozen=True, slots=True)
class Searched:
    """What a sweep tries; None is what cannot be read."""

    sweep: Sweep | None = None
    places: Mapping[str, str] = field(default_factory=dict)
    """Of each parameter: `file:line:column`."""


class Spaces:
    """Builds the search spaces of one file; `wanted` has the files of points it asks for, also those missing."""

    def __init__(self, findings: Findings, points: Points) -> None:
        self.wanted: set[str] = set()
        self._findings = findings
        self._points = points

    def build(self, entry: SweepEntry, path: tuple[str, int]) -> Searched:
        """Read the search space of an entry, and note what is wrong with it."""
        given = self._findings.document.value[path[0]][path[1]]
        raw = {"name": entry.name} | {key: given[key] for key in SWEEP_KEYS if key in given}
        file = None
        if isinstance(raw.get("points"), str):
            file = self._file(raw["points"], path)
            if file is None:
                return Searched()
            raw["points"] = file.points
        try:
            sweep = parse_sweep(raw)
        except SweepFaults as error:
            self._note(error, path, file)
            return Searched()
        spots = dict(self._spots(raw, path)) if file is None else file.spots()
        self._check_names(sweep.names, spots)
        places = {name: f"{spot.file}:{spot.line}:{spot.column}" for name, spot in spots.items()}
        return Searched(sweep, places)

    def _file(self, name: str, path: Path) -> PointsFile | None:
        self.wanted.add(name)
        try:
            return self._points.read(name)
        except PointsError as error:
            self._findings.fault((*path, "points"), str(error))
        except InvalidInput as error:
            self._findings.include(error.faults)
        return None

    def _note(self, error: SweepFaults, path: Path, file: PointsFile | None) -> None:
        for inner, message in error.faults:
            if file is not None and inner[0] == "points" and len(inner) > 1:
                index = inner[1]
                name = str(inner[2]) if len(inner) > 2 else ""
                self._findings.include([file.fault(int(index), name, message)])
            else:
                self._findings.fault((*path, *inner), message)

    def _spots(self, raw: Mapping[str, Any], path: Path) -> Iterator[tuple[str, Fault]]:
        """Give the place of each parameter, as a fault that says nothing yet."""
        document = self._findings.document
        for name, inner in parameter_paths(raw.get("parameters")).items():
            yield name, document.fault((*path, "parameters", *inner), "", at_key=True)
        seen: set[str] = set()
        for index, point in enumerate(raw.get("points") or ()):
            for name in point:
                if name not in seen:
                    seen.add(name)
                    yield name, document.fault((*path, "points", index, name), "", at_key=True)

    def _check_names(self, names: Iterable[str], spots: Mapping[str, Fault]) -> None:
        for name in names:
            refused, doubtful = parameter_findings(name)
            if refused:
                self._findings.include([replace(spots[name], message=refused)])
            elif doubtful:
                self._findings.include((), [replace(spots[name], message=doubtful)])
