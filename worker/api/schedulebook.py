"""One schedule as the routes need it: its definition, what Redis knows of it, and its tag."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from fastapi import Response

from worker.api.context import Context
from worker.api.etags import etag_of, hash_of
from worker.api.scheduleshapes import ScheduleDetail
from worker.api.scheduleviews import broken_view, detail_of, view_of
from worker.domain.errors import Conflict, Unknown
from worker.domain.nearest import did_you_mean
from worker.domain.schedule import ManagedBy, Schedule
from worker.engine.booking import seen_of
from worker.engine.describing import describe_after, describe_rules, describe_timing
from worker.engine.standings import Seen
from worker.source import Definitions, file_of
from worker.store.booked import Booked


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A schedule, and everything that was read with it."""

    name: str
    definitions: Definitions
    schedule: Schedule | None
    """None if it was made over the API, and cannot be used as it is."""
    row: Booked | None
    """None if a file defines it."""
    seen: Seen
    now: datetime

    @property
    def definition(self) -> str:
        """Give what changes when its definition does."""
        if self.row is not None:
            return self.row.tag
        assert self.schedule is not None  # noqa: S101 - see where it is made
        schedule = self.schedule
        rules = describe_rules(schedule, self.now)
        said = {**rules, "place": "", "catchup_window": str(schedule.catchup_window)}
        return hash_of([said, describe_timing(schedule), describe_after(schedule), schedule.revision])

    @property
    def sound(self) -> Schedule:
        """Give the definition. Raises Conflict if it cannot be used."""
        if self.schedule is None:
            raise Conflict(f"{self.name} cannot be used as it is: {'; '.join(self.faults)}")
        return self.schedule

    @property
    def faults(self) -> list[str]:
        """Give what is wrong with it, where it was made over the API."""
        own = file_of(self.name)
        return [f"{each.path}: {each.message}".lstrip(": ") for each in self.definitions.faults if each.file == own]


async def open_page(context: Context, name: str) -> Page:
    """Read a schedule. Raises Unknown with the nearest name."""
    definitions = await context.book.read()
    schedule, row = definitions.named.get(name), context.book.rows.get(name)
    if schedule is None and row is None:
        raise unknown(definitions, context.book.rows, name)
    if schedule is not None and schedule.managed_by is ManagedBy.FILE:
        row = None
    now = context.engine.clock()
    return Page(
        name=name,
        definitions=definitions,
        schedule=schedule,
        row=row,
        seen=await seen_of(context.engine, name, now),
        now=now,
    )


def unknown(definitions: Definitions, rows: Iterable[str], name: str) -> Unknown:
    """Say that there is no such schedule, with the nearest name."""
    known = {*definitions.named, *rows}
    return Unknown(f'there is no schedule "{name}"{did_you_mean(name, known)}')


async def detail(context: Context, page: Page) -> ScheduleDetail:
    """Make the full form of a schedule."""
    success = (await context.engine.results.last_successes([page.name])).get(page.name)
    if page.schedule is not None:
        view = view_of(page.schedule, page.seen, page.now)
    else:
        assert page.row is not None  # noqa: S101 - there is one or the other
        view = broken_view(page.row, file_of(page.name), page.seen)
    return detail_of(
        view,
        page.schedule,
        row=page.row,
        seen=page.seen,
        success=success,
        faults=page.faults,
        now=page.now,
    )


def answer(shown: ScheduleDetail, page: Page) -> Response:
    """Answer with the full form and its ETag."""
    body = shown.model_dump_json(exclude_none=True)
    etag = etag_of(page.definition, hash_of(body))
    return Response(body, media_type="application/json", headers={"ETag": etag, "Cache-Control": "no-cache"})
