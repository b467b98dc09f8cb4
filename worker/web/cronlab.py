"""`/cron`: when an expression is due, before anybody makes a schedule of it."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Annotated, Any
from zoneinfo import available_timezones

from fastapi import APIRouter, Depends, Query, Request, Response

from worker.api.context import Ctx
from worker.api.cron import Foreseen, PreviewFire, foresee, read_wish
from worker.domain.cronwords import timing_in_words
from worker.domain.errors import Fault, InvalidInput
from worker.domain.timing import Timing
from worker.source.model import CLOCKS
from worker.web.charts import monthmap
from worker.web.pages import PageRoute, is_part, render
from worker.web.visits import Looker

router = APIRouter(include_in_schema=False, route_class=PageRoute)

COUNTS = (10, 25, 50, 100)

FIELDS = ("minute", "hour", "day of month", "month", "day of week", "second")
"""As faults name them, in their order."""

NAMES = "a schedule's name is of small letters, digits, dots, - and _, and begins with a letter or digit"

EXAMPLES = (
    ("Every day at 02:30", "cron", "30 2 * * *"),
    ("Working days at 9 and 17", "cron", "0 9,17 * * MON-FRI"),
    ("Every quarter of an hour, by day", "cron", "*/15 8-18 * * *"),
    ("The last day of the month", "cron", "0 6 L * *"),
    ("The first Monday of the month", "cron", "0 7 * * MON#1"),
    ("Once a night, spread by name", "cron", "H H(1-5) * * *"),
    ("Every 90 seconds", "every", "90s"),
    ("Two instants", "at", "2030-01-01T08:00, 2030-07-01T08:00"),
)

Text = Annotated[str, Query(max_length=1000)]
Short = Annotated[str, Query(max_length=300)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody filled in."""

    kind: str
    expression: str
    timezone: str
    gap: str
    fold: str
    seconds: bool
    jitter: str
    name: str
    after: str
    count: int

    @property
    def entry(self) -> dict[str, Any]:
        """Give it in the words of a schedule file."""
        between = {"cron": ";", "at": ","}.get(self.kind)
        parts = [part.strip() for part in self.expression.split(between)] if between else [self.expression]
        parts = [part for part in parts if part]
        given: dict[str, Any] = {self.kind: parts[0] if len(parts) == 1 else parts}
        if self.timezone:
            given["timezone"] = self.timezone
        if self.seconds:
            given["seconds"] = True
        dst = {word: value for word, value in (("gap", self.gap), ("fold", self.fold)) if value}
        if dst:
            given["dst"] = dst
        return {**given, "jitter": self.jitter} if self.jitter else given

    @property
    def wish(self) -> dict[str, Any]:
        """Give it as the API is asked."""
        more = {"name": self.name, "after": self.after}
        return {**self.entry, **{word: value for word, value in more.items() if value}, "count": self.count}


async def _asked(
    kind: Short = "cron",
    expression: Text = "",
    timezone: Short = "UTC",
    gap: Short = "",
    fold: Short = "",
    seconds: Short = "",
    jitter: Short = "",
    name: Short = "",
    after: Short = "",
    count: Short = "",
) -> Asked:
    """Read the fields. What cannot be meant is as good as not there; what can be is checked as in a file."""
    return Asked(
        kind=kind if kind in CLOCKS else CLOCKS[0],
        expression=expression.strip(),
        timezone=timezone.strip(),
        gap=gap.strip(),
        fold=fold.strip(),
        seconds=bool(seconds),
        jitter=jitter.strip(),
        name=name.strip(),
        after=after.strip(),
        count=int(count) if count in map(str, COUNTS) else COUNTS[0],
    )


@router.get("/cron")
async def lab(request: Request, context: Ctx, visitor: Looker, asked: Annotated[Asked, Depends(_asked)]) -> Response:
    """Show the lab. As somebody types, scripts ask for the answer alone."""
    now = context.engine.clock()
    answer = await _answer(asked, now) if asked.expression else {}
    alone = is_part(request) and request.headers.get("hx-target") == "answer"
    template = "_cronanswer.html" if alone else "cronlab.html"
    given: dict[str, Any] = {"asked": asked, "now": now, "zones": zones(), "examples": EXAMPLES, "counts": COUNTS}
    return render(request, visitor, template, **given, answer=answer)


async def _answer(asked: Asked, now: datetime) -> dict[str, Any]:
    """Work out all that the template tells, or the faults. Faults are no error of a page that is asked as one types."""
    try:
        seen = await foresee(*read_wish(asked.wish), now)
    except InvalidInput as error:
        return {"faults": [_shown(fault, asked) for fault in error.faults]}
    timing, fires = seen.when.timing, seen.preview.fires
    return {
        "faults": [],
        "words": timing_in_words(timing, seen.preview.when),
        "preview": seen.preview,
        "fires": _rows(seen),
        "gaps": _gaps(fires),
        "notes": list(dict.fromkeys(fire.note for fire in fires if fire.note)),
        "entry": asked.entry,
        **await asyncio.to_thread(_pictures, timing, fires),
    }


def _pictures(timing: Timing, fires: Sequence[PreviewFire]) -> dict[str, Any]:
    """Lay out the months from the first fire on, and the hours of its day, if it is due several times then."""
    if not fires:
        return {"months": [], "hours": [], "day": None}
    day = monthmap.local_day(fires[0].utc, timing.timezone)
    hours = monthmap.hours(timing, day)
    several = sum(hour.fires for hour in hours) > 1
    return {
        "months": monthmap.months(timing, day),
        "hours": hours if several else [],
        "day": day,
        "chart": monthmap.chart_of(hours),
    }


def _rows(seen: Foreseen) -> list[tuple[PreviewFire, timedelta | None, bool]]:
    """Give the fires, each with the time since the one before, and whether that is not the usual."""
    fires = seen.preview.fires
    gaps = [later.utc - sooner.utc for sooner, later in pairwise(fires)]
    usual = _usual(gaps)
    return list(zip(fires, [None, *gaps], [False, *(usual is not None and gap != usual for gap in gaps)], strict=False))


def _usual(gaps: Sequence[timedelta]) -> timedelta | None:
    """Give the distance that most have; None where no distance stands out."""
    for gap, count in Counter(gaps).most_common(1):
        return gap if count * 2 > len(gaps) else None
    return None


def _gaps(fires: Sequence[PreviewFire]) -> tuple[timedelta, timedelta] | None:
    gaps = [later.utc - sooner.utc for sooner, later in pairwise(fires)]
    return (min(gaps), max(gaps)) if gaps else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A fault, and the expression with the part of it that is meant between `before` and `behind`."""

    place: str
    message: str
    before: str = ""
    part: str = ""
    behind: str = ""


def _shown(fault: Fault, asked: Asked) -> Shown:
    path = fault.path or fault.pointer.strip("/").replace("/", ".")
    place, _, index = path.partition(".")
    if place != "cron":
        return Shown(place=path, message=NAMES if place == "name" else fault.message)
    expressions = asked.entry["cron"]
    expression = expressions[int(index)] if isinstance(expressions, list) and index.isdigit() else asked.expression
    named = [number for number, name in enumerate(FIELDS) if fault.message.startswith(f"{name} ")]
    fields = expression.split()
    if not named or named[0] >= len(fields):
        return Shown(place=place, message=fault.message)
    (number,) = named
    before, behind = " ".join(fields[:number]), " ".join(fields[number + 1 :])
    return Shown(place=place, message=fault.message, before=before, part=fields[number], behind=behind)


@cache
def zones() -> Sequence[str]:
    """Name the zones that there are, for the list to choose from."""
    return sorted(name for name in available_timezones() if name != "localtime")
