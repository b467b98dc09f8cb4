"""From one file to its schedules, sweep definitions and hooks, or to everything that is wrong with it."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from worker.domain.errors import Fault, InvalidInput
from worker.domain.hook import Hook
from worker.domain.notify import Notify
from worker.domain.schedule import CatchUp, Overlap, Schedule, SweepDefinition
from worker.source.document import Document, Path, read_document
from worker.source.files import Files, Unusable
from worker.source.findings import Findings
from worker.source.following import Link, after_links
from worker.source.hooks import Hooks
from worker.source.model import ScheduleEntry, SweepEntry
from worker.source.points import Points
from worker.source.policies import build_coalesce, build_notify, build_overlap, build_retry
from worker.source.runconfig import schedule_scope, sweep_scope
from worker.source.shape import read_file
from worker.source.spaces import Spaces
from worker.source.target import Targets
from worker.source.targetmodel import TargetEntry
from worker.source.templates import Templates
from worker.source.timing import When, build_when, has_clock

TIMED = "timed sweeps"
"""What takes the place of a section for the sweeps that are due by the clock: they are schedules too."""


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
    """What one file holds at one time. With faults it holds no schedules, sweeps and hooks."""

    file: str
    schedules: tuple[Schedule, ...] = ()
    sweeps: tuple[SweepDefinition, ...] = ()
    hooks: tuple[Hook, ...] = ()
    names: tuple[Names, ...] = ()
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()
    templates: frozenset[str] = frozenset()
    """The config templates, schemas and files of points it asks for, also those that are missing."""
    links: tuple[Link, ...] = ()
    """What its schedules follow; with faults, as far as it can be read."""


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
    return build_document(document, files, templates)


def build_document(document: Document, files: Files, templates: Templates) -> Version:
    """Build what a document says."""
    return _Build(document, files, templates).version()


class _Build:
    """The work on one document."""

    def __init__(self, document: Document, files: Files, templates: Templates) -> None:
        self._document = document
        self._findings = Findings(document)
        self._targets = Targets(self._findings, templates)
        self._spaces = Spaces(self._findings, Points(files))
        self._hooks = Hooks(self._findings, self._targets, files)
        self._links: list[Link] = []
        self._notify: Notify | None = None

    def version(self) -> Version:
        """Build every entry of the file."""
        entries = read_file(self._findings)
        self._notify = build_notify(entries.notify, ("notify",), self._findings)
        built = [self._schedule(entry, ("schedules", index)) for index, entry in entries.schedules]
        defined = [self._sweep(entry, ("sweeps", index)) for index, entry in entries.sweeps]
        timed = [(index, entry) for index, entry in entries.sweeps if entry.cron or entry.every or entry.at]
        hooks = [self._hooks.build(entry, ("hooks", index)) for index, entry in entries.hooks]
        version = Version(
            file=self._document.file,
            names=(
                self._names("schedules", entries.schedules),
                self._names("sweeps", entries.sweeps),
                self._names(TIMED, timed, "sweeps"),
                self._names("hooks", entries.hooks),
            ),
            faults=self._findings.faults,
            warnings=self._findings.warnings,
            templates=frozenset(self._targets.wanted | self._spaces.wanted | self._hooks.wanted),
            links=tuple(self._links),
        )
        if version.faults:
            return version
        return replace(
            version,
            schedules=tuple(
                schedule for schedule in (*built, *(timed for _, timed in defined)) if schedule is not None
            ),
            sweeps=tuple(sweep for sweep, _ in defined if sweep is not None),
            hooks=tuple(hooks),
        )

    def _names(self, kind: str, entries: Sequence[tuple[int, TargetEntry]], section: str = "") -> Names:
        names, places = [], array("L")
        section = section or kind
        for index, entry in entries:
            if self._is_named(entry, (section, index)):
                place = self._document.fault((section, index, "name"), "")
                names.append(entry.name)
                places.extend((index, place.line, place.column))
        return Names(section=kind, names=tuple(names), places=places)

    def _is_named(self, entry: TargetEntry, path: tuple[str, int]) -> bool:
        # Where the name is missing or impossible, the entry has a stand-in.
        return bool(self._document.value[path[0]][path[1]].get("name") == entry.name)

    def _schedule(self, entry: ScheduleEntry, path: tuple[str, int]) -> Schedule | None:
        when = build_when(entry, path, self._findings)
        target = self._targets.build(entry, path, schedule_scope(entry))
        retry, run_retry = build_retry(entry.retry, path, self._findings)
        notify = build_notify(entry.notify, (*path, "notify"), self._findings)
        overlap = build_overlap(entry, path, self._findings)
        coalesce = build_coalesce(entry, path, self._findings)
        if when is None:
            return None
        if when.after is not None and self._is_named(entry, path):
            self._links += after_links(entry, when.after, path, self._document)
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
            run_retry=run_retry,
            after=when.after,
            coalesce=coalesce,
            pause_after=entry.pause_after,
            deadline=entry.deadline,
            expect_every=entry.expect_every,
            notify=notify or self._notify,
            place=self._place(path),
            revision=when.revision,
        )

    def _sweep(self, entry: SweepEntry, path: tuple[str, int]) -> tuple[SweepDefinition | None, Schedule | None]:
        """Build a sweep, and the schedule of one that is due by the clock."""
        when = build_when(entry, path, self._findings) if has_clock(path, self._findings) else None
        searched = self._spaces.build(entry, path)
        target = self._targets.build(entry, path, sweep_scope(entry, searched.sweep))
        retry, run_retry = build_retry(entry.retry, path, self._findings)
        if searched.sweep is None:
            return None, None
        defined = SweepDefinition(
            name=entry.name,
            target=target,
            sweep=searched.sweep,
            priority=entry.priority,
            retry=retry,
            run_retry=run_retry,
            place=self._place(path),
            places=searched.places,
        )
        return defined, self._timed(entry, defined, when)

    def _timed(self, entry: SweepEntry, defined: SweepDefinition, when: When | None) -> Schedule | None:
        if when is None:
            return None
        return Schedule(
            name=entry.name,
            target=defined.target,
            timing=when.timing,
            timezone=entry.timezone,
            when=when.text,
            catchup=CatchUp(entry.catchup),
            catchup_window=entry.catchup_window,
            overlap=Overlap(entry.overlap or Overlap.ALLOW),
            priority=entry.priority,
            retry=defined.retry,
            run_retry=defined.run_retry,
            notify=self._notify,
            sweep=defined,
            place=defined.place,
            revision=when.revision,
        )

    def _place(self, path: Path) -> str:
        return f"{self._document.file}:{self._document.fault(path, '').line}"
