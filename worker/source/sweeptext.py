"""A sweep that somebody has typed as YAML: plain words, and the line and column of each of them."""

from dataclasses import dataclass, replace
from typing import Any

from worker.domain.errors import Fault, InvalidInput
from worker.domain.jsonvalues import describe
from worker.source.document import Spot, read_document

SECTION = "sweeps"


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepText:
    """An element of `sweeps:`, and where it stands in the text."""

    words: Any
    spot: Spot

    def placed(self, fault: Fault) -> Fault:
        """Give a fault its line and column, by its JSON pointer. One without a pointer is left as it is."""
        if fault.line or fault.file:
            return fault
        key, spot = self.spot, self.spot
        for step in _steps(fault.pointer):
            found = spot.inner.get(step)
            if found is None:
                break
            key, spot = found
        return replace(fault, line=key.line, column=key.column)


def read_sweep_text(text: str) -> SweepText:
    """Read YAML: a sweep, or `sweeps:` with one, as a schedule file has it.

    Raises InvalidInput with the line and column of every fault.
    """
    document = read_document(text.replace("\r\n", "\n").encode(), "")
    value = document.value
    if not isinstance(value, dict):
        got = "nothing is written" if value is None else f"it is {describe(value)}"
        raise InvalidInput([Fault(line=1, column=1, message=f"a sweep has to be a mapping; {got}")])
    if SECTION not in value:
        return SweepText(words=value, spot=document.root)
    faults = [
        document.fault((word,), f"{word} is not part of a sweep; leave it out", at_key=True)
        for word in value
        if word != SECTION
    ]
    entries = value[SECTION]
    if not isinstance(entries, list) or len(entries) != 1:
        faults.append(document.fault((SECTION,), "write one sweep: it is the one that is begun", at_key=True))
    if faults:
        raise InvalidInput(faults)
    return SweepText(words=entries[0], spot=document.root.inner[SECTION][1].inner[0][1])


def _steps(pointer: str) -> list[str | int]:
    """Read a JSON pointer (RFC 6901). A number counts as the index of a list: no key of a definition is one."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    return [int(part) if part.isdigit() else part for part in parts]
