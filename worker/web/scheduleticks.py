"""`/schedules/-/…`: run now, pause with a note, resume, for all schedules that somebody has ticked in the list.

No schedule can have the name `-`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

from fastapi import APIRouter, Request, Response

from worker.api import schedulesteering as steering
from worker.api.access import Caller
from worker.api.context import Context, Ctx
from worker.api.schedulebook import Page, open_page
from worker.api.scheduleshapes import ResumeWish
from worker.domain.access import Area
from worker.domain.errors import InvalidInput, Unknown
from worker.domain.schedule import Schedule
from worker.engine import byhand
from worker.web.forms import Form, own_path
from worker.web.pages import PageRoute, done, render
from worker.web.scheduleacts import LONGEST_KEY, pause_of, told_of
from worker.web.visits import Acting, Looker, Visitor

router = APIRouter(include_in_schema=False, route_class=PageRoute)

Way = Literal["run", "pause", "resume"]

MOST = 200
"""Schedules that may be ticked; a page of the list has fewer."""

NAMED = 5
"""Names that are told of what was done."""

TITLES = {"run": "Run {} now", "pause": "Pause {}", "resume": "Resume {}"}

DONE = {"run": "A run of each of {} is on its way", "pause": "Paused {}", "resume": "{} go on"}

Doing = Callable[[Page], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Ticked:
    """One that was ticked."""

    name: str
    page: Page | None
    note: str = ""
    """What somebody should know of it."""
    hindered: str = ""
    """Why it cannot be done."""


@router.get("/schedules/-/{way}")
async def ask(request: Request, context: Ctx, visitor: Looker, way: Way) -> Response:
    """Name what is ticked, and ask once for all."""
    await visitor.caller.check(Area.OPERATE)
    ticked = await _ticked(context, way, request.query_params.getlist("name"))
    back = own_path(request.query_params.get("back", ""), "/schedules")
    return _form(request, visitor, way, ticked, {"back": back, "key": uuid4().hex})


@router.post("/schedules/-/{way}")
async def act_on_all(request: Request, context: Ctx, act: Acting, way: Way) -> Response:
    """Do it for each, and tell of which it could not be done."""
    await act.caller.check(Area.OPERATE)
    form = act.form
    back = own_path(form.text("back"), "/schedules")
    ticked = await _ticked(context, way, form.texts("name"))
    pages = [each.page for each in ticked if each.page is not None and not each.hindered]
    try:
        doing = _doing(context, act.caller, way, form, pages)
    except InvalidInput as error:
        typed = {"back": back, "key": form.text("key"), "why": form.text("why"), "until": form.text("until")}
        return _form(request, act.visitor, way, ticked, typed, told_of(error))
    refused = {each.name: each.hindered for each in ticked if each.hindered}
    finished = []
    for page in pages:
        try:
            await doing(page)
            finished.append(page.name)
        except InvalidInput as error:
            refused[page.name] = "; ".join(told_of(error))
    told = f"{DONE[way].format(names_in_words(finished))}." if finished else ""
    if refused or not finished:
        return render(request, act.visitor, "schedulesacted.html", status=422, told_so=told, refused=refused, back=back)
    return done(request, back, told)


def names_in_words(names: Sequence[str]) -> str:
    """Name schedules, or the first of many."""
    if len(names) == 1:
        return names[0]
    rest = len(names) - NAMED
    shown = ", ".join(names[:NAMED])
    return f"{len(names)} schedules ({shown}{f' and {rest} more' if rest > 0 else ''})"


async def _ticked(context: Context, way: Way, names: Sequence[str]) -> list[Ticked]:
    """Look at each. Raises InvalidInput for too many."""
    if len(names) > MOST:
        raise InvalidInput(f"no more than {MOST} schedules can be ticked at once")
    found = []
    for name in dict.fromkeys(names):
        try:
            page = await open_page(context, name)
        except Unknown as error:
            found.append(Ticked(name, None, hindered=str(error)))
            continue
        found.append(Ticked(name, page, *_said(way, page)))
    return found


def _said(way: Way, page: Page) -> tuple[str, str]:
    """Give what should be known of one, and what hinders it."""
    held, schedule = page.seen.pause, page.schedule
    if way == "run":
        return ("is paused: runs all the same" if held else "", _hindrance(schedule))
    if way == "pause":
        return (f"{held}: the note and the end become these" if held else "", "")
    if held is None:
        return ("", "is not paused")
    try:
        byhand.check_resumable(page.name, schedule, held, page.now, catchup=False)
    except InvalidInput as error:
        return ("", "; ".join(told_of(error)).removeprefix(f"{page.name} "))
    return (str(held), "")


def _hindrance(schedule: Schedule | None) -> str:
    if schedule is None:
        return "cannot be used as it is"
    return "is a sweep, which is begun on its own page" if schedule.sweep is not None else ""


def _doing(context: Context, caller: Caller, way: Way, form: Form, pages: Sequence[Page]) -> Doing:
    """Give what is done with each. Raises InvalidInput for what is wrong with the form, before anything is done."""
    if way == "pause":
        wish = pause_of(form)
        for page in pages:
            steering.pause_wished(caller, page, wish)
        return lambda page: steering.pause(context, caller, page, wish)
    if way == "resume":
        # What follows others has nothing to make up for.
        catchup = form.text("catchup") == "yes"
        return lambda page: steering.resume(
            context, caller, page, ResumeWish(catchup=catchup and not (page.schedule and page.schedule.after))
        )
    key = form.text("key")[:LONGEST_KEY] or uuid4().hex
    return lambda page: steering.run(context, caller, page.sound, key)


def _form(
    request: Request,
    visitor: Visitor,
    way: Way,
    ticked: Sequence[Ticked],
    typed: Mapping[str, Any],
    faults: Sequence[str] = (),
) -> Response:
    able = [each for each in ticked if not each.hindered]
    what = f"{len(able)} schedules" if len(able) != 1 else able[0].name
    return render(
        request,
        visitor,
        "schedulesact.html",
        status=422 if faults else 200,
        way=way,
        title=TITLES[way].format(what),
        able=able,
        hindered=[each for each in ticked if each.hindered],
        typed={"why": "", "until": "", **typed},
        faults=faults,
        action=f"/schedules/-/{way}",
    )
