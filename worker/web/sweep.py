"""`/sweeps/{id}`: one sweep: its progress, its trials, and what came of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from worker.api.context import Context, Ctx
from worker.api.sweeps import read_seen
from worker.domain.errors import Unknown
from worker.domain.shortnames import short_names
from worker.domain.sweep import Sweep
from worker.engine.definitions import as_written
from worker.engine.sweeping import ENDLESS, read_sweep
from worker.engine.sweeplook import TOP, SweepLook, read_look, read_stretches
from worker.engine.sweepstanding import THROUGH, counts, done, standing_of
from worker.engine.sweepweights import Weights, read_weights
from worker.engine.trialexport import FORMATS, forms, maker_of, stream_all
from worker.engine.triallist import TrialsListed, list_trials
from worker.engine.trialrows import Kept, KeptPoints, TrialStatus, read_kept, read_marks, read_rows
from worker.store.sweeprows import Kind, SweepRow
from worker.web.charts.trialaxes import parallel
from worker.web.charts.trialchart import chart_of
from worker.web.charts.trialgrid import cells_of, words_of
from worker.web.pages import HEADERS, PageRoute, is_part, render
from worker.web.visits import Visit, Visitor
from worker.web.words import as_yaml

router = APIRouter(prefix="/sweeps/{identity}", include_in_schema=False, route_class=PageRoute)

SHOWN = 500
"""Trials of a table, and of the picture beside it."""

IMPORTANCE = "importance"
"""The part of the page that takes a while."""

FAILED = frozenset(
    {TrialStatus.FAILED, TrialStatus.STUCK, TrialStatus.VANISHED, TrialStatus.DEAD, TrialStatus.DISCARDED}
)
FILTERS: dict[str, frozenset[TrialStatus]] = {
    "completed": frozenset({TrialStatus.COMPLETED}),
    "failed": FAILED,
    "running": frozenset({TrialStatus.RUNNING}),
    "waiting": frozenset({TrialStatus.WAITING}),
    "stopped": frozenset({TrialStatus.STOPPED, TrialStatus.CANCELLED}),
    "planned": frozenset({TrialStatus.PLANNED, TrialStatus.LEFT_OUT}),
}

KINDS = {"csv": "text/csv", "jsonl": "application/x-ndjson", "parquet": "application/vnd.apache.parquet"}

State = Annotated[str, Query(max_length=20)]
First = Annotated[str, Query(max_length=12)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of the trials' table: what it is called, in full on hovering, and its key in the rows."""

    key: str
    name: str
    title: str
    metric: bool


@router.get("")
async def show(
    request: Request, context: Ctx, visitor: Visit, identity: str, part: str = "", state: State = "", first: First = ""
) -> Response:
    """Show the page, or the part of it that changes while the sweep goes on."""
    row, definition = await _read(context, visitor, identity)
    look = await read_look(context.engine, row, context.engine.clock())
    weights = await _weights(context, look) if part == IMPORTANCE else None
    if part == IMPORTANCE and is_part(request):
        return render(request, visitor, "_sweepweights.html", row=row, sweep=_sweep_of(look.kept), weights=weights)
    shown = await _now(context, look)
    if part == "now" and is_part(request):
        return render(request, visitor, "_sweepnow.html", **shown)
    listed = await _trials(context, row, look.kept, state, first)
    marks = await read_marks(context.engine, row, look.kept, [trial["trial"] for trial in listed.rows])
    return render(
        request,
        visitor,
        "sweep.html",
        **shown,
        trials=listed.rows,
        marks={mark.number: mark for mark in marks},
        columns=_columns(look.kept),
        asked={"state": state, "first": first},
        filters=list(FILTERS),
        data=_link(identity, "/trials.json", state=state, first=first),
        further=_link(identity, state=state, first=str(listed.following)) + "#trials" if listed.following else "",
        weights=weights,
        written=as_yaml(as_written(definition)) if row.kind is Kind.SWEEP else "",
        forms=forms(),
    )


async def _read(context: Context, visitor: Visitor, identity: str) -> tuple[SweepRow, Any]:
    row = await read_sweep(context.engine, identity)
    return row, await read_seen(context, visitor.caller, row)


async def _now(context: Context, look: SweepLook) -> dict[str, Any]:
    """Give what changes while the sweep goes on."""
    row, state = look.row, standing_of(look.row)
    cells = cells_of(row.id, await read_stretches(context.engine, look))
    best = look.best
    top = await read_rows(context.engine, row, look.kept, [each.number for each in best[:TOP]])
    sweep = _sweep_of(look.kept)
    return {
        "row": row,
        "state": state,
        "goes_on": state not in THROUGH,
        "done": done(row),
        "counts": counts(row),
        "cells": cells,
        "legend": words_of(cells),
        "look": look,
        "sweep": sweep,
        "definition": look.kept.definition if isinstance(look.kept, KeptPoints) else None,
        "endless": sweep is not None and sweep.method in ENDLESS,
        "chart": chart_of(look.metrics, [look.results[number] for number in sorted(look.results)], best),
        "best": top,
        "best_count": len(look.digest.measured) if len(look.metrics) == 1 else len(best),
        "best_marks": {
            mark.number: mark
            for mark in await read_marks(context.engine, row, look.kept, [trial["trial"] for trial in top])
        },
        "best_columns": _columns(look.kept),
        "left": look.digest.left(row) if not row.paused else None,
        "now": context.engine.clock(),
    }


def _sweep_of(kept: Kept) -> Sweep | None:
    return kept.definition.sweep if isinstance(kept, KeptPoints) else None


def _columns(kept: Kept) -> list[Column]:
    """Give the metrics first: they are what is looked for."""
    keys = [f"metrics.{name}" for name in kept.metrics] + [f"params.{name}" for name in kept.names]
    short = short_names([key.partition(".")[2] for key in keys])
    return [
        Column(key=key, name=short[name], title=name, metric=key.startswith("metrics."))
        for key in keys
        for name in [key.partition(".")[2]]
    ]


async def _trials(context: Context, row: SweepRow, kept: Kept, state: str, first: str) -> TrialsListed:
    begin = int(first) if first.isdecimal() else 1
    return await list_trials(context.engine, row, kept, FILTERS.get(state, frozenset()), begin, SHOWN)


async def _weights(context: Context, look: SweepLook) -> Weights | None:
    if not isinstance(look.kept, KeptPoints):
        return None
    found = await read_weights(context.engine, look.row, look.kept, look.digest)
    short = short_names(found.shares)
    return Weights(shares={short[name]: share for name, share in found.shares.items()}, why=found.why)


def _link(identity: str, below: str = "", **query: str) -> str:
    told = urlencode({word: value for word, value in query.items() if value})
    return f"/sweeps/{identity}{below}{'?' if told else ''}{told}"


@router.get("/trials.json")
async def trials(context: Ctx, visitor: Visit, identity: str, state: State = "", first: First = "") -> Response:
    """Give the trials of the table to the script that draws them."""
    row, _ = await _read(context, visitor, identity)
    kept = await read_kept(context.engine, row)
    listed = await _trials(context, row, kept, state, first)
    return Response(orjson.dumps(parallel(kept, listed.rows)), media_type="application/json", headers=HEADERS)


@router.get("/definition.yaml")
async def definition(context: Ctx, visitor: Visit, identity: str) -> Response:
    """Give the definition, as a schedule file may have it."""
    row, data = await _read(context, visitor, identity)
    if row.kind is Kind.BACKFILL:
        raise Unknown(f"{row.name} is a backfill, which has no definition of its own")
    text = as_yaml({"sweeps": [as_written(data)]})
    return Response(text, media_type="application/yaml", headers=_saved_as(row, ".yaml"))


@router.get("/trials.csv")
@router.get("/trials.jsonl")
@router.get("/trials.parquet")
async def export(request: Request, context: Ctx, visitor: Visit, identity: str) -> Response:
    """Give all trials as a file."""
    form = request.url.path.rpartition(".")[2]
    row, _ = await _read(context, visitor, identity)
    parts = stream_all(context.engine, row, maker_of(form))
    return StreamingResponse(parts, media_type=KINDS[form], headers=_saved_as(row, FORMATS[form]))


def _saved_as(row: SweepRow, ending: str) -> Mapping[str, str]:
    # A name has small letters, digits and . _ - alone.
    return {**HEADERS, "Content-Disposition": f'attachment; filename="{row.name}-{row.id[:8]}{ending}"'}
