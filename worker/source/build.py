"""From one file to its schedules and sweep definitions, or to everything that is wrong with it."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from worker.domain.errors import Fault, InvalidInput
from worker.domain.retry import RetryPolicy
from worker.domain.schedule import CatchUp, Overlap, Schedule, SweepDefinition, Target
from worker.domain.sweep import Sweep, SweepFaults, parse_sweep
from worker.source.document import Document, Path, read_document
from worker.source.files import Files, Unusable
from worker.source.findings import Findings
from worker.source.model import SWEEP_KEYS, RetryEntry, ScheduleEntry, SweepEntry
from worker.source.runconfig import Scope, check_run_config, schedule_scope, sweep_scope
from worker.source.shape import read_file
from worker.source.templates import TemplateError, Templates
from worker.source.timing import build_when

_NOTHING: Mapping[str, Any] = {}
_OVERLAPS = {"skip": Overlap.SKIP, "submit": Overlap.ALLOW}
"""ZenML's `concurrency` in our words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names that one section of a file gives, and where, in as few bytes as possible: there may be 100,000."""

    section: str
    names: tuple[str, ...]
    places: Sequence[int]
    """Of each name: index of the entry, line, column."""

    def __iter__(self) -> Iterator[tuple[str, int, int, int]]:
        """Give each name with its place."""
        places = iter(self.places)
        return zip(self.names, places, places, places, strict=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What one file holds at one time. With faults it holds no schedules and no sweeps."""

    file: str
    schedules: tuple[Schedule, ...] = ()
    sweeps: tuple[SweepDefinition, ...] = ()
    names: tuple[Names, ...] = ()
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()
    templates: frozenset[str] = frozenset()
    """The config templates it asks for, also those that are missing."""


def build_version(name: str, files: Files, templates: Templates) -> Version:
    """Read a schedule file as it is now."""
    file = str(files.root / name)
    content = files.content(name)
    if isinstance(content, Unusable):
        return Version(file=file, faults=(Fault(file=file, message=content.message),))
    try:
        document = read_document(content, file)
    except InvalidInput as error:
        return Version(file=file, faults=error.faults)
    return _Build(document, templates).version()


class _Build:
    """The work on one document."""

    def __init__(self, document: Document, templates: Templates) -> None:
        self._document = document
        self._findings = Findings(document)
        self._templates = templates
        self._wanted: set[str] = set()
        self._checked: set[str] = set()

    def version(self) -> Version:
        """Build every entry of the file."""
        schedules, sweeps = read_file(self._findings)
        built = [self._schedule(entry, ("schedules", index)) for index, entry in schedules]
        defined = [self._sweep(entry, ("sweeps", index)) for index, entry in sweeps]
        version = Version(
            file=self._document.file,
            names=(self._names("schedules", schedules), self._names("sweeps", sweeps)),
            faults=self._findings.faults,
            warnings=self._findings.warnings,
            templates=frozenset(self._wanted),
        )
        if version.faults:
            return version
        return replace(
            version,
            schedules=tuple(schedule for schedule in built if schedule is not None),
            sweeps=tuple(sweep for sweep in defined if sweep is not None),
        )

    def _names(self, section: str, entries: Sequence[tuple[int, ScheduleEntry | SweepEntry]]) -> Names:
        names, places = [], array("L")
        for index, entry in entries:
            # Where the name is missing or impossible, the entry has a stand-in.
            if self._document.value[section][index].get("name") == entry.name:
                place = self._document.fault((section, index, "name"), "")
                names.append(entry.name)
                places.extend((index, place.line, place.column))
        return Names(section=section, names=tuple(names), places=places)

    def _schedule(self, entry: ScheduleEntry, path: tuple[str, int]) -> Schedule | None:
        when = build_when(entry, path, self._findings)
        target = self._target(entry, path, schedule_scope(entry))
        overlap = self._overlap(entry, path)
        retry = self._retry(entry.retry, path)
        if when is None:
            return None
        return Schedule(
            name=entry.name,
            target=target,
            timing=when.timing,
            timezone=entry.timezone,
            when=when.text,
            catchup=CatchUp(entry.catchup),
            catchup_window=entry.catchup_window,
            overlap=overlap,
            max_runs=entry.max_runs,
            priority=entry.priority,
            retry=retry,
            place=self._place(path),
            revision=when.revision,
        )

    def _sweep(self, entry: SweepEntry, path: tuple[str, int]) -> SweepDefinition | None:
        space = self._space(entry, path)
        target = self._target(entry, path, sweep_scope(entry, space))
        retry = self._retry(entry.retry, path)
        if space is None:
            return None
        return SweepDefinition(
            name=entry.name,
            target=target,
            sweep=space,
            priority=entry.priority,
            retry=retry,
            place=self._place(path),
        )

    def _space(self, entry: SweepEntry, path: tuple[str, int]) -> Sweep | None:
        raw = self._document.value[path[0]][path[1]]
        try:
            return parse_sweep({"name": entry.name} | {key: raw[key] for key in SWEEP_KEYS if key in raw})
        except SweepFaults as error:
            for inner, message in error.faults:
                self._findings.fault((*path, *inner), message)
            return None

    def _target(self, entry: ScheduleEntry | SweepEntry, path: Path, scope: Scope) -> Target:
        if entry.template is not None and entry.snapshot is not None:
            message = "template is there already; keep one of them"
            self._findings.fault((*path, "snapshot"), message, at_key=True)
        config = entry.config or _NOTHING
        check_run_config(config, (*path, "config"), scope, self._findings)
        return Target(
            pipeline=entry.pipeline,
            template=entry.template,
            snapshot=entry.snapshot,
            project=entry.project,
            config_template=self._config_template(entry, path, scope),
            config=config,
        )

    def _config_template(self, entry: ScheduleEntry | SweepEntry, path: Path, scope: Scope) -> Mapping[str, Any]:
        name = entry.config_template
        if name is None:
            return _NOTHING
        self._wanted.add(name)
        try:
            document = self._templates.document(name)
        except TemplateError as error:
            self._findings.fault((*path, "config_template"), str(error))
            return {}
        except InvalidInput as error:
            self._findings.include(error.faults)
            return {}
        # Thousands of schedules may share it, and to all of them the same names are known.
        shared = isinstance(entry, ScheduleEntry)
        if not shared or name not in self._checked:
            self._checked |= {name} if shared else set()
            inside = Findings(document)
            check_run_config(document.value, (), scope, inside)
            self._findings.include(inside.faults, inside.warnings)
        value: Mapping[str, Any] = document.value
        return value

    def _overlap(self, entry: ScheduleEntry, path: Path) -> Overlap:
        key = "overlap" if entry.overlap else "concurrency"
        if entry.overlap and entry.concurrency:
            self._findings.fault((*path, "concurrency"), "overlap is there already; keep one of them", at_key=True)
        overlap = Overlap(entry.overlap) if entry.overlap else _OVERLAPS.get(entry.concurrency or "", Overlap.ALLOW)
        if overlap is not Overlap.ALLOW:
            written = entry.overlap or entry.concurrency
            message = f"{key}: {written} is not applied yet: a run starts even if the one before is still going on"
            self._findings.warn((*path, key), message, at_key=True)
        return overlap

    def _retry(self, entry: RetryEntry | None, path: Path) -> RetryPolicy:
        if entry is None:
            return RetryPolicy()
        policy = RetryPolicy(**{key: value for key, value in entry if value is not None})
        if policy.initial > policy.max:
            self._findings.fault((*path, "retry", "initial"), "is longer than max, which is the longest wait")
        return policy

    def _place(self, path: Path) -> str:
        return f"{self._document.file}:{self._document.fault(path, '').line}"
