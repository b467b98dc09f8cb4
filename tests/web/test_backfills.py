"""A backfill, by its page: what would become of each fire time, and its beginning."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.door import Door
from tests.web.pasts import decide
from tests.web.visitor import Visitor, text_of

FILE = """\
schedules:
  - {name: hourly, pipeline: training, every: 1h, timezone: Europe/Berlin, skip_dates: [2026-01-06]}
  - {name: follower, pipeline: etl, after: {schedule: hourly}}
"""

HERE = "/schedules/hourly/backfill"
PREVIEW = f"{HERE}/preview"

NIGHT = {"from": "2026-01-05T00:00", "to": "2026-01-05T05:00"}


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(FILE)


def fields_of(page: str) -> dict[str, str]:
    """Give the hidden fields of the first form."""
    form = page[page.index("<form class") : page.index("</form>", page.index("<form class"))]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))


async def send(visitor: Visitor, path: str, **fields: Any) -> httpx.Response:
    return await visitor.send(HERE, path, **fields)


def test_what_would_become_of_each_fire_time_is_shown_and_then_begun(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        missed = datetime(2026, 1, 5, 1, tzinfo=UTC)
        await decide(opened.engine, "hourly", missed, "missed_downtime", reason="<i>nobody</i> looked")
        shown = await send(visitor, PREVIEW, **NIGHT, order="newest")
        assert shown.status_code == 200
        told = text_of(shown.text)
        assert "6 of 6 fire times run" in told
        assert "Mon 2026-01-05 02:00:00 CET ▶ runs was missed: missed_downtime, <i>nobody</i> looked" in told
        assert told.index("05:00:00") < told.index("04:00:00"), "in the order in which they go"
        assert await opened.engine.sweeps.active() == [], "nothing was started"
        begun = await visitor.http.post(HERE, data=fields_of(shown.text))
        assert begun.status_code == 303
        (row,) = await opened.engine.sweeps.active()
        assert begun.headers["location"] == f"/sweeps/{row.id}"
        assert (row.name, row.total) == ("hourly", 6)
        (entry,) = [each for each in await opened.engine.audit.newest(9) if each.action == "schedule.backfill"]
        assert (entry.what, json.loads(entry.after)["fires"]) == ("hourly", 6)
        again = text_of((await send(visitor, PREVIEW, **NIGHT, order="newest")).text)
        assert "It was begun before, and would go on where it was" in again

    door(body)


def test_what_had_its_run_is_left_out_unless_forced(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        fire = datetime(2026, 1, 4, 23, tzinfo=UTC)
        await decide(opened.engine, "hourly", fire, "coalesced", reason="with the run of 01:00")
        one = {"from": "2026-01-05T00:00", "to": "2026-01-05T00:00"}
        shown = text_of((await send(visitor, PREVIEW, **one)).text)
        assert "0 of 1 fire time run" in shown
        assert "– left out was made up for: with the run of 01:00" in shown
        assert "There is nothing to run." in shown
        assert "Begin it" not in shown
        refused = await send(visitor, HERE, **one)
        assert refused.status_code == 422
        assert "there is nothing to run any more" in text_of(refused.text)
        forced = await send(visitor, PREVIEW, **one, force="yes", key="again")
        assert "1 of 1 fire time runs" in text_of(forced.text)
        begun = await visitor.http.post(HERE, data=fields_of(forced.text))
        assert begun.status_code == 303
        assert "1 of 1 fire time run" in begun.headers["set-cookie"].replace("%20", " ")

    door(body)


def test_an_open_end_is_pinned_to_what_was_looked_at(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        shown = await send(visitor, PREVIEW, **{"from": "2026-11-01"})
        fields = fields_of(shown.text)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", fields["to"])

    door(body)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({}, "from: say where the range begins"),
        ({"from": "yesterday"}, 'from: "yesterday" is not a time'),
        ({"from": "2026-01-05", "to": "2026-01-01"}, "the range ends before it begins"),
        ({"from": "2026-01-05", "max_parallel": "many"}, 'max_parallel: "many" is not a number of runs'),
        ({"from": "2026-01-05", "max_parallel": "0"}, "max_parallel"),
        ({"from": "2026-01-05", "every": "soon"}, 'every: "soon" is not a length of time'),
        ({"from": "2026-01-05", "overlap": "skip"}, "overlap"),
    ],
)
@pytest.mark.parametrize("path", [HERE, PREVIEW])
def test_what_is_wrong_is_said_beside_what_was_typed(
    door: Callable[..., None], path: str, fields: dict[str, str], fault: str
) -> None:
    async def body(opened: Door) -> None:
        answer = await send(Visitor(opened), path, **fields, key='"<b>mine')
        assert answer.status_code == 422
        assert fault in text_of(answer.text)
        assert 'name="key" value="&#34;&lt;b&gt;mine"' in answer.text
        assert await opened.engine.sweeps.active() == []

    door(body)


def test_very_many_have_to_be_meant(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        wide = {"from": "2024-01-01", "to": "2025-06-01"}
        shown = await send(visitor, PREVIEW, **wide)
        told = text_of(shown.text)
        assert "12,431 of 12,431 fire times run" in told
        assert "and 11,931 more" in told
        assert "More than 10,000 fire times are meant" in told
        refused = await visitor.http.post(HERE, data=fields_of(shown.text))
        assert refused.status_code == 422
        assert "say many: true" in text_of(refused.text)
        meant = await visitor.http.post(HERE, data=fields_of(shown.text) | {"many": "yes"})
        assert meant.status_code == 303

    door(body)


def test_its_notes_and_options_are_told(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        week = {"from": "2026-01-05", "to": "2026-01-07", "coalesce": "yes", "every": ""}
        told = text_of((await send(visitor, PREVIEW, **week)).text)
        assert "Left out: 24 fire times on days among skip_dates." in told
        assert "the one run is not told of the range" in told
        assert "is part of the run of" in told
        other = await send(visitor, "/schedules/follower/backfill/preview", **NIGHT)
        assert other.status_code == 422
        assert "has no fire times of its own" in text_of(other.text)
        every = await send(visitor, "/schedules/follower/backfill/preview", **NIGHT, every="1h")
        assert "6 of 6 fire times run" in text_of(every.text)

    door(body)


def test_who_may_not_begin_one_sees_no_form(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        reader = Visitor(opened)
        await reader.log_in(await opened.key("read"))
        await reader.see(HERE, status=403)
        for path in (HERE, PREVIEW):
            answer = await reader.send("/cron", path, **NIGHT)
            assert answer.status_code == 403
        assert await opened.engine.sweeps.active() == []

    door(body)


def test_there_is_none_for_a_schedule_that_there_is_not(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        assert 'did you mean "hourly"' in text_of(await visitor.see("/schedules/hourli/backfill", status=404))
        for way in ("backfill", "backfill/preview"):
            answer = await send(visitor, f"/schedules/hourli/{way}", **NIGHT)
            assert answer.status_code == 404

    door(body)
