"""The sweeps and backfills on record in pages, the newest first, and only those that are meant."""

from dataclasses import dataclass

from worker.engine.pagewise import Listed, look_through
from worker.engine.runtime import Engine
from worker.engine.sweepstanding import THROUGH, standing_of
from worker.store.codec import milliseconds
from worker.store.pages import newest_first
from worker.store.sweeprows import Kind, SweepRow

AT_ONCE = 200
"""Sweeps that are read in one pipeline."""

MOST_LOOKED = 5_000
"""Sweeps that are looked through for one page."""

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


async def list_sweeps(engine: Engine, wanted: SweepFilter, after: Place | None, limit: int) -> Listed[SweepRow, Place]:
    """Read a page of them."""
    if wanted.active:
        return await _active(engine, wanted, after, limit)

    async def fetch(place: Place | None, count: int) -> list[tuple[Place, SweepRow | None]]:
        found = await newest_first(engine.redis, engine.keys.sweeps, place, count)
        rows = await engine.sweeps.some([identity for identity, _ in found])
        return [((begun, identity), row) for (identity, begun), row in zip(found, rows, strict=True)]

    return await look_through(fetch, wanted.fits, after, limit, at_once=AT_ONCE, most=MOST_LOOKED)


async def _active(engine: Engine, wanted: SweepFilter, after: Place | None, limit: int) -> Listed[SweepRow, Place]:
    """Read them from the set of those that go on, which are few."""
    fitting = [row for row in await engine.sweeps.active() if wanted.fits(row)]
    rows = sorted(fitting, key=_place, reverse=True)
    following = [row for row in rows if after is None or _place(row) < after]
    last = _place(following[limit - 1]) if len(following) > limit else None
    return Listed(rows=following[:limit], last=last)


def _place(row: SweepRow) -> Place:
    return milliseconds(row.created), row.id
