"""Run now, pause, resume: one schedule or those that are ticked, by forms that need no script."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.door import Door
from tests.web.visitor import Visitor, text_of
from worker.domain.pause import Pause, PauseCause
from worker.domain.schedule import CatchUp
from worker.engine.byhand import made_up_for
from worker.store.booked import written
from worker.store.cursors import Cursor
from worker.store.items import Item
from worker.web.scheduleticks import MOST

FILE = """\
schedules:
  - name: nightly
    pipeline: training
    template: production
    cron: "0 2 * * *"
    timezone: Europe/Berlin
    overlap: skip
    config: {tags: ["{{ fire_time | date('%Y') }}"]}
  - {name: hourly, pipeline: scoring, every: 1h, catchup: all, catchup_window: 1d}
  - {name: follower, pipeline: etl, after: {schedule: nightly}}
  - {name: ended, pipeline: etl, every: 1h, end_time: 2020-01-01}
  - {name: taker, pipeline: etl, after: {schedule: nightly}, config: {tags: ["{{ upstream.run_id }}"]}}
sweeps:
  - {name: grid, pipeline: training, method: grid, cron: "0 1 * * *", parameters: {lr: {values: [1, 2]}}}
"""

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(FILE)


async def audited(door: Door) -> list[Any]:
    return [each for each in await door.engine.audit.newest(100) if each.action.startswith("schedule.")][::-1]


async def write(door: Door, *commands: Any) -> None:
    await door.engine.triggers.record([Item(commands=list(commands))])


async def hold(door: Door, name: str, hours: float = 5, **about: Any) -> Pause:
    """Pause a schedule that long ago, with its cursor there."""
    now = door.engine.clock()
    pause = Pause(since=now - timedelta(hours=hours), by="ada", **about)
    schedule = (await door.context.book.read()).named[name]
    cursor = Cursor(at=pause.since, revision=schedule.revision, taken=1)
    await write(door, door.engine.pauses.begin(name, pause), ("HSET", door.engine.keys.cursors, name, cursor.form()))
    return pause


def fields_of(html: str) -> dict[str, str]:
    """Give the hidden fields of a form."""
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', html))


# --- run now


def test_run_now_tells_what_it_starts_and_a_double_click_is_one_run(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        page = await visitor.see("/schedules/nightly/run")
        said = text_of(page)
        assert "Pipeline training From the run template production" in said
        assert "Neither a pause nor overlap: skip keeps it back" in said
        assert f"- '{datetime.now(UTC).year}'" in page.replace("&#39;", "'"), "the configuration, rendered"
        assert not await opened.engine.results.going(), "to look starts nothing"
        fields = fields_of(page)
        first, again = [await visitor.http.post("/schedules/nightly/run", data=fields) for _ in range(2)]
        assert first.status_code == again.status_code == 303
        assert first.headers["location"] == again.headers["location"]
        trigger = first.headers["location"].removeprefix("/triggers/")
        assert (await opened.trigger(trigger))["schedule"] == "nightly"
        assert await opened.engine.results.going() == {"nightly": [trigger]}
        assert [each.action for each in await audited(opened)] == ["schedule.run"]
        assert fields_of(await visitor.see("/schedules/nightly/run"))["key"] != fields["key"]

    door(body)


def test_run_now_says_that_it_is_paused_or_running(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        await hold(opened, "nightly")
        assert "It is paused: this run starts all the same" in text_of(await visitor.see("/schedules/nightly/run"))
        answer = await visitor.send("/schedules/nightly/run", "/schedules/nightly/run")
        assert answer.status_code == 303
        assert "1 of its runs is going on" in text_of(await visitor.see("/schedules/nightly/run"))

    door(body)


@pytest.mark.parametrize(("name", "why"), [("grid", "is a sweep"), ("taker", "knows of none that completed")])
def test_what_cannot_be_run_is_not_offered(name: str, why: str, door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        page = await visitor.see(f"/schedules/{name}/run")
        assert why in text_of(page)
        assert "<form class" not in page
        answer = await visitor.send("/schedules/nightly/run", f"/schedules/{name}/run")
        assert (answer.status_code, why in text_of(answer.text)) == (422, True)
        assert not await audited(opened)

    door(body)


# --- pause


def test_a_pause_tells_what_it_skips_and_is_told_with_its_note(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        said = text_of(await visitor.see("/schedules/nightly/pause"))
        assert "Until, Berlin time" in said
        assert "Skipped is everything from now on" in said
        assert "02:00:00 CE" in said
        answer = await visitor.send(
            "/schedules/nightly/pause", "/schedules/nightly/pause", why=SCRIPT, until="2060-01-02T08:00"
        )
        assert (answer.status_code, answer.headers["location"]) == (303, "/schedules/nightly")
        pause = await opened.engine.pauses.get("nightly")
        assert pause is not None
        assert (pause.why, pause.until) == (SCRIPT, datetime(2060, 1, 2, 7, tzinfo=UTC)), "on the clock of its zone"
        (entry,) = await audited(opened)
        assert (entry.action, entry.what, entry.reason) == ("schedule.pause", "nightly", SCRIPT)
        assert json.loads(entry.after)["next_fires"][0].startswith("2060-01-03")
        page = await visitor.see("/schedules")
        assert SCRIPT not in page
        assert "by api: <script>alert(1)</script>" in text_of(page)
        again = await visitor.see("/schedules/nightly/pause")
        assert 'value="2060-01-02T08:00"' in again
        assert "Change the pause of nightly" in text_of(again)
        assert SCRIPT not in again

    door(body)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"until": "soon"}, "is not a time"),
        ({"until": "2020-01-01T00:00"}, "Until has passed"),
        ({"why": "x" * 1001}, "1000"),
    ],
)
def test_what_is_wrong_with_a_pause_is_told_with_what_was_typed(
    fields: dict[str, str], told: str, door: Callable[..., None]
) -> None:
    async def body(opened: Door) -> None:
        answer = await Visitor(opened).send("/schedules/nightly/pause", "/schedules/nightly/pause", **fields)
        assert (answer.status_code, told in text_of(answer.text)) == (422, True), text_of(answer.text)
        assert all(f'value="{typed}"' in answer.text for typed in fields.values())
        assert await opened.engine.pauses.get("nightly") is None

    door(body)


@pytest.mark.parametrize(
    ("until", "told"),
    [
        ("2060-01-02T08:00", "At least 300 fire times are skipped"),
        ("2020-01-02T08:00", "Until has passed"),
        ("", "Skipped is everything from now on"),
    ],
)
def test_a_script_asks_what_an_end_would_skip(until: str, told: str, door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        part = {"hx-request": "true"}
        answer = await opened.http.get("/schedules/hourly/pause", params={"until": until}, headers=part)
        assert told in text_of(answer.text)
        assert "<form" not in answer.text

    door(body)


# --- resume


def test_to_resume_tells_what_was_due_and_leaves_it_skipped_or_not(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        held = await hold(opened, "hourly", hours=4.5)
        said = text_of(await visitor.see("/schedules/hourly/resume"))
        missed = len(
            [*(await opened.context.book.read()).named["hourly"].timing.between(held.since, opened.engine.clock())]
        )
        assert f"What was due meanwhile: {missed} fire times" in said
        assert f"{missed} runs start" in said
        answer = await visitor.send("/schedules/hourly/resume", "/schedules/hourly/resume", catchup="no")
        assert answer.headers["location"] == "/schedules/hourly"
        assert await opened.engine.pauses.get("hourly") is None
        assert len(await opened.engine.cursors.ledger("hourly", 10)) == missed, "each has its decision"
        held = await hold(opened, "hourly", hours=4.5)
        await visitor.send("/schedules/hourly/resume", "/schedules/hourly/resume", catchup="yes")
        (cursor,) = (await opened.engine.cursors.some(["hourly"])).values()
        assert abs(cursor.at - held.since) < timedelta(seconds=1), "its policy decides anew from there"
        assert [each.action for each in await audited(opened)] == ["schedule.resume"] * 2

    door(body)


def test_what_would_be_made_up_for_is_what_the_policy_says(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        named = (await opened.context.book.read()).named
        now = datetime(2027, 1, 10, 12, 30, tzinfo=UTC)
        held = Pause(since=now - timedelta(days=3), by="ada")
        cursor = Cursor(at=now - timedelta(minutes=1), revision="r", taken=1)
        by_policy = {
            policy: made_up_for(replace(named["hourly"], catchup=policy), cursor, held, now) for policy in CatchUp
        }
        whole = [now.replace(minute=0) - timedelta(hours=hours) for hours in range(24)][::-1]
        assert by_policy == {CatchUp.NONE: [], CatchUp.LATEST: whole[-1:], CatchUp.ALL: whole}
        assert made_up_for(named["follower"], cursor, held, now) == ()
        assert made_up_for(named["hourly"], None, held, now) == ()

    door(body)


def test_what_has_nothing_to_make_up_for_is_not_asked_about_it(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        await hold(opened, "follower")
        page = await visitor.see("/schedules/follower/resume")
        assert 'name="catchup"' not in page
        assert "what has ended meanwhile starts nothing" in text_of(page)
        assert "nightly is not paused" in text_of(await visitor.see("/schedules/nightly/resume"))
        answer = await visitor.send("/schedules/follower/resume", "/schedules/nightly/resume")
        assert answer.status_code == 303
        assert not await audited(opened)

    door(body)


def test_what_is_at_its_end_cannot_go_on(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        await hold(opened, "ended", cause=PauseCause.END_TIME)
        page = await visitor.see("/schedules/ended/resume")
        assert "ended cannot go on" in text_of(page)
        assert "<form class" not in page
        answer = await visitor.send("/schedules/nightly/pause", "/schedules/ended/resume")
        assert (answer.status_code, "has passed" in text_of(answer.text)) == (422, True)

    door(body)


# --- those that are ticked


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


# --- who may


WAYS = ("run", "pause", "resume")


@pytest.mark.parametrize("way", WAYS)
def test_who_may_only_look_may_not_act(way: str, door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        looker = Visitor(opened)
        await looker.log_in(await opened.key("read"))
        for path in (f"/schedules/nightly/{way}", f"/schedules/-/{way}?name=nightly"):
            await looker.see(path, status=403)
        for path in (f"/schedules/nightly/{way}", f"/schedules/-/{way}"):
            answer = await looker.send("/schedules", path, name="nightly")
            assert answer.status_code == 403
        assert not await audited(opened)
        assert not await opened.engine.pauses.all()

    door(body)


def test_who_may_start_a_pipeline_may_run_its_schedules_alone(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        starter = Visitor(opened)
        await starter.log_in(await opened.key("trigger:training", name="ci"))
        answer = await starter.send("/schedules/nightly/run", "/schedules/nightly/run")
        assert answer.status_code == 303
        (entry,) = await audited(opened)
        assert (entry.action, entry.who) == ("schedule.run", "ci")
        await starter.see("/schedules/hourly/run", status=403)
        await starter.see("/schedules/nightly/pause", status=403)

    door(body)


@pytest.mark.parametrize("way", WAYS)
def test_a_name_that_there_is_not_is_told(way: str, door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        said = text_of(await Visitor(opened).see(f"/schedules/nightli/{way}", status=404))
        assert 'did you mean "nightly"' in said

    door(body)
