"""`/schedules/{name}/backfill`: what a backfill would do, and its beginning."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from fastapi import APIRouter, Request, Response

from worker.api.context import Ctx
from worker.api.schedulebook import Page, open_page
from worker.api.scheduleshapes import BackfillWish
from worker.api.schedulesteering import begin_wished, parse, plan_wished
from worker.domain.access import Area
from worker.domain.errors import Fault, InvalidInput, Unknown
from worker.domain.zones import find_zone
from worker.engine.backplans import UNASKED, Planned
from worker.web.forms import Form
from worker.web.pages import PageRoute, done, render
from worker.web.visits import Acting, Visit, Visitor

router = APIRouter(include_in_schema=False, route_class=PageRoute)

TEXTS = ("from", "to", "every", "overlap", "max_parallel", "order", "key", "priority")
TICKS = ("coalesce", "force", "many")
NUMBERS = {"max_parallel": "a number of runs", "priority": "a whole number"}

LISTED = 500
"""Fire times of which a preview tells one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody has typed and ticked."""

    texts: dict[str, str]
    ticks: dict[str, bool]

    @classmethod
    def of(cls, form: Form) -> "Asked":
        """Read it off a form; what is missing is left as it is by default."""
        return cls(texts={name: form.text(name) for name in TEXTS}, ticks={name: form.ticked(name) for name in TICKS})

    def wish(self) -> BackfillWish:
        """Make the wish of it, as the API would read it. Raises InvalidInput with every fault."""
        values: dict[str, Any] = {name: text for name, text in self.texts.items() if text}
        faults = []
        for name, what in NUMBERS.items():
            try:
                values |= {name: int(values[name])} if name in values else {}
            except ValueError:
                faults.append(Fault(path=name, message=f'"{values.pop(name)}" is not {what}'))
        if not values.get("from"):
            faults.append(Fault(path="from", message="say where the range begins"))
        if faults:
            raise InvalidInput(faults)
        return parse(values | self.ticks, BackfillWish)


EMPTY = Asked(texts=dict.fromkeys(TEXTS, ""), ticks=dict.fromkeys(TICKS, False))


@router.get("/schedules/{name}/backfill")
async def ask(request: Request, context: Ctx, visitor: Visit, name: str) -> Response:
    """Ask for the range."""
    await visitor.caller.check(Area.OPERATE)
    return _form(request, visitor, await open_page(context, name), EMPTY)


@router.post("/schedules/{name}/backfill/preview")
async def preview(request: Request, context: Ctx, act: Acting, name: str) -> Response:
    """Tell what would become of each fire time; nothing is started."""
    opened, asked = await open_page(context, name), Asked.of(act.form)
    if not asked.texts["to"]:
        # What is begun afterwards has to be what was looked at.
        now = opened.now.astimezone(find_zone(opened.sound.timezone))
        asked.texts["to"] = now.replace(tzinfo=None).isoformat(timespec="seconds")
    try:
        _, planned = await plan_wished(context, act.caller, name, asked.wish(), sure=True)
    except Unknown:
        raise
    except InvalidInput as error:
        return _form(request, act.visitor, opened, asked, status=422, faults=error.faults)
    return _form(request, act.visitor, opened, asked, planned=planned)


@router.post("/schedules/{name}/backfill")
async def begin(request: Request, context: Ctx, act: Acting, name: str) -> Response:
    """Begin it."""
    asked = Asked.of(act.form)
    try:
        wish = asked.wish()
        schedule, planned = await plan_wished(context, act.caller, name, wish, sure=wish.many)
        if planned.idle:
            raise InvalidInput("there is nothing to run any more: every fire time of this range has its run")
        identity, new = await begin_wished(context, act.caller, schedule, planned, wish)
    except Unknown:
        raise
    except InvalidInput as error:
        opened = await open_page(context, name)
        return _form(request, act.visitor, opened, asked, status=422, faults=error.faults)
    runs = sum(each.runs for each in planned.prospects)
    before = "" if new else " It was begun before, and goes on where it was."
    return done(request, f"/sweeps/{identity}", f"The backfill of {name} has begun: {_of(runs, planned)} run.{before}")


def _of(runs: int, planned: Planned) -> str:
    many = len(planned.prospects)
    return f"{runs:,} of {many:,} fire time{'' if many == 1 else 's'}"


def _form(
    request: Request,
    visitor: Visitor,
    opened: Page,
    asked: Asked,
    *,
    status: int = 200,
    planned: Planned | None = None,
    faults: Sequence[Fault] = (),
) -> Response:
    schedule = opened.sound
    runs = sum(each.runs for each in planned.prospects) if planned else 0
    return render(
        request,
        visitor,
        "backfill.html",
        status=status,
        schedule=schedule,
        asked=asked,
        orders=get_args(BackfillWish.model_fields["order"].annotation),
        faults=[str(fault) for fault in faults],
        planned=planned,
        runs=runs,
        counted=_of(runs, planned) if planned else "",
        listed=LISTED,
        many=planned is not None and len(planned.prospects) > UNASKED,
        unasked=UNASKED,
    )
