"""The triggers on record, newest first, in pages; of many, those that are looked for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import orjson

from worker.domain.trigger import Origin, TriggerState
from worker.engine.runtime import Engine
from worker.store.pages import newest_first

AT_ONCE = 500
"""Triggers that are read in one pipeline."""

MOST_LOOKED = 5_000
"""Triggers that are looked through for one page."""

DEAD = frozenset({TriggerState.DEAD})

Place = tuple[int, str]
"""When a trigger was recorded (epoch ms), and its id."""

May = Callable[[str, str | None], bool]
"""Tells whether the triggers of a pipeline, in a project, may be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerFilter:
    """Which triggers are meant. Every part that is given must fit."""

    states: frozenset[TriggerState] = frozenset()
    pipeline: str | None = None
    origin: Origin | None = None
    schedule: str | None = None
    sweep: str | None = None
    asked_by: str | None = None
    may: May | None = None

    def only(self, may: May) -> "TriggerFilter":
        """Give the filter of somebody who may not see all."""
        return replace(self, may=may)

    @property
    def narrow(self) -> bool:
        """Tell whether there may be triggers that do not fit."""
        return self != TriggerFilter()

    def fits(self, fields: Mapping[str, str]) -> bool:
        """Tell whether a trigger is meant."""
        wanted = {"schedule": self.schedule, "sweep": self.sweep, "asked_by": self.asked_by}
        if any(value is not None and fields.get(name) != value for name, value in wanted.items()):
            return False
        if self.states and fields["state"] not in self.states:
            return False
        return self._fits_target(fields) if self.pipeline or self.origin or self.may else True

    def _fits_target(self, fields: Mapping[str, str]) -> bool:
        plain = orjson.loads(fields["data"])
        if self.may is not None and not self.may(plain["pipeline"], plain.get("project")):
            return False
        return self.pipeline in (None, plain["pipeline"]) and self.origin in (None, plain["origin"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A page of triggers, as the fields of their hashes; `last` is where the next one begins, None on the last."""

    rows: Sequence[dict[str, str]]
    last: Place | None


async def list_triggers(engine: Engine, wanted: TriggerFilter, after: Place | None, limit: int) -> Listed:
    """Read a page. It may be shorter than `limit`, if many have to be looked through for few."""
    rows: list[dict[str, str]] = []
    looked, place = 0, after
    # The dead letters have a list of their own, by when they died.
    key = engine.keys.dead if wanted.states == DEAD else engine.keys.triggers
    while looked < MOST_LOOKED:
        count = AT_ONCE if wanted.narrow else limit - len(rows) + 1
        found = await newest_first(engine.redis, key, place, count)
        for (identity, recorded), fields in zip(found, await engine.triggers.get([i for i, _ in found]), strict=True):
            if len(rows) == limit:
                return Listed(rows=rows, last=place)
            place = (recorded, identity)
            if fields and wanted.fits(fields):
                rows.append(fields)
        looked += len(found)
        if len(found) < count:
            return Listed(rows=rows, last=None)
    return Listed(rows=rows, last=place)
