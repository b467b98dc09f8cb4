"""The sweeps and backfills on record in pages, the newest first, and only those that are meant."""

from collections.abc import Sequence
from dataclasses import dataclass

from worker.engine.runtime import Engine
from worker.engine.sweepstanding import SweepStanding, standing_of
from worker.store.codec import milliseconds
from worker.store.pages import newest_first
from worker.store.sweeprows import Kind, SweepRow

AT_ONCE = 200
"""Sweeps that are read in one pipeline."""

MOST_LOOKED = 5_000
"""Sweeps that are looked through for one page."""

THROUGH = frozenset({SweepStanding.ENDED, SweepStanding.OVER})

Place = tuple[int, str]
"""When a sweep was begun (epoch ms), and its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepFilter:
    """Which sweeps are meant. Every part that is given must fit."""

    name: str | None = None
    kind: Kind | None = None
    active: bool | None = None

    def fits(self, row: SweepRow) -> bool:
        """Tell whether a sweep is meant."""
        active = standing_of(row) not in THROUGH
        return self.name in (None, row.name) and self.kind in (None, row.kind) and self.active in (None, active)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepsListed:
    """A page of sweeps; `last` is where the next one begins, None on the last."""

    rows: Sequence[SweepRow]
    last: Place | None


async def list_sweeps(engine: Engine, wanted: SweepFilter, after: Place | None, limit: int) -> SweepsListed:
    """Read a page. It may be shorter than `limit`, if many have to be looked through for few."""
    if wanted.active:
        return await _active(engine, wanted, after, limit)
    rows: list[SweepRow] = []
    looked, place = 0, after
    while looked < MOST_LOOKED:
        found = await newest_first(engine.redis, engine.keys.sweeps, place, AT_ONCE)
        for (identity, begun), row in zip(found, await engine.sweeps.some([i for i, _ in found]), strict=True):
            if len(rows) == limit:
                return SweepsListed(rows=rows, last=place)
            place = (begun, identity)
            if row is not None and wanted.fits(row):
                rows.append(row)
        looked += len(found)
        if len(found) < AT_ONCE:
            return SweepsListed(rows=rows, last=None)
    return SweepsListed(rows=rows, last=place)


async def _active(engine: Engine, wanted: SweepFilter, after: Place | None, limit: int) -> SweepsListed:
    """Read them from the set of those that go on, which are few."""
    fitting = [row for row in await engine.sweeps.active() if wanted.fits(row)]
    rows = sorted(fitting, key=_place, reverse=True)
    following = [row for row in rows if after is None or _place(row) < after]
    last = _place(following[limit - 1]) if len(following) > limit else None
    return SweepsListed(rows=following[:limit], last=last)


def _place(row: SweepRow) -> Place:
    return milliseconds(row.created), row.id
