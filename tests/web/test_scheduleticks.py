"""Run now, pause, resume: those schedules that are ticked, at once."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from tests.api.door import Door
from tests.web.heldschedules import FILE, audited, fields_of, hold
from tests.web.visitor import Visitor, text_of
from worker.domain.pause import PauseCause
from worker.store.booked import written
from worker.web.scheduleticks import MOST


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(FILE)


def ticked(way: str, *names: str) -> str:
    return f"/schedules/-/{way}?{httpx.QueryParams([('name', name) for name in names])}&back=/schedules?q=x"


async def send_ticked(visitor: Visitor, way: str, *names: str, **fields: str) -> httpx.Response:
    page = await visitor.see(ticked(way, *names))
    hidden = [(key, value) for key, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page)]
    body = httpx.QueryParams([*hidden, *fields.items()])
    kind = {"content-type": "application/x-www-form-urlencoded"}
    return await visitor.http.post(f"/schedules/-/{way}", content=str(body), headers=kind)


def test_all_that_are_ticked_are_paused_run_and_resumed_at_once(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        said = text_of(await visitor.see(ticked("pause", "nightly", "hourly", "nightly")))
        assert "Pause 2 schedules" in said
        assert "nightly hourly" in said, "each is named"
        answer = await send_ticked(visitor, "pause", "nightly", "hourly", why="holidays", until="2060-01-02T08:00")
        assert (answer.status_code, answer.headers["location"]) == (303, "/schedules?q=x")
        assert "Paused 2 schedules (nightly, hourly)." in text_of(await visitor.see("/schedules"))
        pauses = await opened.engine.pauses.all()
        assert {name: pause.until for name, pause in pauses.items()} == {
            "nightly": datetime(2060, 1, 2, 7, tzinfo=UTC),
            "hourly": datetime(2060, 1, 2, 8, tzinfo=UTC),
        }, "each on its own clock"
        assert (await send_ticked(visitor, "run", "nightly", "hourly")).status_code == 303
        assert set(await opened.engine.results.going()) == {"nightly", "hourly"}
        answer = await send_ticked(visitor, "resume", "nightly", "hourly", catchup="no")
        assert answer.status_code == 303
        assert not await opened.engine.pauses.all()
        acts = [(each.action, each.what) for each in await audited(opened)]
        assert acts == [
            (f"schedule.{way}", name) for way in ("pause", "run", "resume") for name in ("nightly", "hourly")
        ]

    door(body)


def test_a_form_of_the_ticked_that_is_sent_twice_starts_one_run_of_each(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        page = await visitor.see(ticked("run", "nightly"))
        for _ in range(2):
            assert (await visitor.http.post("/schedules/-/run", data=fields_of(page))).status_code == 303
        assert [len(ids) for ids in (await opened.engine.results.going()).values()] == [1]

    door(body)


def test_what_cannot_be_done_for_one_is_told_and_done_for_the_others(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        said = text_of(await visitor.see(ticked("run", "hourly", "grid", "gone")))
        assert "Left out: grid is a sweep" in said
        assert 'gone there is no schedule "gone"' in said
        answer = await send_ticked(visitor, "run", "hourly", "taker", "grid")
        assert answer.status_code == 422
        said = text_of(answer.text)
        assert "A run of each of hourly is on its way" in said
        assert "taker" in said
        assert set(await opened.engine.results.going()) == {"hourly"}

    door(body)


def test_what_cannot_be_used_or_has_come_to_its_end_is_left_out(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        entry = {"name": "ill", "pipeline": "training", "cron": "nothing"}
        await opened.engine.booked.put("ill", written(entry, created="2026", changed="2026", by="ada"), "")
        await hold(opened, "ended", cause=PauseCause.END_TIME)
        await hold(opened, "hourly")
        assert "Left out: ill cannot be used" in text_of(await visitor.see(ticked("run", "ill", "hourly")))
        said = text_of(await visitor.see(ticked("resume", "ended", "hourly")))
        assert "Left out: ended cannot go on" in said
        assert "Resume hourly" in said
        assert (await send_ticked(visitor, "pause", "ill", why="it is ill")).status_code == 303, "its faults are no bar"

    door(body)


def test_a_fault_in_the_form_pauses_none_of_the_ticked(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        answer = await send_ticked(visitor, "pause", "nightly", "hourly", until="soon", why="&quot;")
        assert (answer.status_code, "is not a time" in text_of(answer.text)) == (422, True)
        assert 'value="nightly"' in answer.text
        assert not await opened.engine.pauses.all()

    door(body)


def test_nothing_ticked_and_too_much_ticked_is_told(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        assert "Nothing is ticked" in text_of(await visitor.see("/schedules/-/pause"))
        assert "nothing to do" in text_of(await visitor.see(ticked("resume", "nightly")))
        many = [f"s{number}" for number in range(MOST + 1)]
        await visitor.see(ticked("pause", *many), status=422)
        answer = await visitor.send("/schedules/nightly/pause", "/schedules/-/pause")
        assert (answer.status_code, "Nothing was done" in text_of(answer.text)) == (422, True)
        led = await visitor.see("/schedules/-/pause?name=nightly&back=//evil.example")
        assert "evil" not in led

    door(body)
