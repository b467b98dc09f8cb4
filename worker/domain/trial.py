"""What became of one trial of a sweep."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FAILED = frozenset({"failed", "stuck", "vanished", "dead"})
"""Fates of trials that have no result, though nobody stopped them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """How a trial ended, and with which metrics."""

    number: int
    fate: str
    """completed, failed, stopped, stuck, vanished, dead or cancelled."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """The last value of each; it may be NaN or infinite, as the run reported it."""
    seconds: float | None = None
    """How long its run took."""
    run_id: str | None = None
    url: str | None = None
    reason: str | None = None
    """Why it did not complete: a sentence."""
    runs: int = 1
    """How many runs it took: more than one if it was tried again."""

    @property
    def good(self) -> bool:
        """Whether its metrics count."""
        return self.fate == "completed"

    @property
    def failed(self) -> bool:
        """Whether it came to an end that nobody wanted."""
        return self.fate in FAILED

    def plain(self) -> dict[str, Any]:
        """Write it down in JSON's types, without its number and without what is not known."""
        given = {
            "fate": self.fate,
            "metrics": {name: _plain_number(value) for name, value in self.metrics.items()} or None,
            "seconds": self.seconds,
            "run_id": self.run_id,
            "url": self.url,
            "reason": self.reason,
            "runs": self.runs,
        }
        return {word: value for word, value in given.items() if value is not None}

    @classmethod
    def of(cls, number: int, plain: Mapping[str, Any]) -> "TrialResult":
        """Read what `plain` wrote. Words that it does not write are passed over."""
        known = {word: plain[word] for word in ("seconds", "run_id", "url", "reason", "runs") if word in plain}
        metrics = {name: float(value) for name, value in plain.get("metrics", {}).items()}
        return cls(number=number, fate=plain["fate"], metrics=metrics, **known)


def _plain_number(value: float) -> float | str:
    # JSON has no NaN and no infinity; float() reads these texts back.
    return value if abs(value) < float("inf") else str(float(value))
