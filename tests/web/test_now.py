"""The page Now: whether all is well, the figures, the timeline, the feed."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.web.visitor import Visitor, text_of
from worker.domain.pause import Pause
from worker.domain.results import Result
from worker.store.codec import milliseconds
from worker.store.items import Item
from worker.web.assets import path_of

FILE = """\
schedules:
  - {name: nightly, pipeline: training, cron: "0 2 * * *", timezone: Europe/Berlin}
  - {name: minutely, pipeline: etl, every: 1m}
"""

WHOLE = 150_000
"""Bytes of the page with everything that it loads."""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "s.yaml").write_text(FILE)
    return tmp_path


async def alive(d: Any) -> None:
    for role in ("beat", "worker"):
        await d.engine.heartbeats.beat(role, f"{role}:1", {"leading": True})


async def write(d: Any, *commands: Any) -> None:
    await d.engine.triggers.record([Item(commands=commands)])


async def failing(d: Any, name: str, reason: str) -> None:
    """Let a schedule fail three times."""
    now = d.engine.clock()
    entry = {"fire_time": now.isoformat(), "decision": "rejected", "reason": reason, "trigger": "t-1"}
    await write(d, ("ZADD", d.engine.keys.ledger(name), milliseconds(now), orjson.dumps(entry).decode()))
    for number in range(3):
        result = Result(trigger=f"t-{number}", fate="failed", ended=now)
        await write(d, *d.engine.results.add(name, result, None))


async def part(d: Any, name: str) -> str:
    answer = await d.http.get(f"/?part={name}", headers={"hx-request": "true"})
    assert answer.status_code == 200
    return str(answer.text)


def test_a_new_installation_says_what_to_do_next(door: Any) -> None:
    async def body(d: Any) -> None:
        told = text_of(await Visitor(d).see("/"))
        assert "Write a schedule file, such as schedules/first.yaml" in told
        assert "zenbeat trigger start" in told
        assert "Nothing has happened yet." in told
        assert "No beat is alive , and no worker is alive ." in told

    door(body)


def test_all_is_well_and_what_is_due_next(door: Any, files: Path) -> None:
    async def body(d: Any) -> None:
        await alive(d)
        told = text_of(await Visitor(d).see("/"))
        assert "All is well." in told
        assert "Schedules that need a look 0 all 2 are well" in told
        assert "Runs going on 0 Triggers waiting 0 Dead letters 0" in told
        assert re.search(r"Next fire (in \d+ s|in 1 min|now) minutely", told)  # now: in its last second
        assert "minutely ○ new" in told
        assert "nightly ○ new" in told

    door(body)


def test_what_is_wrong_comes_first_and_leads_to_what_explains_it(door: Any, files: Path) -> None:
    async def body(d: Any) -> None:
        await failing(d, "nightly", "no pipeline is named training")
        await write(d, ("ZADD", d.engine.keys.dead, 1, "t-1"))
        page = await Visitor(d).see("/")
        told = text_of(page)
        assert (
            "✗ No beat is alive , no worker is alive , 1 schedule is failing , and 1 dead letter waits for somebody ."
            in told
        )
        for place in ("/servers", "/schedules?status=failing", "/dead"):
            assert f'href="{place}"' in page
        assert "need a look 1 1 failing, 1 well" in told
        assert '<a href="/triggers/t-1">no pipeline is named training</a>' in page
        assert page.index("line-nightly") < page.index("line-minutely")

    door(body)


def test_one_that_is_paused_is_counted_and_is_no_trouble(door: Any, files: Path) -> None:
    async def body(d: Any) -> None:
        await alive(d)
        await write(d, d.engine.pauses.begin("nightly", Pause(since=d.engine.clock(), by="ada", why="a migration")))
        told = text_of(await Visitor(d).see("/"))
        assert "All is well; 1 schedule is paused." in told
        assert "need a look 1 1 paused, 1 well" in told
        assert "nightly ‖ paused a migration" in told

    door(body)


def test_faults_of_files_are_told_with_their_places(door: Any, files: Path) -> None:
    async def body(d: Any) -> None:
        faulty = "".join(f"  - {{name: x{number}, pipeline: p, cron: <b>}}\n" for number in range(5))
        (files / "t.yaml").write_text(f"schedules:\n{faulty}")
        page = await Visitor(d).see("/")
        assert 'id="faults"' in page
        assert "t.yaml:2" in text_of(page)
        assert "and 2 more" in text_of(page)
        assert "1 schedule file has faults" in text_of(page)

    door(body)


def test_what_waits_says_what_for(door: Any, files: Path) -> None:
    async def body(d: Any) -> None:
        keys = d.engine.keys
        await write(
            d,
            ("ZADD", keys.ready, 1, "a"),
            ("ZADD", keys.delayed, 1, "b"),
            ("ZADD", keys.held, 1, "c"),
            ("ZADD", keys.inflight, 1, "d"),
            ("ZADD", keys.following, 1, "e"),
            ("HSET", keys.limit, "open", 1, "why", "the login is refused"),
        )
        told = text_of(await Visitor(d).see("/"))
        assert "Runs going on 1 1 more on the way to ZenML" in told
        assert "Triggers waiting 3 1 for their time; 1 for the run before; ZenML is left alone: the login is" in told
        assert "ZenML is left alone for a while" in told

    door(body)


def test_a_row_says_in_a_sentence_what_it_shows(door: Any, files: Path) -> None:
    async def body(d: Any) -> None:
        now = d.engine.clock()
        for hour in range(1, 4):
            at = now - timedelta(hours=hour)
            entry = {"fire_time": at.isoformat(), "decision": "fired", "runs": [{"trigger": "t", "fate": "completed"}]}
            await write(d, ("ZADD", d.engine.keys.ledger("nightly"), milliseconds(at), orjson.dumps(entry).decode()))
        page = await Visitor(d).see("/")
        assert 'role="img" aria-label="nightly, new. In the last 6 hours 3 completed;' in page
        assert page.count("UTC completed</title>") == 3

    door(body)


def test_parts_are_given_by_themselves_to_scripts_alone(door: Any, files: Path) -> None:
    async def body(d: Any) -> None:
        figures, timeline = await part(d, "figures"), await part(d, "timeline")
        assert figures.lstrip().startswith('<div id="figures"')
        assert timeline.lstrip().startswith('<div id="timeline"')
        assert "<html" not in figures + timeline
        assert "<html" in await Visitor(d).see("/?part=figures")
        assert "<h1>Now</h1>" in await part(d, "nothing")

    door(body)


def test_many_who_look_cost_one_read(door: Any, files: Path) -> None:
    async def body(d: Any) -> None:
        first = await part(d, "timeline")
        await failing(d, "nightly", "bad luck")
        assert await part(d, "timeline") == first, "what was read a moment ago is good enough"

    door(body)


def test_whatever_is_told_stays_text(door: Any, files: Path) -> None:
    async def body(d: Any) -> None:
        evil = '<script>alert("x")</script>'
        await failing(d, "nightly", evil)
        await write(d, d.engine.pauses.begin("minutely", Pause(since=d.engine.clock(), by="ada", why=evil)))
        await write(d, d.engine.outcomes.add({"status": "failed", "schedule": evil, "reason": evil}))
        page = await Visitor(d).see("/")
        assert page.count("&lt;script&gt;alert(") >= 4
        assert "<script>alert" not in page

    door(body)


def test_with_a_thousand_schedules_the_page_stays_small(door: Any, tmp_path: Path) -> None:
    async def body(d: Any) -> None:
        names = [f"schedule-with-a-long-name-{number:04}" for number in range(1000)]
        listed = "".join(f"  - {{name: {name}, pipeline: training, every: 90s}}\n" for name in names)
        (tmp_path / "s.yaml").write_text(f"schedules:\n{listed}")
        now = d.engine.clock()
        words = ("failed", "completed", "completed", "stopped")
        commands: list[Any] = []
        for name in names[:40]:
            entries: list[Any] = []
            for number in range(240):
                at = now - timedelta(seconds=90 * number + 5)
                fate = words[number % 4]
                entry = {"fire_time": at.isoformat(), "decision": "fired", "runs": [{"trigger": "t", "fate": fate}]}
                entries += [milliseconds(at), orjson.dumps(entry).decode()]
            commands.append(("ZADD", d.engine.keys.ledger(name), *entries))
            for number in range(50)[::-1]:
                at = now - timedelta(seconds=90 * number + 5)
                fate = "failed" if number < 3 else words[number % 4]
                result = Result(trigger="t", fate=fate, ended=at + timedelta(seconds=170), fire_time=at, seconds=160.0)
                commands += d.engine.results.add(name, result, None)
        await write(d, *commands)
        for number in range(40):
            await write(d, d.engine.outcomes.add({"status": "failed", "schedule": names[number], "reason": "bad " * 9}))
        visitor = Visitor(d)
        page = await visitor.see("/")
        assert "40 schedules are failing" in text_of(page)
        assert "970 more , 10 failing, 960 new" in text_of(page)
        loaded = ("style.css", "now.css", "htmx.min.js", "zenbeat.js", "now.js", "icon.svg")
        sizes = [len((await d.http.get(path_of(each))).content) for each in loaded]
        assert all(path_of(each) in page for each in loaded)
        assert "echarts" not in page
        assert len(page.encode()) + sum(sizes) <= WHOLE, (len(page.encode()), sizes)

    door(body)


def test_those_without_a_line_are_counted(door: Any, tmp_path: Path) -> None:
    async def body(d: Any) -> None:
        listed = "".join(f"  - {{name: s{number}, pipeline: training, every: 1h}}\n" for number in range(40))
        (tmp_path / "s.yaml").write_text(f"schedules:\n{listed}")
        assert "10 more , all well" in text_of(await Visitor(d).see("/"))

    door(body)
