"""The page Schedules: what there is, what is looked for, and what is told of each."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import QueryParams

from tests.api.door import Door
from tests.web.visitor import Visitor, text_of
from worker.domain.alert import AlertKind
from worker.domain.pause import Pause
from worker.domain.results import Result
from worker.domain.schedule import ManagedBy
from worker.domain.standing import Standing
from worker.engine.schedulelist import PAGE, Sort, Wanted
from worker.store.alerts import Incident
from worker.store.booked import written
from worker.store.items import Item
from worker.web.charts.lateness import HEIGHT, STEP, lateness_of
from worker.web.schedules import address_of, wanted_of

FILE = """\
schedules:
  - name: nightly
    pipeline: training
    cron: "0 2 * * *"
    timezone: Europe/Berlin
    config: {tags: [weekly-report]}
  - {name: hourly, pipeline: scoring, every: 1h}
  - {name: follower, pipeline: etl, after: {schedule: nightly}}
  - {name: over, pipeline: etl, at: 2020-01-01}
"""

PART = {"hx-request": "true", "hx-target": "list"}


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(FILE)


async def write(door: Door, *commands: Any) -> None:
    await door.engine.triggers.record([Item(commands=list(commands))])


def result(fate: str, **about: Any) -> Result:
    return Result(trigger="t-1", fate=fate, ended=datetime(2026, 11, 1, tzinfo=UTC), **about)


def rows_of(html: str) -> list[str]:
    """Give what each row says, by the order of the page."""
    body = html.partition("<tbody>")[2].partition("</tbody>")[0]
    return [text_of(row) for row in body.split("<tr>")[1:]]


def names_of(html: str) -> list[str]:
    return [row.split()[0] for row in rows_of(html)]


def test_each_is_told_in_words_with_its_next_fire_time(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        page = await Visitor(opened).see("/schedules")
        told = dict(zip(names_of(page), rows_of(page), strict=True))
        assert list(told) == ["follower", "hourly", "nightly", "over"]
        assert "every day at 02:00, Berlin time 0 2 * * *" in told["nightly"]
        assert "02:00:00 CE" in told["nightly"], "on the clock of its zone"
        assert "in " in told["hourly"]
        assert "every hour every 1h" in told["hourly"]
        assert "when nightly has completed" in told["follower"]
        assert "when others end" in told["follower"]
        assert "never again" in told["over"]
        assert all("no run yet" in row for row in told.values())
        assert 'href="/schedules/nightly"' in page

    door(body)


def test_why_it_is_paused_failing_or_late_stands_beside_it(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        engine, now = opened.engine, opened.engine.clock()
        until = now + timedelta(days=2)
        pause = Pause(since=now - timedelta(hours=3), by="ada", why="the <b>data</b> is late", until=until)
        failed = [
            command for _ in range(3) for command in engine.results.add("hourly", result("failed", seconds=2), None)
        ]
        late = Incident(kind=AlertKind.LATE, schedule="over", since=now, reason="no success for 26h")
        await write(opened, engine.pauses.begin("nightly", pause), *failed, engine.alerts.keep(late))
        page = await Visitor(opened).see("/schedules")
        told = dict(zip(names_of(page), rows_of(page), strict=True))
        assert "3 h ago by ada: the <b>data</b> is late; until" in told["nightly"]
        assert "<b>" not in page
        assert "failing 3 failures in a row: the last" in told["hourly"]
        assert 'href="/triggers/t-1"' in page
        assert "late no success for 26h" in told["over"]

    door(body)


def test_the_last_runs_their_length_and_lateness_are_drawn_and_said(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        results = opened.engine.results
        commands = [
            command
            for number in range(40)
            for command in results.add("hourly", result("completed", seconds=7, lateness_ms=100 + 50 * number), None)
        ]
        await write(opened, *commands, *results.add("hourly", result("failed", seconds=1), None))
        page = await Visitor(opened).see("/schedules?q=hourly")
        assert 'aria-label="The last 30 runs, the newest last: 29 completed, 1 failed"' in page
        # 29 of the 30: the newest is one that a person asked for.
        assert 'aria-label="How late the last 29 runs started: 1.4 s in the middle, 2.0 s at the worst"' in page
        assert "takes 7s · 1.4 s late, worst 2.0 s" in text_of(page)

    door(body)


def test_a_change_of_the_clocks_near_the_next_fire_is_marked(door: Callable[..., None], tmp_path: Path) -> None:
    change = "{name: forward, pipeline: etl, timezone: Europe/Berlin, at: 2035-03-25T04:00}"
    (tmp_path / "change.yaml").write_text(f"schedules:\n  - {change}\n")

    async def body(opened: Door) -> None:
        (row,) = rows_of(await Visitor(opened).see("/schedules?q=forward"))
        assert "▲ clocks go forward 02:00 → 03:00 on Sun 2035-03-25" in row
        (row,) = rows_of(await Visitor(opened).see("/schedules?q=hourly"))
        assert "clocks" not in row

    door(body)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("q=night", ["follower", "nightly"]),
        ("q=NIGHTLY+berlin", ["nightly"]),
        ("q=weekly-report", ["nightly"]),
        ("q=etl", ["follower", "over"]),
        ("q=every+hour", ["hourly"]),
        ("pipeline=etl", ["follower", "over"]),
        ("pipeline=et", []),
        ("status=paused", ["hourly"]),
        ("status=paused&status=broken+file", ["broken", "hourly"]),
        ("managed_by=api", ["broken"]),
        ("managed_by=&q=&pipeline=&sort=name", ["broken", "follower", "hourly", "nightly", "over"]),
        ("sort=state", ["broken", "hourly", "follower", "nightly", "over"]),
        ("sort=next", ["nightly", "broken", "follower", "hourly", "over"]),
        ("status=nonsense&sort=nonsense&page=-7&managed_by=x", ["broken", "follower", "hourly", "nightly", "over"]),
    ],
)
def test_somebody_looks_for_some_in_an_order(query: str, names: list[str], door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        engine = opened.engine
        paused = Pause(since=engine.clock(), by="ada")
        entry = {"pipeline": "training", "cron": "not a cron"}
        await write(opened, engine.pauses.begin("hourly", paused))
        # The API does not take it: an earlier version may have.
        await engine.booked.put("broken", written(entry, created="2026", changed="2026", by="ada"), "")
        assert names_of(await Visitor(opened).see(f"/schedules?{query}")) == names

    door(body)


def test_what_cannot_be_used_is_there_with_its_place_and_its_fault(door: Callable[..., None], tmp_path: Path) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        await visitor.see("/schedules")
        (tmp_path / "s.yaml").write_text(FILE.replace("0 2 * * *", "0 25 * * *"))
        entry = {"name": "ill", "pipeline": "<i>training</i>", "cron": "nothing"}
        await opened.engine.booked.put("ill", written(entry, created="2026", changed="2026", by="ada"), "")
        await write(opened, ("HSET", opened.engine.keys.cursors, "ill", "1767225600000|r|3"))
        page = await visitor.see("/schedules")
        said = text_of(page)
        assert "2 things are wrong with what is defined in" in said
        assert "s.yaml:4:11: schedules.0.cron" in said, "the folder is not told again and again"
        told = dict(zip(names_of(page), rows_of(page), strict=True))
        assert "broken file api:ill: cron" in told["ill"]
        assert "<i>training</i>" in told["ill"]
        assert "every day at 02:00" in told["nightly"], "the last good version counts"
        assert "▲ its file has faults: s.yaml:2" in told["nightly"]

    door(body)


def test_a_file_that_was_never_good_names_its_schedules_as_far_as_redis_knows_them(
    door: Callable[..., None], tmp_path: Path
) -> None:
    (tmp_path / "s.yaml").write_text(
        "schedules:\n  - name: lost\n    cron: nothing\n  - name: unheard-of\n    cron: no\n"
    )

    (tmp_path / "torn.yaml").write_bytes(b"schedules: [{name: lost\xff}]")

    async def body(opened: Door) -> None:
        engine = opened.engine
        await write(opened, ("HSET", engine.keys.cursors, "lost", "1767225600000|r|3"))
        page = await Visitor(opened).see("/schedules?status=broken+file")
        assert names_of(page) == ["lost"]
        assert "s.yaml" in rows_of(page)[0]
        assert 'action="/schedules/-/' in page

    door(body)


def test_what_was_typed_by_others_stays_text(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        page = await Visitor(opened).see("/schedules?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&pipeline=%3Cb%3E")
        assert "<script>alert" not in page
        assert "No schedule is like that" in page
        assert "<b>" not in page

    door(body)


def test_where_there_are_none_it_says_how_one_is_made(door: Callable[..., None], tmp_path: Path) -> None:
    (tmp_path / "s.yaml").unlink()

    async def body(opened: Door) -> None:
        said = text_of(await Visitor(opened).see("/schedules"))
        assert "There are no schedules yet" in said
        assert "name: nightly-training" in said
        assert str(tmp_path) in said

    door(body)


def test_many_are_shown_a_page_at_a_time(door: Callable[..., None], tmp_path: Path) -> None:
    lines = [f"  - {{name: many-{number:03}, pipeline: etl, every: 1h}}" for number in range(2 * PAGE + 5)]
    (tmp_path / "s.yaml").write_text("schedules:\n" + "\n".join(lines))

    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        first = await visitor.see("/schedules?q=many")
        assert names_of(first) == [f"many-{number:03}" for number in range(PAGE)]
        assert f"{2 * PAGE + 5} schedules, page 1 of 3" in text_of(first)
        assert 'href="/schedules?q=many&amp;page=2" rel="next"' in first
        assert 'rel="prev"' not in first
        last = await visitor.see("/schedules?q=many&page=3")
        assert names_of(last) == [f"many-{number:03}" for number in range(2 * PAGE, 2 * PAGE + 5)]
        assert 'rel="next"' not in last
        assert names_of(await visitor.see("/schedules?q=many&page=99")) == names_of(last)

    door(body)


def test_a_script_gets_the_list_alone_and_the_address_that_shows_it(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        answer = await opened.http.get("/schedules?q=night&status=&sort=name", headers=PART)
        assert answer.text.lstrip().startswith('<section id="list"')
        assert "<form" not in answer.text, "what somebody types stays as it is"
        assert answer.headers["hx-replace-url"] == "/schedules?q=night"
        assert 'hx-get="/schedules?q=night"' in answer.text, "news ask for the same again"
        whole = await opened.http.get("/schedules", headers={**PART, "hx-target": "over"})
        assert 'id="filters"' in whole.text

    door(body)


def test_who_may_only_look_is_offered_no_ticks(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        looker, operator = Visitor(opened), Visitor(opened, opened.client())
        await looker.log_in(await opened.key("read"))
        await operator.log_in(await opened.key("operate", name="ada"))
        page = await looker.see("/schedules")
        assert names_of(page) == ["follower", "hourly", "nightly", "over"]
        assert "/schedules/-/" not in page
        assert 'type="checkbox" form="ticked"' not in page
        assert 'value="nightly" id="tick-nightly"' in await operator.see("/schedules")
        stranger = Visitor(opened, opened.client())
        await stranger.log_in(await opened.key("trigger:*", name="ci-2"))
        await stranger.see("/schedules", status=403)

    door(body)


def test_an_address_says_what_is_looked_for_and_is_read_back() -> None:
    wanted = Wanted(
        text="a b&c",
        standings=frozenset({Standing.PAUSED, Standing.BROKEN}),
        pipeline="p/q",
        managed_by=ManagedBy.API,
        sort=Sort.NEXT,
        page=3,
    )
    assert wanted_of(QueryParams(address_of(wanted, 3).partition("?")[2])) == wanted
    assert address_of(Wanted()) == "/schedules"
    assert wanted_of(QueryParams("page=²")) == Wanted()


def places(path: str) -> list[tuple[float, float]]:
    """Give for each bar the place of the cell that it stands below, and its height."""
    return [(float(left) // STEP, float(high)) for left, high in re.findall(rf"M([\d.]+) {HEIGHT}v-([\d.]+)", path)]


def test_bars_stand_below_the_cells_of_their_runs() -> None:
    chart = lateness_of(
        [result("completed", lateness_ms=0), result("dead"), result("completed", lateness_ms=4_000)],
    )
    assert chart is not None
    assert places(chart.bars) == [(0, HEIGHT), (2, 1)]
    assert chart.sentence == "How late the last 2 runs started: 2.0 s in the middle, 4.0 s at the worst"
    quick = lateness_of([result("completed", lateness_ms=100)])
    assert quick is not None
    ((_, height),) = places(quick.bars)
    assert height < HEIGHT / 5, "a tenth of a second does not fill the chart"
    assert "the last run started" in quick.sentence
    assert lateness_of([result("dead")]) is None
