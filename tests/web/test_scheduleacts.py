"""Run now, pause, resume: one schedule, by forms that need no script."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.api.door import Door
from tests.web.heldschedules import FILE, audited, fields_of, hold
from tests.web.visitor import Visitor, text_of
from worker.domain.pause import Pause, PauseCause
from worker.domain.schedule import CatchUp
from worker.engine.byhand import made_up_for
from worker.store.cursors import Cursor

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(FILE)


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
