"""`/sweeps`: every sweep and backfill, and how far it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from worker.api.context import Context, Ctx
from worker.api.pages import decode_cursor, encode_cursor
from worker.domain.pareto import best
from worker.domain.sweepparts import Goal, Metric
from worker.engine.runtime import Engine
from worker.engine.sweeplist import Place, SweepFilter, list_sweeps
from worker.engine.sweepstanding import counts, done, standing_of
from worker.store.sweeprows import Kind, SweepRow
from worker.web.pages import PageRoute, is_part, render
from worker.web.visits import Looker

router = APIRouter(include_in_schema=False, route_class=PageRoute)

SHOWN = 25

MOST_ACTIVE = 200
"""Sweeps that go on, and are shown together."""

CHEAP = 300
"""Trials of a sweep at the most, of which the best is looked for."""

KINDS = ("", "sweep", "backfill")
ACTIVE = {"": None, "yes": True, "no": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A sweep in the list."""

    row: SweepRow
    state: str
    done: int
    counts: dict[str, int]
    best: str


@router.get("/sweeps")
async def sweeps(
    request: Request,
    context: Ctx,
    visitor: Looker,
    name: Annotated[str, Query(max_length=255)] = "",
    kind: Annotated[str, Query(max_length=20)] = "",
    active: Annotated[str, Query(max_length=5)] = "",
    cursor: Annotated[str | None, Query(max_length=512)] = None,
) -> Response:
    """Show the page: what goes on first, then the newest."""
    wanted = SweepFilter(
        name=name.strip() or None, kind=Kind(kind) if kind in set(Kind) else None, active=ACTIVE.get(active)
    )
    place = decode_cursor(cursor, int, str)
    rows, last = await _read(context, wanted, (place[0], place[1]) if place else None)
    asked = {"name": name.strip(), "kind": kind, "active": active}
    asked = {word: value for word, value in asked.items() if value}
    return render(
        request,
        visitor,
        "_sweeplist.html" if is_part(request) else "sweeps.html",
        now=context.engine.clock(),
        lines=[await _line(context.engine, row) for row in rows],
        asked=asked,
        here=_link(asked, cursor),
        further=_link(asked, encode_cursor(*last)) if last else "",
    )


async def _read(context: Context, wanted: SweepFilter, after: Place | None) -> tuple[Sequence[SweepRow], Place | None]:
    if wanted.active is not None:
        found = await list_sweeps(context.engine, wanted, after, SHOWN)
        return found.rows, found.last
    active = SweepFilter(name=wanted.name, kind=wanted.kind, active=True)
    over = SweepFilter(name=wanted.name, kind=wanted.kind, active=False)
    first = [] if after else list((await list_sweeps(context.engine, active, None, MOST_ACTIVE)).rows)
    found = await list_sweeps(context.engine, over, after, SHOWN)
    return [*first, *found.rows], found.last


def _link(asked: dict[str, str], cursor: str | None) -> str:
    query = urlencode({**asked, **({"cursor": cursor} if cursor else {})})
    return f"/sweeps?{query}" if query else "/sweeps"


async def _line(engine: Engine, row: SweepRow) -> Line:
    return Line(row=row, state=standing_of(row), done=done(row), counts=counts(row), best=await _best(engine, row))


async def _best(engine: Engine, row: SweepRow) -> str:
    """Tell the best value of the only metric, where few results have to be read for it."""
    if not row.measured or not row.completed or row.total > CHEAP:
        return ""
    metric = _metric(await engine.sweeps.definition(row.id))
    if metric is None:
        return ""
    found = best(list((await engine.sweeps.all_results(row)).values()), [metric])
    return f"{metric.name} {found[0].metrics[metric.name]:.6g}" if found else ""


def _metric(definition: Any) -> Metric | None:
    # Read as it stands: to build the whole definition for one word of it would not be cheap.
    words = definition["sweep"].get("metric") if isinstance(definition, dict) and "sweep" in definition else None
    return Metric(name=words["name"], goal=Goal(words["goal"])) if words else None
