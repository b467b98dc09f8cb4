"""The page of one schedule: how it stands, its past, its future, its config beside the body of a run."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.api.door import Door
from tests.web.pasts import considered, decide, end, ran
from tests.web.visitor import Visitor, text_of
from worker.domain.alert import AlertKind
from worker.domain.pause import Pause
from worker.domain.results import Result
from worker.engine import byhand
from worker.engine.newsweeps import fired_identity
from worker.store.alerts import Incident
from worker.store.booked import written
from worker.store.items import Item

FILE = """\
schedules:
  - name: nightly
    pipeline: training
    template: production
    cron: "30 2 * * *"
    timezone: Europe/Berlin
    catchup_window: 6h
    overlap: skip
    deadline: "06:00"
    priority: 7
    retry: {max_attempts: 3, run: {max_attempts: 2}}
    config:
      steps: {trainer: {parameters: {day: "{{ fire_time | date('%Y-%m-%d') }}", note: "<script>alert(1)</script>"}}}
  - {name: report, pipeline: etl, after: {schedule: nightly}, config: {tags: ["{{ upstream.run_name }}"]}}
  - {name: often, pipeline: scoring, every: 1m, jitter: 10s}
  - {name: sums, pipeline: etl, every: 1h, config: {tags: ["{{ 1 // (fire_time.hour - 13) }}"]}}
"""

SWEEP = """\
sweeps:
  - {name: rates, pipeline: training, method: grid, cron: "0 1 * * *", parameters: {lr: {values: [1, 2]}}}
"""

DAY = timedelta(days=1)
NIGHT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
"""02:30 in Berlin."""

HERE = "/schedules/nightly"


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> Path:
    (tmp_path / "s.yaml").write_text(FILE)
    return tmp_path


def test_its_definition_is_told_in_words_with_file_and_line(door: Callable[..., None], tmp_path: Path) -> None:
    async def body(opened: Door) -> None:
        page = await Visitor(opened).see(HERE)
        told = text_of(page)
        for words in (
            "When every day at 02:30, Berlin time 30 2 * * *",
            "Europe/Berlin",
            "the newest that was due while nobody looked is made up for, if not older than 6h",
            "Catch-up window 6h; a start that waits for longer is given up",
            "while a run is going on, nothing is started",
            "3 attempts",
            "2 runs in all if failed",
            "has to be completed by 06:00",
            "Priority 7",
            "Run template production",
            f"Defined in {tmp_path / 's.yaml'}:2",
        ):
            assert words in told
        assert 'Followed by</dt><dd><a href="/schedules/report">' in page
        follower = await Visitor(opened).see("/schedules/report")
        assert 'after <a href="/schedules/nightly">nightly</a> (completed)' in follower.replace("&#x20;", " ")
        assert "Catch-up window 1m, by default" in text_of(await Visitor(opened).see("/schedules/often"))

    door(body)


def test_one_made_over_the_api_says_who_changed_it(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        made = {"name": "mine", "pipeline": "training", "every": "1h"}
        key = await opened.key("admin", name="ada")
        async with opened.client(key=key) as http:
            assert (await http.post("/api/v1/schedules", json=made)).status_code == 201
        visitor = Visitor(opened)
        await visitor.log_in(key)
        told = text_of(await visitor.see("/schedules/mine"))
        assert "Defined in api:mine" in told
        assert re.search(r"Changed \S+ \S+ UTC by ada, over the API", told)

    door(body)


def test_the_ledger_tells_decision_reason_and_what_became_of_the_run(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        engine = opened.engine
        trigger = await ran(engine, "nightly", NIGHT, "failed", reason="<b>no</b> data")
        await decide(engine, "nightly", NIGHT + DAY, "skipped_overlap", reason="a run was going on")
        page = await Visitor(opened).see(HERE)
        told = text_of(page)
        assert "Mon 2026-03-02 02:30:00 CET" in told
        assert '<time datetime="2026-03-02T01:30:00Z"' in page
        assert "✗ failed <b>no</b> data 1m30s < 1s" in told
        assert "– skipped overlap a run was going on" in told
        assert f'href="/triggers/{trigger}"' in page
        only = text_of(await Visitor(opened).see(f"{HERE}?decision=skipped_overlap"))
        ledger = only[only.index("Ledger:") :]
        assert "a run was going on" in ledger
        assert "1 on record as skipped overlap" in ledger
        assert "no</b> data" not in ledger
        nothing = text_of(await Visitor(opened).see(f"{HERE}?decision=expired"))
        assert "There is no such decision on record" in nothing

    door(body)


def test_the_ledger_comes_in_pages(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        for number in range(52):
            await decide(opened.engine, "often", NIGHT + number * timedelta(minutes=1), "missed_downtime")
        visitor = Visitor(opened)
        first = await visitor.see("/schedules/often")
        assert "52 on record" in first
        assert "Mon 2026-03-02 02:21:00 UTC" in first
        assert "Mon 2026-03-02 01:31:00 UTC" not in first[first.index('id="ledger"') :]
        link = re.search(r'href="([^"]+)" rel="next"', first)
        assert link
        older = await visitor.see(link[1].replace("&amp;", "&"))
        assert older.count("Mon 2026-03-02") == 2
        assert 'rel="next"' not in older
        assert "data-news" not in older[older.index('id="ledger"') :], "an older page is not asked for again"
        await visitor.see("/schedules/often?cursor=nonsense", status=404)

    door(body)


def test_a_fire_time_without_a_decision_is_an_alarm(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        revision = (await opened.context.book.read()).named["nightly"].revision
        await considered(opened.engine, "nightly", revision, NIGHT - timedelta(hours=1), NIGHT + 2 * DAY)
        await ran(opened.engine, "nightly", NIGHT)
        await ran(opened.engine, "nightly", NIGHT + 2 * DAY)
        told = text_of(await Visitor(opened).see(HERE))
        assert "1 fire time was considered, and has no decision on record" in told
        assert "Tue 2026-03-03 02:30:00 CET" in told
        await decide(opened.engine, "nightly", NIGHT + DAY, "skipped_paused")
        assert "no decision on record" not in text_of(await Visitor(opened).see(HERE))

    door(body)


def test_why_it_is_paused_failing_or_late_is_said(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        engine = opened.engine
        now = engine.clock()
        visitor = Visitor(opened)
        for number in range(3):
            await ran(engine, "nightly", NIGHT + number * DAY, "failed", reason=f"bad luck {number}")
        late = Incident(kind=AlertKind.LATE, schedule="nightly", since=now, reason="no run completed by 06:00")
        await engine.triggers.record([Item(commands=[engine.alerts.keep(late)])])
        told = text_of(await visitor.see(HERE))
        assert "✗ failing" in told
        assert "Its last 3 runs failed, the last because: bad luck 2" in told
        assert "no run completed by 06:00" in told
        await byhand.pause(engine, "nightly", Pause(since=now, by="ada", why="the data is late"), [])
        told = text_of(await visitor.see(HERE))
        assert "‖ paused" in told
        assert "by ada, until somebody resumes it: the data is late" in told
        assert "Next paused" in told
        assert "/schedules/nightly/resume" in await visitor.see(HERE)

    door(body)


def test_what_never_had_a_run_is_failing_for_the_reason_of_its_decision(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        for number in range(3):
            fire = NIGHT + number * DAY
            await decide(opened.engine, "nightly", fire, "rejected", reason="no such pipeline", trigger=f"t{number}")
            await end(opened.engine, "nightly", Result(trigger=f"t{number}", fate="dead", ended=fire, fire_time=fire))
        assert "the last because: no such pipeline" in text_of(await Visitor(opened).see(HERE))

    door(body)


def test_what_cannot_be_used_shows_its_faults_and_its_past(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        row = written({"name": "mine", "pipeline": "training", "every": "soon"}, created="", changed="", by="ada")
        assert await opened.engine.booked.put("mine", row, "", [])
        await ran(opened.engine, "mine", NIGHT)
        told = text_of(await Visitor(opened).see("/schedules/mine"))
        assert "✗ broken file" in told
        assert "It cannot be used as it is, and starts nothing" in told
        assert '"soon" is not a length of time' in told
        assert "Mon 2026-03-02 01:30:00 UTC" in told
        assert "Backfill" not in told

    door(body)


def test_a_broken_file_leaves_the_last_good_version_and_says_so(door: Callable[..., None], files: Path) -> None:
    async def body(opened: Door) -> None:
        await Visitor(opened).see(HERE)
        (files / "s.yaml").write_text(FILE.replace("pipeline: scoring", "pipline: scoring"))
        told = text_of(await Visitor(opened).see(HERE))
        assert "the last good version of it goes on" in told
        assert "pipline" in told
        assert "30 2 * * *" in told

    door(body)


def test_one_that_was_deleted_is_what_its_ledger_has(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        await ran(opened.engine, "gone", NIGHT, "failed", reason="bad luck")
        page = await Visitor(opened).see("/schedules/gone")
        told = text_of(page)
        assert "There is no such schedule any more; this is what is on record." in told
        assert "bad luck" in told
        assert "Backfill" not in told
        assert "/schedules/gone/pause" not in page
        unknown = text_of(await Visitor(opened).see("/schedules/nightli", status=404))
        assert 'did you mean "nightly"' in unknown

    door(body)


def test_the_body_is_rendered_for_the_fire_time_that_is_chosen(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        following = (await opened.http.get("/api/v1/schedules/nightly/fires?count=1")).json()["items"][0]["local"]
        default = await visitor.see(HERE)
        assert f"day: &#39;{following[:10]}&#39;" in default
        assert "day: &#39;{{ fire_time | date(" in default
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in default
        assert "<script>alert" not in default
        chosen = await visitor.see(f"{HERE}?fire=2026-03-02T01:30:00%2B00:00")
        assert "day: &#39;2026-03-02&#39;" in chosen
        assert "run_name: nightly-20260302T013000Z-" in chosen
        assert "is no fire time" not in chosen
        typed = await visitor.see(f"{HERE}?fire=2026-03-02T01:30:00%2B00:00&at=2026-03-04T00:15")
        assert "day: &#39;2026-03-04&#39;" in typed
        assert 'value="2026-03-04T00:15"' not in typed, "the next choice counts"
        assert "Wed 2026-03-04 00:15:00 CET is no fire time of this schedule" in text_of(typed)

    door(body)


def test_a_fault_of_rendering_is_shown_with_its_place(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        told = text_of(await visitor.see("/schedules/sums?at=2026-03-02T13:00"))
        assert "tags.0: the expression fails" in told
        assert "Ledger" in told
        assert "- '-1'" not in told
        wrong = text_of(await visitor.see(f"{HERE}?at=tomorrow"))
        assert '"tomorrow" is not a time' in wrong
        assert 'name="at" value="tomorrow"' in await visitor.see(f"{HERE}?at=tomorrow")
        follower = text_of(await visitor.see("/schedules/report"))
        assert "zenbeat knows of none that completed" in follower

    door(body)


def test_the_fire_times_to_come_are_told_with_jitter(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        told = text_of(await Visitor(opened).see("/schedules/often"))
        assert re.search(r"\+ (< )?\d+s jitter", told)
        assert "It is due when what it follows has ended" in text_of(await Visitor(opened).see("/schedules/report"))

    door(body)


def test_a_schedule_that_starts_sweeps_leads_to_them(door: Callable[..., None], files: Path) -> None:
    async def body(opened: Door) -> None:
        (files / "w.yaml").write_text(SWEEP)
        schedule = (await opened.context.book.read()).named["rates"]
        await decide(opened.engine, "rates", NIGHT)
        page = await Visitor(opened).see("/schedules/rates")
        assert f'href="/sweeps/{fired_identity(schedule, NIGHT)}"' in page
        told = text_of(page)
        assert "a sweep, its trials by grid" in told
        assert "this is the body of its first trial" in told
        assert "Run now" not in told

    door(body)


def test_a_part_is_asked_for_again_alone(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        await ran(opened.engine, "nightly", NIGHT)
        page = await Visitor(opened).see(HERE)
        assert 'data-live="/live?schedule=nightly"' in page
        for part, within, without in (("standing", 'id="standing"', "Ledger"), ("ledger", 'id="ledger"', "standing")):
            assert f'hx-get="/schedules/nightly?part={part}' in page
            answer = await opened.http.get(f"{HERE}?part={part}", headers={"hx-request": "true"})
            assert answer.text.strip().startswith("<section")
            assert within in answer.text
            assert without not in answer.text

    door(body)


def test_what_may_not_be_done_is_not_offered(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        assert "Run now" in text_of(await Visitor(opened).see(HERE))
        visitor = Visitor(opened)
        await visitor.log_in(await opened.key("read"))
        told = text_of(await visitor.see(HERE))
        assert not {"Run now", "Pause", "Backfill"} & set(re.findall("Run now|Pause|Backfill", told))

    door(body)


@pytest.mark.parametrize(("apart", "title"), [(timedelta(minutes=1), "by the hour"), (DAY, "by the day")])
def test_the_map_is_by_hour_or_by_day(door: Callable[..., None], apart: timedelta, title: str) -> None:
    async def body(opened: Door) -> None:
        now = opened.engine.clock().replace(microsecond=0)
        for number in range(4):
            await ran(opened.engine, "nightly", now - number * apart, "failed" if number == 2 else "completed")
        told: Any = await Visitor(opened).see(HERE)
        assert title in told
        assert "3 completed, 1 failed, from" in told

    door(body)
