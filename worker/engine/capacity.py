"""What was learnt of the ZenML server, in words: how many launches it takes at once, and whether it is left alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from worker.store.codec import instant

TROUBLE = 5
"""Failures in a row after which nothing is sent but a probe now and then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """How many launches at once the server is trusted with."""

    window: int
    learnt: bool = False
    """It has answered launches already."""
    capped: bool = False
    """It has refused some: what it takes is known."""
    learning: bool = False
    """It refused a moment ago, and how many it takes is not clear yet."""
    tried: bool = False
    """One more than it is known to take is being tried."""
    until_next: int = 0
    """Launches that fill it, until one more is tried."""
    resumes: datetime | None = None
    """When the next launch goes, after one that was refused."""
    ceiling: int = 0
    """Launches at once that are never exceeded."""

    def told(self, now: datetime) -> str:
        """Tell it in a sentence or two."""
        wait = (
            " The last launch was refused; the next one waits a moment." if self.resumes and self.resumes > now else ""
        )
        return self._known() + wait

    def _known(self) -> str:
        many = f"{self.window} launch{'es' if self.window > 1 else ''} at once"
        if not self.learnt:
            return f"Nothing is known of it yet: it is trusted with {many}, which is what ZenML takes by default."
        if not self.capped:
            top = self.window >= self.ceiling
            more = "more than that ZENBEAT_MAX_IN_FLIGHT does not allow" if top else "more are tried as it answers"
            return f"It has refused none so far and is trusted with {many}; {more}."
        if self.learning:
            return f"It refused some launches; how many it takes is being learnt, {many} for now."
        if self.tried:
            return f"It takes {self.window - 1} at once, as learnt; {self.window} are being tried now."
        return f"It takes {many}, as learnt; one more is tried after {self.until_next} more that fill it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """Whether the server is left alone, because it is away or refuses the login."""

    failures: int = 0
    until: datetime | None = None
    """When the next probe goes; None is not left alone."""
    why: str = ""

    @property
    def open(self) -> bool:
        """Nothing is sent but a probe now and then."""
        return self.until is not None

    def told(self) -> str:
        """Tell it in a sentence."""
        if self.open:
            return f"It is left alone but for a probe now and then: {self.why or 'it does not answer'}."
        if self.failures:
            return f"The last {self.failures} launches found it away; after {TROUBLE} in a row it is left alone."
        return "None is held back."


def read_capacity(state: Mapping[str, str], first: int, ceiling: int) -> Capacity:
    """Read what was learnt; `first` is what a server is trusted with before anything is known of it."""
    return Capacity(
        window=max(1, min(int(float(state.get("window", first))), ceiling)),
        learnt="window" in state,
        capped="capped" in state,
        learning="learning" in state,
        tried="tried" in state,
        until_next=max(1, int(float(state.get("patience", 40))) - int(state.get("accepted", 0))),
        resumes=instant(float(state["pause"])) if "pause" in state else None,
        ceiling=ceiling,
    )


def read_breaker(state: Mapping[str, str]) -> Breaker:
    """Read whether the server is left alone."""
    return Breaker(
        failures=int(state.get("failures", 0)),
        until=instant(float(state["open"])) if "open" in state else None,
        why=state.get("why", "").rstrip("."),
    )
