"""The triggers on record, newest first, in pages; of many, those that are looked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import orjson

from worker.domain.trigger import Origin, TriggerState
from worker.engine.pagewise import Listed, look_through
from worker.engine.runtime import Engine
from worker.store.codec import milliseconds
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
    text: str | None = None
    """In the name of the run, or the beginning of the id of the trigger or the run; upper and lower case alike."""
    since: datetime | None = None
    """The first instant that they may be recorded at; the dead, where only they are meant: died at."""
    before: datetime | None = None
    """The instant that they are recorded, or died, before."""
    may: May | None = None

    def only(self, may: May) -> "TriggerFilter":
        """Give the filter of somebody who may not see all."""
        return replace(self, may=may)

    @property
    def narrow(self) -> bool:
        """Tell whether there may be triggers that do not fit; by its times, a list only begins and ends elsewhere."""
        return self != TriggerFilter(since=self.since, before=self.before)

    def fits(self, fields: Mapping[str, str]) -> bool:
        """Tell whether a trigger is meant."""
        wanted = {"schedule": self.schedule, "sweep": self.sweep, "asked_by": self.asked_by}
        if any(value is not None and fields.get(name) != value for name, value in wanted.items()):
            return False
        if self.states and fields["state"] not in self.states:
            return False
        return self._fits_target(fields) if self.pipeline or self.origin or self.text or self.may else True

    def _fits_target(self, fields: Mapping[str, str]) -> bool:
        plain = orjson.loads(fields["data"])
        if self.may is not None and not self.may(plain["pipeline"], plain.get("project")):
            return False
        if self.text and not _speaks_of(self.text.lower(), plain, fields):
            return False
        return self.pipeline in (None, plain["pipeline"]) and self.origin in (None, plain["origin"])


def _speaks_of(text: str, plain: Mapping[str, str], fields: Mapping[str, str]) -> bool:
    named = text in plain["run_name"].lower()
    return named or plain["id"].startswith(text) or fields.get("run_id", "").startswith(text)


async def list_triggers(
    engine: Engine, wanted: TriggerFilter, after: Place | None, limit: int
) -> Listed[dict[str, str], Place]:
    """Read a page of them, as the fields of their hashes."""
    # The dead letters have a list of their own, by when they died.
    key = engine.keys.dead if wanted.states == DEAD else engine.keys.triggers
    oldest = milliseconds(wanted.since) if wanted.since else 0
    if after is None and wanted.before:
        after = (milliseconds(wanted.before), "")

    async def fetch(place: Place | None, count: int) -> list[tuple[Place, dict[str, str] | None]]:
        found = await newest_first(engine.redis, key, place, count)
        found = [(identity, when) for identity, when in found if when >= oldest]
        rows = await engine.triggers.get([identity for identity, _ in found])
        return [((when, identity), row or None) for (identity, when), row in zip(found, rows, strict=True)]

    at_once = AT_ONCE if wanted.narrow else None
    return await look_through(fetch, wanted.fits, after, limit, at_once=at_once, most=MOST_LOOKED)
