"""The files of one folder: what they hold, and what of it changed since the last look."""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from worker.source.document import LARGEST_FILE, TOO_LARGE

POINTS_ENDINGS = (".csv", ".jsonl")
"""Files with the points of a sweep."""

LARGEST_POINTS = 64 * 1_048_576
"""Bytes of such a file."""

_Stamp = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Unusable:
    """Why there is no content: the file is not there (`missing`), or may not be read."""

    message: str
    missing: bool = False


Content = bytes | Unusable

Identity = bytes | Unusable
"""A hash in place of the content."""

TOO_MANY = f"the file is larger than {LARGEST_POINTS // 1_048_576} MiB"

MISSING = Unusable("there is no such file", missing=True)


@dataclass(slots=True)
class _Look:
    """What was found at the last look at a file, and what of it counts."""

    stamp: _Stamp | None
    found: Identity
    counts: Identity
    fresh: Content | None = None
    """The content that counts, until somebody asks for it: kept for good, it would double what the schedules take."""
    steady: bool = False
    """Two looks in a row found the same, so that the stamp alone can be trusted."""


class Files:
    """Reads files below `root`, none from elsewhere, and notices changes.

    A look costs one `stat` per file. A stamp that is newer than the last look may still belong to a file that is being
    written, with more to come under the same stamp: such a file is read again at the next look. With `settle`, a change
    counts only when two looks in a row found the same, so that half a file is not taken for a whole one.
    """

    def __init__(self, root: Path, *, settle: bool) -> None:
        self.root = root
        self._settle = settle
        self._looks: dict[str, _Look] = {}

    def content(self, name: str) -> Content:
        """Give what counts as the content of a file; one that was not looked at is read now."""
        look = self._look_of(name)
        content, look.fresh = look.fresh, None
        if content is None:
            content = self._read(name, self._stamp(name))
            look.found = look.counts = _identify(content)
            look.steady = False
        return content

    def identity(self, name: str) -> Identity:
        """Give what tells one content of a file from another; one that was not looked at is read now."""
        return self._look_of(name).counts

    def look(self, names: Iterable[str]) -> set[str]:
        """Look at files, and give the names of those whose content is another one than before."""
        return {name for name in names if self._changed(name)}

    def forget(self, names: Iterable[str]) -> None:
        """Look no more at files."""
        for name in names:
            self._looks.pop(name, None)

    def names(self) -> list[str]:
        """List the YAML files directly in the folder, hidden ones left out. Raises OSError."""
        return sorted(
            entry.name
            for entry in os.scandir(self.root)
            if entry.name.endswith((".yaml", ".yml")) and not entry.name.startswith(".")
        )

    def _look_of(self, name: str) -> _Look:
        look = self._looks.get(name)
        if look is None:
            stamp = self._stamp(name)
            content = self._read(name, stamp)
            found = _identify(content)
            look = self._looks[name] = _Look(stamp, found, counts=found, fresh=content)
        return look

    def _changed(self, name: str) -> bool:
        stamp = self._stamp(name)
        look = self._looks.setdefault(name, _Look(None, MISSING, counts=MISSING))
        if look.stamp == stamp and look.steady:
            return False
        content = self._read(name, stamp)
        found = _identify(content)
        look.steady = look.stamp == stamp and look.found == found
        look.stamp, look.found = stamp, found
        if look.counts == found or (self._settle and not look.steady):
            return False
        look.counts, look.fresh = found, content
        return True

    def _stamp(self, name: str) -> _Stamp | None:
        try:
            found = os.stat(self.root / name)
        except (OSError, ValueError):
            return None
        # The time of change cannot be set back, unlike the time of modification.
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns

    def _read(self, name: str, stamp: _Stamp | None) -> Content:
        path = self.root / name
        if stamp is None:
            return MISSING
        largest = LARGEST_POINTS if name.endswith(POINTS_ENDINGS) else LARGEST_FILE
        if stamp[1] > largest:
            return Unusable(TOO_LARGE if largest == LARGEST_FILE else TOO_MANY)
        try:
            if not path.resolve().is_relative_to(self.root.resolve()):
                return Unusable("is a link that leads out of the folder")
            return _read_regular(path, largest)
        except FileNotFoundError:
            return MISSING
        except OSError as error:
            return Unusable(f"cannot be read: {error.strerror}")


def _read_regular(path: Path, largest: int) -> Content:
    # Without O_NONBLOCK a named pipe would hold us up for ever.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return Unusable("is not a file")
        with open(handle, "rb", closefd=False) as file:
            return file.read(largest + 1)
    finally:
        os.close(handle)


def _identify(content: Content) -> Identity:
    return content if isinstance(content, Unusable) else blake2b(content, digest_size=16).digest()
