"""`/api/v1/cron/preview`: when something would be due, before anybody makes a schedule of it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from worker.api.access import Reader
from worker.api.bodies import checked, read_json
from worker.api.context import Ctx
from worker.api.instants import read_instant
from worker.api.sweepshapes import body_of
from worker.api.triggershapes import schema_of
from worker.domain.catchup import upcoming
from worker.domain.moments import clock_change
from worker.domain.timing import Timing
from worker.domain.zones import find_zone
from worker.source.inline import TIMES, build_times
from worker.source.model import ScheduleEntry
from worker.source.timing import When

router = APIRouter(prefix="/cron", tags=["cron"])


class PreviewWish(BaseModel):
    """How many fire times are wanted, and after when; everything else is as in a schedule."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(
        "preview",
        pattern=r"^[a-z0-9][a-z0-9._-]*$",
        max_length=200,
        description="Of the schedule: `H` in a cron expression and the jitter follow from it.",
    )
    count: int = Field(5, ge=1, le=1000, description="How many fire times.")
    after: str | None = Field(
        None,
        max_length=64,
        description="Those later than this: ISO 8601, without an offset a time in the zone. Default: now.",
        examples=["2026-03-28", "2026-03-28T12:00:00+01:00"],
    )


class PreviewFire(BaseModel):
    """An instant at which it is due."""

    utc: datetime
    local: datetime = Field(description="The same in the schedule's zone, with its offset.")
    starts: datetime | None = Field(None, description="When it is started, with `jitter`.")
    note: str | None = Field(None, description="How the clocks change around it.")


class Preview(BaseModel):
    """When it is due."""

    when: str = Field(description="How it was said, in one line.")
    timezone: str
    fires: list[PreviewFire] = Field(description="Fewer than asked for: it is never due after that.")


def _schema() -> dict[str, Any]:
    schema, times = schema_of(PreviewWish), schema_of(ScheduleEntry)["properties"]
    properties = {**{word: _given(times[word]) for word in TIMES}, **schema["properties"]}
    one = [{"required": [word]} for word in ("cron", "every", "at")]
    return {**schema, "properties": properties, "oneOf": one}


def _given(schema: dict[str, Any]) -> dict[str, Any]:
    """Give the schema of a word that is there: what is not known is left out here, and not null."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if not kinds:
        return {key: value for key, value in schema.items() if key != "default"}
    about = {key: value for key, value in schema.items() if key not in {"anyOf", "default"}}
    return {**about, **kinds[0]} if len(kinds) == 1 else {**about, "anyOf": kinds}


BODY = body_of(
    _schema(),
    required=True,
    cron={"cron": "30 2 * * *", "timezone": "Europe/Berlin", "after": "2026-03-27", "count": 3},
    every={"every": "90s", "jitter": "10s"},
)


@router.post("/preview", response_model=Preview, openapi_extra=BODY)
async def preview(request: Request, context: Ctx, _caller: Reader) -> Any:
    """Tell when a cron expression, an interval or instants are due next, and what the clocks do around them.

    The words are those of a schedule, and so are the faults.
    """
    wish, given = read_wish(await read_json(request))
    return (await foresee(wish, given, context.engine.clock())).preview


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """When something is due: as it is told, and as it was understood."""

    when: When
    after: datetime
    preview: Preview


async def foresee(wish: PreviewWish, given: Mapping[str, Any], now: datetime) -> Foreseen:
    """Tell when what is given is due next; the words are those of a schedule. Raises InvalidInput."""
    when = await asyncio.to_thread(build_times, given, wish.name)
    after = read_instant(wish.after, when.timing.timezone, "after") if wish.after else now
    fires = await asyncio.to_thread(upcoming, when.timing, after, wish.count)
    shown = [_fire(fire, when.timing, wish.name) for fire in fires]
    return Foreseen(
        when=when,
        after=after,
        preview=Preview(when=when.text, timezone=when.timing.timezone, fires=shown),
    )


def read_wish(words: Any) -> tuple[PreviewWish, dict[str, Any]]:
    """Tell what is about the question from what is about the schedule. Raises InvalidInput."""
    if not isinstance(words, dict):
        return checked(PreviewWish, words), {}
    own = PreviewWish.model_fields
    wish = checked(PreviewWish, {name: value for name, value in words.items() if name in own})
    return wish, {name: value for name, value in words.items() if name not in own}


def _fire(fire: datetime, timing: Timing, name: str) -> PreviewFire:
    return PreviewFire(
        utc=fire,
        local=fire.astimezone(find_zone(timing.timezone)),
        starts=timing.jittered(fire, name) if timing.jitter else None,
        note=clock_change(fire, timing.timezone) or None,
    )
