"""`/dead`: the dead letters by what they died of, and the messages that could not be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from worker.api.context import Ctx
from worker.api.triggershapes import TriggerView, view_of
from worker.engine.deadletters import DeadFilter, DeadGroup, died, group_dead, read_dead
from worker.web.pages import PageRoute, is_part, render
from worker.web.visits import Looker

router = APIRouter(include_in_schema=False, route_class=PageRoute)

MOST = 2_000
"""Dead letters that are looked at for the page, the newest first."""

LISTED = 50
"""Of a group that are listed one by one."""

UNREADABLE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A dead letter in its group."""

    view: TriggerView
    died: datetime
    attempts: int
    may: bool
    """Whether this visitor may replay or discard it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group as the page shows it."""

    told: DeadGroup
    letters: Sequence[Letter]
    """The newest of them."""

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.told.letters)

    @property
    def more(self) -> int:
        """How many are not listed."""
        return self.count - len(self.letters)


@router.get("/dead")
async def dead(
    request: Request, context: Ctx, visitor: Looker, had: Annotated[int | None, Query(ge=0)] = None
) -> Response:
    """Show the page; or only tell whether there are as many as it `had`."""
    engine = context.engine
    count = (await engine.triggers.counts())["dead"]
    if had is not None and is_part(request):
        return render(request, visitor, "_deadnews.html", count=count, had=had)
    letters = await read_dead(engine, DeadFilter(), MOST)
    kept, _ = await engine.unreadable.newest()
    return render(
        request,
        visitor,
        "dead.html",
        now=engine.clock(),
        days=engine.settings.retention_days,
        count=count,
        had=count,
        looked=len(letters),
        groups=[_group(group, visitor) for group in group_dead(list(letters.values()))],
        messages=await engine.unreadable.messages(UNREADABLE),
        kept=kept,
    )


def _group(group: DeadGroup, visitor: Looker) -> Group:
    return Group(told=group, letters=[_letter(fields, visitor) for fields in group.letters[:LISTED]])


def _letter(fields: dict[str, str], visitor: Looker) -> Letter:
    view = view_of(fields)
    return Letter(
        view=view,
        died=died(fields),
        attempts=int(fields.get("attempts", 0)),
        may=visitor.operates or visitor.caller.may_trigger(view.pipeline, view.project),
    )
