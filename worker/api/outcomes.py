"""`/api/v1/outcomes`: what became of triggers and fire times, as far back as it is kept."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from worker.api.access import Reader
from worker.api.context import Ctx
from worker.api.pages import USUAL, Cursor, Limit, chosen, fields_of, page
from worker.api.streams import Instant, beginning, decode_entry, encode_entry, ending
from worker.domain.outcome import Decision, Status
from worker.domain.trigger import Origin
from worker.engine.outcomelist import OutcomeFilter, list_outcomes
from worker.store.codec import instant

router = APIRouter(prefix="/outcomes", tags=["outcomes"])


class OutcomeView(BaseModel):
    """What became of a trigger, a run or a fire time. A trigger has several, one after the other."""

    id: str = Field(description="Its place in the stream; the same as that of the event.")
    at: datetime
    status: Status
    decision: Decision | None = Field(None, description="Why nothing was started, in the ledger's words.")
    trigger: str | None = None
    origin: Origin | None = None
    schedule: str | None = None
    sweep: str | None = None
    trial: int | None = None
    pipeline: str | None = None
    template: str | None = Field(None, description="Of the template or snapshot, name or id.")
    fire_time: datetime | None = None
    due: datetime | None = None
    run_name: str | None = None
    run_id: str | None = None
    run_status: str | None = Field(None, description="In ZenML's words.")
    url: str | None = Field(None, description="Of the run.")
    attempts: int | None = None
    lateness_ms: int | None = Field(None, description="How long after it was due ZenML had the run.")
    dispatched: datetime | None = Field(None, description="When the attempt was handed to the workers.")
    claimed: datetime | None = Field(None, description="When a worker took it.")
    sent: datetime | None = Field(None, description="When it was sent to ZenML; `at` is when that had answered.")
    http_status: int | None = Field(None, description="Of ZenML's answer, where it gave no run.")
    next_try: datetime | None = None
    code: str | None = Field(None, description="Why there is no run, as a short stable word.")
    reason: str | None = Field(None, description="Why, in a sentence.")


class OutcomePage(BaseModel):
    """A page of outcomes, the newest first."""

    items: list[OutcomeView]
    next: str | None = Field(description="Cursor of the next page; null on the last.")


TIMES = ("at", "fire_time", "due", "dispatched", "claimed", "sent", "next_try")
NUMBERS = ("trial", "attempts", "lateness_ms", "http_status")


@router.get("", response_model=OutcomePage)
async def list_some(
    context: Ctx,
    _caller: Reader,
    schedule: Annotated[str | None, Query(max_length=255)] = None,
    status: Annotated[list[Status] | None, Query(description="Repeatable.")] = None,
    trigger: Annotated[str | None, Query(max_length=255)] = None,
    sweep: Annotated[str | None, Query(max_length=255)] = None,
    pipeline: Annotated[str | None, Query(max_length=255)] = None,
    since: Instant = None,
    until: Instant = None,
    limit: Limit = USUAL,
    cursor: Cursor = None,
    fields: Annotated[str | None, fields_of(OutcomeView)] = None,
) -> Any:
    """List outcomes, the newest first. A page may be shorter than asked for, or empty, and have a next one.

    `since` and `until` are about when an outcome was written. To hear of new ones as they come: `/api/v1/events`.
    """
    wanted = chosen(fields, OutcomeView)
    named = {"schedule": schedule, "trigger": trigger, "sweep": sweep, "pipeline": pipeline}
    asked = {name: frozenset([value]) for name, value in named.items() if value is not None}
    asked |= {"status": frozenset(each.value for each in status)} if status else {}
    filters = OutcomeFilter(fields=asked, since=beginning(since), until=ending(until))
    found = await list_outcomes(context.engine, filters, decode_entry(cursor), limit)
    return page(map(outcome_view, found.rows), encode_entry(found.last) if found.last else None, wanted)


def outcome_view(outcome: Mapping[str, str]) -> OutcomeView:
    """Make the answer from an entry of the stream. What cannot be read is left out."""
    told: dict[str, Any] = {name: outcome.get(name) or None for name in OutcomeView.model_fields}
    told |= {name: _moment(outcome.get(name, "")) for name in TIMES}
    told["at"] = told["at"] or instant(int(outcome["id"].partition("-")[0]))
    told |= {name: int(outcome[name]) if outcome.get(name, "").isdecimal() else None for name in NUMBERS}
    return OutcomeView(**told)


def _moment(text: str) -> datetime | None:
    with suppress(ValueError):
        return datetime.fromisoformat(text)
    return None
