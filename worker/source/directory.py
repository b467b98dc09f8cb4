"""The folder of schedule files, and what was made over the API: read at the start, and again when something changes."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from worker.domain.errors import Fault
from worker.source.booked import API, ApiEntry, build_booked, file_of
from worker.source.build import Version, build_version
from worker.source.definitions import Definitions, join
from worker.source.files import Files, Unusable
from worker.source.templates import Templates, is_inside


class Source:
    """The schedules and sweeps that the YAML files directly in `directory` define, and those made over the API.

    A file with faults keeps its last good version running; a file that vanishes takes its schedules with it. With
    `settle`, which is for callers that look again and again, a change counts from the second look that finds it the
    same: editors and `kubectl cp` write files in several steps, and half a file can be valid YAML. What is there at
    the first look counts at once.
    """

    def __init__(self, directory: Path, *, settle: bool = True) -> None:
        self._files = Files(directory, settle=settle)
        self._templates = Templates(self._files)
        self._versions: dict[str, Version] = {}
        self._booked: dict[str, tuple[ApiEntry, Version]] = {}
        self._good: dict[str, Version] = {}
        self._definitions: Definitions | None = None
        self._trouble: str | None = None
        self._missing = ""
        self._rebooked = False

    def book(self, entries: Mapping[str, ApiEntry], trouble: str = "") -> None:
        """Take in what was made over the API, by name; it is joined after the files at the next `read`.

        `trouble` says why these may not be all of them, or not as they are now.
        """
        known = {name: entry for name, (entry, _) in self._booked.items()}
        if known == entries and trouble == self._missing:
            return
        self._missing = trouble
        self._rebooked = True
        for name in known.keys() - entries.keys():
            self._unbook(name)
        for name, entry in entries.items():
            if known.get(name) != entry:
                if name in known and known[name].mark != entry.mark:
                    self._unbook(name)  # it is another one: the old one does not stand in for it
                self._booked[name] = entry, build_booked(name, entry, self._files, self._templates)

    def _unbook(self, name: str) -> None:
        del self._booked[name]
        self._good.pop(file_of(name), None)

    def check(self, name: str, entry: ApiEntry) -> Definitions:
        """Give what would be defined if this had been made over the API; its faults have `api:<name>` for a file.

        Nothing of it is kept. `read` comes first.
        """
        booked = {each: version for each, (_, version) in self._booked.items()}
        booked[name] = build_booked(name, entry, self._files, self._templates)
        good = {file: version for file, version in self._good.items() if file != file_of(name)}
        return join(self._ordered(booked), good)

    def read(self) -> Definitions:
        """Give what is defined now: the same object as before if nothing changed, at the cost of a few stats."""
        trouble = None
        try:
            listed = self._files.names()
        except OSError as error:
            # What ran goes on running.
            listed, trouble = list(self._versions), error
        changed = self._look(listed) if trouble is None else set()
        same = not (changed or self._rebooked) and self._trouble == (str(trouble) if trouble else None)
        if self._definitions is not None and same:
            return self._definitions
        self._trouble = str(trouble) if trouble else None
        self._rebooked = False
        self._rebuild(changed, listed)
        joined = join(self._ordered({name: version for name, (_, version) in self._booked.items()}), self._good)
        self._definitions = _with(joined, self._faults(trouble))
        return self._definitions

    def _look(self, listed: list[str]) -> set[str]:
        """Give what is another one than before; what vanished is looked at too, until that counts."""
        if self._definitions is None:
            return set(listed)
        return self._files.look({*listed, *self._versions, *self._wanted()})

    def _ordered(self, booked: Mapping[str, Version]) -> list[Version]:
        """Put the versions in the order in which they count: a file takes a name that the API has."""
        return [
            *(self._versions[name] for name in sorted(self._versions)),
            *(booked[name] for name in sorted(booked)),
        ]

    def _wanted(self) -> set[str]:
        """Give the templates and files of points in use, also those that are missing and may appear."""
        versions = [*self._versions.values(), *(version for _, version in self._booked.values())]
        return {name for version in versions for name in version.templates if is_inside(name)}

    def _rebuild(self, changed: set[str], listed: Iterable[str]) -> None:
        users = {name for name, version in self._versions.items() if version.templates & changed}
        for name in users | (changed & {*listed, *self._versions}):
            content = self._files.content(name)
            if isinstance(content, Unusable) and content.missing:
                gone = self._versions.pop(name, None)
                if gone is not None:
                    self._good.pop(gone.file, None)
                self._files.forget([name])
            else:
                self._versions[name] = build_version(name, self._files, self._templates)
        for name, (entry, version) in self._booked.items():
            if version.templates & changed:
                self._booked[name] = entry, build_booked(name, entry, self._files, self._templates)

    def _faults(self, trouble: OSError | None) -> list[Fault]:
        """Give what is wrong with the places that things are read from."""
        found = [Fault(file=API, message=self._missing)] if self._missing else []
        if trouble is not None:
            message = "there is no such folder; create it, or name another one in SCHEDULES_DIR"
            if not isinstance(trouble, FileNotFoundError):
                message = f"the folder of the schedule files cannot be read: {trouble.strerror}"
            found.append(Fault(file=str(self._files.root), message=message))
        return found


def _with(definitions: Definitions, faults: list[Fault]) -> Definitions:
    return replace(definitions, faults=(*faults, *definitions.faults)) if faults else definitions


def lint(paths: Iterable[Path]) -> Definitions:
    """Read files, and all files of folders, as they are; of a broken file nothing is used.

    A schedule may follow one in a file beside it: of that only the names are read.
    """
    versions: list[Version] = []
    read: dict[Path, set[str]] = {}
    for path in paths:
        folder = path if path.is_dir() else path.parent
        names = Files(folder, settle=False).names() if path.is_dir() else [path.name]
        versions += _versions(folder, names)
        read.setdefault(folder, set()).update(names)
    following = {Path(version.file).parent for version in versions if version.links}
    beside = [version for folder in read.keys() & following for version in _beside(folder, read[folder])]
    return join(versions, {}, beside)


def _versions(folder: Path, names: Iterable[str]) -> list[Version]:
    files = Files(folder, settle=False)
    templates = Templates(files)
    return [build_version(name, files, templates) for name in names]


def _beside(folder: Path, read: set[str]) -> list[Version]:
    return _versions(folder, sorted(set(Files(folder, settle=False).names()) - read))
