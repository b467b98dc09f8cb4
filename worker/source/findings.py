"""What is found in one file: the faults that keep it from being used, and the warnings that do not."""

from collections.abc import Iterable

from worker.domain.errors import Fault
from worker.source.document import Document, Path


class Findings:
    """Collects faults and warnings of a document, each with its place."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._faults: dict[Fault, None] = {}
        self._warnings: dict[Fault, None] = {}

    def fault(self, path: Path, message: str, *, at_key: bool = False) -> None:
        """Note what is wrong at a path; the same twice is noted once."""
        self._faults[self.document.fault(path, message, at_key=at_key)] = None

    def warn(self, path: Path, message: str, *, at_key: bool = False) -> None:
        """Note what is allowed at a path, and hardly meant."""
        self._warnings[self.document.fault(path, message, at_key=at_key)] = None

    def include(self, faults: Iterable[Fault], warnings: Iterable[Fault] = ()) -> None:
        """Take over what was found in another document."""
        self._faults |= dict.fromkeys(faults)
        self._warnings |= dict.fromkeys(warnings)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Every fault, in the order of the text."""
        return tuple(sorted(self._faults, key=_place))

    @property
    def warnings(self) -> tuple[Fault, ...]:
        """Every warning, in the order of the text."""
        return tuple(sorted(self._warnings, key=_place))


def _place(fault: Fault) -> tuple[str, int, int]:
    return fault.file, fault.line, fault.column
