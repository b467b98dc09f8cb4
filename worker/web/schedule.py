"""`/schedules/{name}`: one schedule, its past, its future and its definition."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from worker.api.context import Context, Ctx
from worker.api.schedulebook import Page, open_page
from worker.domain.cronwords import in_words
from worker.domain.errors import Fault, Unknown
from worker.domain.fate import Fate
from worker.domain.results import Result, streak, usual_duration, usual_lateness
from worker.domain.schedule import Schedule
from worker.domain.standing import Standing
from worker.domain.zones import find_zone
from worker.engine.booking import seen_of
from worker.engine.history import LOOKED_AT, read_history
from worker.engine.standings import Seen, next_fires
from worker.source import Definitions
from worker.store.alerts import Incident
from worker.web.charts.daymap import DayMap, Happened, fortnight_map, is_frequent, year_map
from worker.web.charts.runcharts import durations, lateness
from worker.web.coming import coming
from worker.web.configs import rendered
from worker.web.facts import facts_of
from worker.web.pages import PageRoute, render
from worker.web.pastfires import PastFire, page_of, read_past
from worker.web.visits import Looker

router = APIRouter(include_in_schema=False, route_class=PageRoute)

MOST = 2_000
"""Decisions that are read of a ledger, the newest: of a longer one, the rest is told by the API."""

Part = Literal["standing", "ledger"]

TEMPLATES = {"standing": "_schedule_standing.html", "ledger": "_schedule_ledger.html", None: "schedule.html"}

Typed = Annotated[str, Query(max_length=64)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A schedule, or what is left of one, with its past."""

    name: str
    opened: Page | None
    """None if there is no such schedule any more."""
    definitions: Definitions
    seen: Seen
    entries: Sequence[dict[str, Any]]
    """The newest first."""
    past: Sequence[PastFire]
    incidents: Sequence[Incident]
    success: Result | None
    undecided: Sequence[datetime]

    @property
    def schedule(self) -> Schedule | None:
        """Give its definition, if that can be used."""
        return self.opened.schedule if self.opened else None

    @property
    def timezone(self) -> str:
        """Give the zone on whose clock its times are told."""
        return self.schedule.timezone if self.schedule else "UTC"

    @property
    def standing(self) -> Standing | None:
        """Say how it stands; None if it is gone."""
        if self.opened is None:
            return None
        return self.seen.standing if self.schedule else Standing.BROKEN

    @property
    def next(self) -> datetime | None:
        """Give when it is due next, as far as that is known."""
        if self.opened is None or self.opened.schedule is None:
            return None
        return next(iter(next_fires(self.opened.schedule, self.seen, self.opened.now, 1)), None)

    @property
    def changed(self) -> datetime | None:
        """Give when it was changed last, where it was made over the API."""
        row = self.opened.row if self.opened else None
        return datetime.fromisoformat(row.changed) if row and row.changed else None

    @property
    def faults(self) -> list[str]:
        """Give what is wrong with its definition; of one that is gone, with the files in which it may stand."""
        if self.opened is None:
            return [str(fault) for fault in self.definitions.faults]
        if self.schedule is None:
            return self.opened.faults
        return [str(fault) for fault in self.definitions.faults if _is_of(fault, self.schedule)]


def _is_of(fault: Fault, schedule: Schedule) -> bool:
    return bool(fault.file) and schedule.place.rpartition(":")[0] == fault.file


@router.get("/schedules/{name}")
async def show(
    request: Request,
    context: Ctx,
    visitor: Looker,
    name: str,
    part: Part | None = None,
    decision: Typed = "",
    cursor: Annotated[str | None, Query(max_length=512)] = None,
    fire: Typed = "",
    at: Typed = "",
) -> Response:
    """Show the page, or the part of it that is asked for when something happened."""
    known = await _known(context, name)
    now = context.engine.clock()
    told: dict[str, Any] = {"known": known, "name": name, "now": now}
    if part != "ledger":
        told |= _standing(known)
    if part != "standing":
        told["ledger"] = page_of(known.past, decision, cursor)
    if part is None:
        told |= await _whole(context, known, fire, at)
    return render(request, visitor, TEMPLATES[part], **told)


async def _known(context: Context, name: str) -> Known:
    """Read everything about it. Raises Unknown if there is neither a schedule nor a ledger of this name."""
    engine, opened = context.engine, None
    entries = await engine.cursors.ledger(name, min(MOST, engine.settings.ledger_max))
    try:
        opened = await open_page(context, name)
    except Unknown:
        if not entries:
            raise
    seen = opened.seen if opened else await seen_of(engine, name, engine.clock())
    return Known(
        name=name,
        opened=opened,
        definitions=opened.definitions if opened else await context.book.read(),
        seen=seen,
        entries=entries,
        past=read_past(entries, seen.results, seen.going, opened.schedule if opened else None),
        incidents=sorted((await engine.alerts.of(name)).values(), key=lambda each: each.since),
        success=(await engine.results.last_successes([name])).get(name),
        undecided=await _undecided(context, opened),
    )


async def _undecided(context: Context, opened: Page | None) -> Sequence[datetime]:
    """Give the fire times without a decision. There should be none."""
    if opened is None or opened.schedule is None or opened.schedule.after is not None:
        return ()
    history = await read_history(context.engine.cursors, opened.schedule, LOOKED_AT)
    return history.undecided()


def _standing(known: Known) -> dict[str, Any]:
    results = known.seen.results
    return {
        "streak": streak(results),
        "failure": next((each.why for each in known.past if each.failed), ""),
        # The runs of a backfill are no results of the schedule.
        "completed": next((each for each in known.past if each.word == Fate.COMPLETED), None),
        "usual": usual_duration(results),
        "usual_late": usual_lateness(results),
    }


async def _whole(context: Context, known: Known, fire: str, at: str) -> dict[str, Any]:
    schedule, now = known.schedule, context.engine.clock()
    results = known.seen.results
    told: dict[str, Any] = {
        "map": _map(context, known),
        "durations": durations(results),
        "lateness": lateness(results),
        "full": len(known.entries) >= min(MOST, context.engine.settings.ledger_max),
    }
    if schedule is None:
        return told
    fired = [each.at for each in known.past]
    return {
        **told,
        "in_words": in_words(schedule),
        "facts": facts_of(schedule, now),
        "followers": [each for each in known.definitions.schedules if _follows(each, known.name)],
        "coming": coming(schedule, known.seen, now),
        "config": await rendered(context, schedule, now, fire, at, fired),
    }


def _follows(schedule: Schedule, name: str) -> bool:
    return schedule.after is not None and any(each.schedule == name for each in schedule.after.upstreams)


def _map(context: Context, known: Known) -> DayMap:
    now = context.engine.clock()
    happened = [Happened(at=each.at, word=each.word) for each in known.past]
    period = known.schedule.timing.period(now) if known.schedule else None
    lay_out = fortnight_map if is_frequent([each.at for each in known.past], period) else year_map
    return lay_out(happened, find_zone(known.timezone), now)
