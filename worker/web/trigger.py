"""`/triggers/{id}`: one trigger: what was asked for, its life in stages, and what became of it."""

from typing import Any

from fastapi import APIRouter, Request, Response

from worker.api.context import Context, Ctx
from worker.api.triggershapes import view_of
from worker.domain.errors import Unknown
from worker.domain.trigger import Trigger, TriggerState, attempt_id
from worker.engine.chain import read_chain
from worker.engine.lifewords import read_held, sentence_of
from worker.engine.lives import read_life
from worker.engine.steering import WITHDRAWN, read_trigger
from worker.store.codec import decode_trigger, instant
from worker.web.charts.lifechart import bars_of
from worker.web.pages import PageRoute, is_part, render
from worker.web.visits import Looker, Visitor

router = APIRouter(include_in_schema=False, route_class=PageRoute)

LIFE = "life"
"""Id of the part of the page that is asked for again when there is news."""


@router.get("/triggers/{identity}")
async def one(request: Request, context: Ctx, visitor: Looker, identity: str) -> Response:
    """Show the page."""
    part = is_part(request) and request.headers.get("hx-target") == LIFE
    told = await _read(context, visitor, identity)
    return render(request, visitor, "_triggerlife.html" if part else "trigger.html", **told)


async def _read(context: Context, visitor: Visitor, identity: str) -> dict[str, Any]:
    engine = context.engine
    fields = await known(context, identity)
    trigger = decode_trigger(fields["data"].encode())
    view, now = view_of(fields), engine.clock()
    life = await read_life(engine, fields)
    held = await read_held(engine, trigger, fields) if view.state is TriggerState.WAITING else ""
    return {
        "now": now,
        "view": view,
        "trigger": trigger,
        "fields": fields,
        "zone": await _zone(context, trigger),
        "sentence": sentence_of(fields, life.spans, held, now),
        "bars": bars_of(life.spans, now),
        "cut": life.cut,
        "expires": instant(int(fields["expires"])) if fields.get("expires") else None,
        "runs": await _runs(context, trigger),
        "late": int(fields["lateness_ms"]) / 1000 if fields.get("lateness_ms") else None,
        "again": visitor.caller.may_trigger(view.pipeline, view.project),
        "acts": _acts(visitor, view.pipeline, view.project, view.state),
    }


async def known(context: Context, identity: str) -> dict[str, str]:
    """Read the fields of a trigger. Raises Unknown, which says how long triggers are kept."""
    try:
        return await read_trigger(context.engine, identity)
    except Unknown as error:
        days = context.engine.settings.retention_days
        raise Unknown(
            f"there is no trigger {identity}: what has ended is kept for {days:g} days, so it may have been forgotten"
        ) from error


async def _runs(context: Context, trigger: Trigger) -> list[Any]:
    """Give every run of the same fire, where one that failed is started again; none where it is the only one."""
    if trigger.run_retry is None and trigger.attempt == 1:
        return []
    chain = await read_chain(context.engine.triggers, attempt_id(trigger, 1))
    return [view_of(fields) for _, fields in chain] if len(chain) > 1 else []


async def _zone(context: Context, trigger: Trigger) -> str:
    """Give the zone of its schedule; UTC where that is not known any more."""
    if trigger.schedule is None:
        return "UTC"
    schedule = (await context.book.read()).named.get(trigger.schedule)
    return schedule.timezone if schedule else "UTC"


def _acts(visitor: Visitor, pipeline: str, project: str | None, state: TriggerState) -> tuple[str, ...]:
    """Name what may be done to it now."""
    if not (visitor.operates or visitor.caller.may_trigger(pipeline, project)):
        return ()
    if state is TriggerState.DEAD:
        return ("replay", "discard")
    return ("cancel",) if state in WITHDRAWN else ()
