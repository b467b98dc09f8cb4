"""`/dead/replay` and `/dead/discard`: many dead letters at once: those that were ticked, or a whole group."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from worker.api.context import Context, Ctx
from worker.api.triggersteering import discard_all, may_steer, replay_all
from worker.domain.errors import Unknown
from worker.engine.deadletters import read_group
from worker.engine.steering import Steered
from worker.store.codec import instant, milliseconds
from worker.web.pages import PageRoute, done, render
from worker.web.visits import Act, Acting, Visit

router = APIRouter(include_in_schema=False, route_class=PageRoute)

MOST_TICKED = 500
"""Dead letters that one form may name one by one; a group has no such bound."""

NONE_TICKED = "no dead letter was ticked; go back, and tick those that are meant"


INSTANT = re.compile(r"[0-9]{1,15}")
"""Epoch ms, as the form has it."""


class SteerDead(StrEnum):
    """What can be done to dead letters."""

    REPLAY = "replay"
    DISCARD = "discard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """The dead letters that are meant: ticked ones, or a group as it was when somebody was asked about it."""

    ids: Sequence[str]
    group: str = ""
    until: int = 0
    """When the last of the group had died, in epoch ms: what dies later was not asked about."""
    reason: str = ""


@router.get("/dead/{what}")
async def ask(
    request: Request,
    context: Ctx,
    visitor: Visit,
    what: SteerDead,
    identity: Annotated[list[str] | None, Query(alias="id", max_length=MOST_TICKED)] = None,
    group: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Ask whether it shall be done, and say to how many."""
    meant = await _meant(context, group, identity or ())
    await may_steer(context, visitor.caller, meant.ids)
    return render(request, visitor, "deadact.html", what=what.value, meant=meant)


@router.post("/dead/{what}")
async def do(request: Request, context: Ctx, act: Acting, what: SteerDead) -> Response:
    """Do it, to those that were asked about."""
    form = act.form
    until = int(form.text("until")) if INSTANT.fullmatch(form.text("until")) else None
    meant = await _meant(context, form.text("group"), form.texts("id"), until)
    steered = await _steer(context, act, what, meant)
    return done(request, "/dead", _told(what, steered))


async def _steer(context: Context, act: Act, what: SteerDead, meant: Meant) -> Steered:
    steer = replay_all if what is SteerDead.REPLAY else discard_all
    return await steer(context, act.caller, meant.ids, meant.reason)


async def _meant(context: Context, group: str, ids: Sequence[str], until: int | None = None) -> Meant:
    """Find those that are meant. Raises Unknown where there are none."""
    if not group:
        if not ids:
            raise Unknown(NONE_TICKED)
        return Meant(ids=list(dict.fromkeys(ids)))
    found = await read_group(context.engine, group, instant(until) if until is not None else None)
    if found is None:
        raise Unknown("these dead letters are gone: somebody has replayed or discarded them, or they were forgotten")
    return Meant(ids=found.ids, group=group, until=milliseconds(found.newest), reason=found.reason)


def _told(what: SteerDead, steered: Steered) -> str:
    count = len(steered.done)
    letters = "1 dead letter" if count == 1 else f"{count} dead letters"
    waits = "waits again" if count == 1 else "wait again"
    was = "was discarded" if count == 1 else "were discarded"
    left = f" {steered.left} not: dead no more." if steered.left else ""
    return f"{letters} {waits if what is SteerDead.REPLAY else was}.{left}"
