"""The outcomes in pages, the newest first, and only those that are meant."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from worker.engine.pagewise import Listed, look_through
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


async def list_outcomes(
    engine: Engine, wanted: OutcomeFilter, after: str, limit: int
) -> Listed[Mapping[str, str], str]:
    """Read a page of them; places are ids of the stream, and `after` is "" for the first page."""

    async def fetch(place: str | None, count: int) -> list[tuple[str, Mapping[str, str] | None]]:
        end = f"({place}" if place else wanted.until
        return [(outcome["id"], outcome) for outcome in await engine.outcomes.before(end, wanted.since, count)]

    at_once = AT_ONCE if wanted.fields else None
    return await look_through(fetch, wanted.fits, after or None, limit, at_once=at_once, most=MOST_LOOKED)
