"""What is found where somebody looks whether all is well: one line each, with what to do about it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Mark(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    """It works, but not as well or as safely as it could."""
    FAULT = "fault"
    """Runs will not start, or not all of them."""

    @property
    def sign(self) -> str:
        """The sign in front of the line."""
        return {"ok": "✓", "warning": "!", "fault": "✗"}[self.value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check: what was looked at, what was found, and what to do. `unreachable` decides the exit code."""

    what: str
    mark: Mark
    found: str
    hint: str = ""
    unreachable: bool = False

    def row(self) -> dict[str, Any]:
        """Give it as programs read it."""
        return {"check": self.what, "result": self.mark.value, "found": self.found, "hint": self.hint}

    def __str__(self) -> str:
        return f"{self.mark.sign} {self.what}: {self.found}" + (f"\n    → {self.hint}" if self.hint else "")


def ok(what: str, found: str) -> Finding:
    """Tell of something that is well."""
    return Finding(what=what, mark=Mark.OK, found=found)


def warning(what: str, found: str, hint: str) -> Finding:
    """Tell of something that could be better."""
    return Finding(what=what, mark=Mark.WARNING, found=found, hint=hint)


def fault(what: str, found: str, hint: str, *, unreachable: bool = False) -> Finding:
    """Tell of something that keeps runs from starting."""
    return Finding(what=what, mark=Mark.FAULT, found=found, hint=hint, unreachable=unreachable)
