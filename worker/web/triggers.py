"""`/triggers`: the log of what was asked for, the newest first."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from worker.api.context import Ctx
from worker.api.pages import Cursor, decode_cursor, encode_cursor
from worker.api.triggershapes import TriggerView, view_of
from worker.domain.errors import Fault, InvalidInput
from worker.domain.moments import read_moment
from worker.domain.trigger import ACTIVE, Origin, TriggerState
from worker.domain.zones import ZoneError, find_zone
from worker.engine.triggerlist import MOST_LOOKED, TriggerFilter, list_triggers
from worker.web.pages import HEADERS, PageRoute, is_part, render
from worker.web.visits import Looker

router = APIRouter(include_in_schema=False, route_class=PageRoute)

SHOWN = 50

LOG = "log"
"""Id of the part of the page that is asked for again when there is news."""

FULL_ID = 36
"""Characters of a trigger's id, and of a run's."""

Text = Annotated[str, Query(max_length=255)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A trigger as the log shows it."""

    view: TriggerView
    attempts: int
    """How often its run was asked for."""
    lateness: timedelta | None
    """How long after it was due ZenML had the run; None before that."""
    overdue: timedelta | None
    """How long it has been due, while it is on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the form asks for, as it was typed."""

    state: tuple[TriggerState, ...]
    text: str
    pipeline: str
    origin: str
    schedule: str
    sweep: str
    asked_by: str
    since: datetime | None
    before: datetime | None
    zone: str
    """Name of the zone that `since` and `before` are in."""

    @property
    def query(self) -> str:
        """Write it as a page's address has it; "" where nothing is asked for."""
        words = {name: getattr(self, name) for name in ("text", "pipeline", "origin", "schedule", "sweep", "asked_by")}
        given = [(name, value) for name, value in words.items() if value]
        times = {"since": self.since, "before": self.before}
        given += [(name, value.isoformat()) for name, value in times.items() if value]
        given += [("zone", self.zone)] if self.since or self.before else []
        return urlencode([*(("state", state.value) for state in self.state), *given])

    @property
    def filter(self) -> TriggerFilter:
        """Give the filter for the list."""
        return TriggerFilter(
            states=frozenset(self.state),
            pipeline=self.pipeline or None,
            origin=Origin(self.origin) if self.origin else None,
            schedule=self.schedule or None,
            sweep=self.sweep or None,
            asked_by=self.asked_by or None,
            text=self.text or None,
            since=self.since,
            before=self.before,
        )

    @property
    def live(self) -> str:
        """Give the address of the outcomes that are news for what is shown."""
        named = {"schedule": self.schedule, "sweep": self.sweep}
        return "/live?" + urlencode({name: value for name, value in named.items() if value})


@router.get("/triggers")
async def log(
    request: Request,
    context: Ctx,
    visitor: Looker,
    state: Annotated[list[TriggerState] | None, Query()] = None,
    text: Text = "",
    pipeline: Text = "",
    origin: Origin | Literal[""] = "",
    schedule: Text = "",
    sweep: Text = "",
    asked_by: Text = "",
    since: Text = "",
    before: Text = "",
    zone: Text = "UTC",
    cursor: Cursor = None,
) -> Response:
    """Show the log, or those that fit; a whole id leads to its trigger."""
    asked = Asked(
        state=tuple(dict.fromkeys(state or ())),
        text=text.strip(),
        pipeline=pipeline.strip(),
        origin=origin,
        schedule=schedule.strip(),
        sweep=sweep.strip(),
        asked_by=asked_by.strip(),
        since=_instant("since", since, zone),
        before=_instant("before", before, zone),
        zone=zone,
    )
    if len(asked.text) == FULL_ID and (await context.engine.triggers.get([asked.text.lower()]))[0]:
        return RedirectResponse(f"/triggers/{asked.text.lower()}", status_code=303, headers=HEADERS)
    told = await _read(context, asked, cursor)
    part = is_part(request) and request.headers.get("hx-target") == LOG
    return render(request, visitor, "_triggerlog.html" if part else "triggers.html", **told, **_choices(visitor))


def _instant(name: str, typed: str, zone: str) -> datetime | None:
    """Read a time that was typed, on the clock of its zone. Raises InvalidInput."""
    try:
        clock = find_zone(zone)
        return read_moment(typed, zone).astimezone(clock) if typed.strip() else None
    except ZoneError as error:
        raise InvalidInput([Fault(path="?zone", message=str(error))]) from error
    except InvalidInput as error:
        raise InvalidInput([Fault(path=f"?{name}", message=str(error))]) from error
    except OverflowError as error:
        raise InvalidInput([Fault(path=f"?{name}", message=f"{typed} is too long ago, or too far off")]) from error


async def _read(context: Ctx, asked: Asked, cursor: str | None) -> dict[str, Any]:
    place = decode_cursor(cursor, int, str)
    found = await list_triggers(context.engine, asked.filter, (place[0], place[1]) if place else None, SHOWN)
    now = context.engine.clock()
    older = [asked.query, urlencode({"cursor": encode_cursor(*found.last)})] if found.last else []
    return {
        "now": now,
        "asked": asked,
        "rows": [row_of(fields, now) for fields in found.rows],
        "first": cursor is None,
        "older": "/triggers?" + "&".join(filter(None, older)) if older else "",
        "looked": MOST_LOOKED,
    }


def _choices(visitor: Looker) -> dict[str, Any]:
    return {"states": list(TriggerState), "origins": list(Origin), "starts": visitor.caller.grants.starts_some}


def row_of(fields: dict[str, str], now: datetime) -> Row:
    """Make the row of a trigger from the fields of its hash."""
    view = view_of(fields)
    late = fields.get("lateness_ms")
    return Row(
        view=view,
        attempts=int(fields.get("attempts", 0)),
        lateness=timedelta(milliseconds=int(late)) if late else None,
        overdue=now - view.due if view.state in ACTIVE and view.due < now else None,
    )
