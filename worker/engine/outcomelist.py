"""The outcomes in pages, the newest first, and only those that are meant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from worker.engine.runtime import Engine

AT_ONCE = 1_000
"""Outcomes that are read together, where not all are meant."""

MOST_LOOKED = 10_000
"""Outcomes that are looked through for one page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeFilter:
    """Which outcomes are meant: every field has one of the values given. `since` and `until` are ids of the stream."""

    fields: Mapping[str, frozenset[str]] = field(default_factory=dict)
    since: str = "-"
    until: str = "+"

    def fits(self, outcome: Mapping[str, str]) -> bool:
        """Tell whether an outcome is meant."""
        return all(outcome.get(name) in values for name, values in self.fields.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomesListed:
    """A page of outcomes; `last` is the id after which the next one begins, "" on the last."""

    rows: Sequence[Mapping[str, str]]
    last: str


async def list_outcomes(engine: Engine, wanted: OutcomeFilter, after: str, limit: int) -> OutcomesListed:
    """Read a page. It may be shorter than `limit`, if many have to be looked through for few."""
    rows: list[Mapping[str, str]] = []
    looked, last = 0, after
    while looked < MOST_LOOKED:
        count = AT_ONCE if wanted.fields else limit - len(rows) + 1
        found = await engine.outcomes.before(f"({last}" if last else wanted.until, wanted.since, count)
        for outcome in found:
            if len(rows) == limit:
                return OutcomesListed(rows=rows, last=last)
            last = outcome["id"]
            if wanted.fits(outcome):
                rows.append(outcome)
        looked += len(found)
        if len(found) < count:
            return OutcomesListed(rows=rows, last="")
    return OutcomesListed(rows=rows, last=last)
