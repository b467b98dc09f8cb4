"""`/schedules/{name}/…`: run now, pause with a note, resume."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from fastapi import APIRouter, Request, Response

from worker.api import schedulesteering as steering
from worker.api.context import Context, Ctx
from worker.api.schedulebook import Page, open_page
from worker.api.scheduleshapes import PauseWish, ResumeWish
from worker.domain.access import Area
from worker.domain.catchup import upcoming
from worker.domain.cronwords import zone_in_words
from worker.domain.errors import InvalidInput
from worker.domain.trigger import Origin, Trigger
from worker.engine import byhand
from worker.engine.starting import would_start
from worker.web.forms import Form
from worker.web.pages import PageRoute, done, is_part, render
from worker.web.visits import Acting, Visit, Visitor
from worker.web.words import local, on_clock

router = APIRouter(include_in_schema=False, route_class=PageRoute)

TOLD = 5
"""Fire times that are told one by one."""

MOST_COUNTED = 300
"""Fire times that are counted: each costs a tenth of a millisecond, in which nobody else is answered."""

LONGEST_KEY = 100


def address_of(name: str, act: str = "") -> str:
    """Give the address of a schedule's page, or of an act on it."""
    return f"/schedules/{quote(name, safe='')}{f'/{act}' if act else ''}"


@router.get("/schedules/{name}/run")
async def ask_run(request: Request, context: Ctx, visitor: Visit, name: str) -> Response:
    """Tell what would be started."""
    opened = await open_page(context, name)
    await steering.check_running(visitor.caller, opened.sound)
    return await _run_form(request, context, visitor, opened, uuid4().hex)


@router.post("/schedules/{name}/run")
async def run(request: Request, context: Ctx, act: Acting, name: str) -> Response:
    """Start it. The key that came with the form makes a form that is sent twice one run."""
    opened = await open_page(context, name)
    key = act.form.text("key")[:LONGEST_KEY] or uuid4().hex
    try:
        started = await steering.run(context, act.caller, opened.sound, key)
    except InvalidInput as error:
        return await _run_form(request, context, act.visitor, opened, key, told_of(error))
    told = "is on its way" if started.new else "was on its way already: this form was sent before"
    return done(request, f"/triggers/{started.trigger.id}", f"A run of {name} {told}.")


async def _run_form(
    request: Request, context: Context, visitor: Visitor, opened: Page, key: str, faults: Sequence[str] = ()
) -> Response:
    trigger: Trigger | None = None
    try:
        trigger = await would_start(context.engine, opened.sound, Origin.API, key)
    except InvalidInput as error:
        faults = faults or told_of(error)
    return render(
        request,
        visitor,
        "schedulerun.html",
        status=422 if request.method == "POST" else 200,
        opened=opened,
        schedule=opened.sound,
        trigger=trigger,
        key=key,
        faults=faults,
        back=address_of(opened.name),
        action=address_of(opened.name, "run"),
    )


@router.get("/schedules/{name}/pause")
async def ask_pause(request: Request, context: Ctx, visitor: Visit, name: str) -> Response:
    """Ask why, and until when."""
    await visitor.caller.check(Area.OPERATE)
    opened = await open_page(context, name)
    held = opened.seen.pause
    until = request.query_params.get("until")
    if until is not None and is_part(request):
        return render(request, visitor, "_pause_skips.html", **_skips(opened, visitor, until))
    ends = local(held.until, zone_of(opened)) if held and held.until else ""
    typed = {"why": held.why if held else "", "until": until or ends}
    return _pause_form(request, visitor, opened, typed)


@router.post("/schedules/{name}/pause")
async def pause(request: Request, context: Ctx, act: Acting, name: str) -> Response:
    """Pause it."""
    await act.caller.check(Area.OPERATE)
    opened = await open_page(context, name)
    try:
        paused = await steering.pause(context, act.caller, opened, pause_of(act.form))
    except InvalidInput as error:
        typed = {"why": act.form.text("why"), "until": act.form.text("until")}
        return _pause_form(request, act.visitor, opened, typed, told_of(error))
    until = f"until {on_clock(paused.until, zone_of(opened))}" if paused.until else "until somebody resumes it"
    return done(request, address_of(name), f"{name} is paused {until}.")


def pause_of(form: Form) -> PauseWish:
    """Read what a form says about a pause. Raises InvalidInput."""
    wish = {"why": form.text("why"), "until": form.text("until") or None}
    return steering.parse(wish, PauseWish)


def told_of(error: InvalidInput) -> list[str]:
    """Give the faults, each as a sentence that names its field."""
    return [f"{fault.path.capitalize()} {fault.message}" if fault.path else fault.message for fault in error.faults]


def zone_of(opened: Page) -> str:
    """Give the zone of a schedule."""
    return opened.schedule.timezone if opened.schedule else "UTC"


def _pause_form(
    request: Request, visitor: Visitor, opened: Page, typed: dict[str, str], faults: Sequence[str] = ()
) -> Response:
    return render(
        request,
        visitor,
        "schedulepause.html",
        status=422 if faults else 200,
        opened=opened,
        typed=typed,
        faults=faults,
        back=address_of(opened.name),
        action=address_of(opened.name, "pause"),
        clock=zone_in_words(zone_of(opened)),
        **_skips(opened, visitor, typed["until"]),
    )


def _skips(opened: Page, visitor: Visitor, until: str) -> dict[str, Any]:
    """Tell which fire times a pause would skip; what was typed so far need not be right."""
    end, wrong = None, []
    try:
        end = steering.pause_wished(visitor.caller, opened, PauseWish(until=until[:64] or None)).until
    except InvalidInput as error:
        wrong = told_of(error)
    timing = opened.schedule.timing if opened.schedule else None
    fires = upcoming(timing, opened.now, TOLD) if timing else []
    count = timing.count_between(opened.now, end, MOST_COUNTED) if timing and end else None
    return {
        "end": end,
        "wrong": wrong,
        "skipped": [fire for fire in fires if end is None or fire <= end],
        "count": count,
        "most": MOST_COUNTED,
        "zone": zone_of(opened),
        "follows": opened.schedule is not None and opened.schedule.after is not None,
        "now": opened.now,
    }


@router.get("/schedules/{name}/resume")
async def ask_resume(request: Request, context: Ctx, visitor: Visit, name: str) -> Response:
    """Tell what a pause has kept from starting, and what would become of it."""
    await visitor.caller.check(Area.OPERATE)
    return await _resume_form(request, visitor, await open_page(context, name), catchup=False)


@router.post("/schedules/{name}/resume")
async def resume(request: Request, context: Ctx, act: Acting, name: str) -> Response:
    """Let it go on."""
    await act.caller.check(Area.OPERATE)
    opened = await open_page(context, name)
    wish = ResumeWish(catchup=act.form.text("catchup") == "yes")
    try:
        held = await steering.resume(context, act.caller, opened, wish)
    except InvalidInput as error:
        return await _resume_form(request, act.visitor, opened, told_of(error), catchup=wish.catchup)
    if held is None:
        return done(request, address_of(name), f"{name} was not paused.")
    rest = "its catch-up policy decides about what was due meanwhile" if wish.catchup else "from now on"
    return done(request, address_of(name), f"{name} goes on: {rest}.")


async def _resume_form(
    request: Request, visitor: Visitor, opened: Page, faults: Sequence[str] = (), *, catchup: bool
) -> Response:
    held, schedule = opened.seen.pause, opened.schedule
    if held is not None and not faults:
        try:
            byhand.check_resumable(opened.name, schedule, held, opened.now, catchup=False)
        except InvalidInput as error:
            faults = told_of(error)
    timing = schedule.timing if schedule and not schedule.after else None
    made_up: Sequence[datetime] = ()
    if schedule is not None and held is not None:
        # As many as a thousand fire times, each looked for: not on the loop that answers all others.
        made_up = await asyncio.to_thread(byhand.made_up_for, schedule, opened.seen.cursor, held, opened.now)
    return render(
        request,
        visitor,
        "scheduleresume.html",
        status=422 if request.method == "POST" else 200,
        opened=opened,
        held=held,
        faults=faults,
        catchup=catchup,
        clocked=timing is not None,
        missed=timing.count_between(held.since, opened.now, MOST_COUNTED) if timing and held else 0,
        made_up=made_up,
        most=MOST_COUNTED,
        shown=TOLD,
        next=next(iter(upcoming(timing, opened.now, 1)), None) if timing else None,
        zone=zone_of(opened),
        now=opened.now,
        back=address_of(opened.name),
        action=address_of(opened.name, "resume"),
    )
