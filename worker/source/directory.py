"""The folder of schedule files: read at the start, and again when something in it changes."""

from collections.abc import Iterable
from pathlib import Path

from worker.domain.errors import Fault
from worker.source.build import Version, build_version
from worker.source.definitions import Definitions, join
from worker.source.files import Files, Unusable
from worker.source.templates import Templates, is_inside


class Source:
    """The schedules and sweeps that the YAML files directly in `directory` define.

    A file with faults keeps its last good version running; a file that vanishes takes its schedules with it. With
    `settle`, which is for callers that look again and again, a change counts from the second look that finds it the
    same: editors and `kubectl cp` write files in several steps, and half a file can be valid YAML. What is there at
    the first look counts at once.
    """

    def __init__(self, directory: Path, *, settle: bool = True) -> None:
        self._files = Files(directory, settle=settle)
        self._templates = Templates(self._files)
        self._versions: dict[str, Version] = {}
        self._good: dict[str, Version] = {}
        self._definitions: Definitions | None = None
        self._trouble: str | None = None

    def read(self) -> Definitions:
        """Give what the files define now: the same object as before if nothing changed, at the cost of a few stats."""
        try:
            listed = self._files.names()
        except OSError as error:
            return self._without_folder(error)
        first = self._definitions is None
        # What vanished is looked at too, until that counts.
        changed = set(listed) if first else self._files.look({*listed, *self._versions, *self._wanted()})
        if self._definitions is not None and not changed and self._trouble is None:
            return self._definitions
        self._trouble = None
        self._rebuild(changed, listed)
        self._definitions = join((self._versions[name] for name in sorted(self._versions)), self._good)
        return self._definitions

    def _wanted(self) -> set[str]:
        """Give the templates and files of points in use, also those that are missing and may appear."""
        return {name for version in self._versions.values() for name in version.templates if is_inside(name)}

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

    def _without_folder(self, error: OSError) -> Definitions:
        """Report that the folder cannot be listed, once; what ran goes on running."""
        folder = str(self._files.root)
        if self._definitions is not None and self._trouble == str(error):
            return self._definitions
        self._trouble = str(error)
        message = "there is no such folder; create it, or name another one in SCHEDULES_DIR"
        if not isinstance(error, FileNotFoundError):
            message = f"the folder of the schedule files cannot be read: {error.strerror}"
        old = self._definitions or Definitions()
        self._definitions = Definitions(
            schedules=old.schedules, sweeps=old.sweeps, faults=(Fault(file=folder, message=message),)
        )
        return self._definitions


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
