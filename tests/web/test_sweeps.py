"""Sweeps and backfills on pages: the list, and one of them."""

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from tests.api.door import Door
from tests.web.sown import LR, MODEL, NASTY, backfilled, begun, completed, ended, failed, half
from tests.web.visitor import Visitor, text_of
from worker.engine import trialexport
from worker.engine.definitions import Backfill

FIRES = [datetime(2026, 3, day, 2, tzinfo=UTC) for day in range(1, 5)]


def test_the_list_says_what_to_do_before_there_is_any(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        said = text_of(await Visitor(opened).see("/sweeps"))
        assert "No sweep was begun yet" in said
        assert "zenbeat sweep run" in said

    door(body)


def test_the_list_has_what_goes_on_first_and_its_best(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        engine = opened.engine
        going = await half(engine)
        through = await begun(engine, name="done", run_cap=1)
        await ended(engine, through, [completed(1, accuracy=0.5)])
        page = await Visitor(opened).see("/sweeps")
        assert page.index(f"/sweeps/{going}") < page.index(f"/sweeps/{through}")
        said = text_of(page)
        assert "20 of 40" in said
        assert "✗ 2" in said
        assert "accuracy 0.85" in said
        assert re.search(r'<progress value="20" max="40"', page)
        for query, shown, hidden in (
            ("active=yes", going, through),
            ("active=no", through, going),
            ("name=done", through, going),
        ):
            filtered = await Visitor(opened).see(f"/sweeps?{query}&kind=")
            assert shown in filtered
            assert hidden not in filtered
        assert "No sweep or backfill is like that" in await Visitor(opened).see("/sweeps?kind=backfill")

    door(body)


def test_the_list_goes_on_in_pages(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        for number in range(27):
            identity = await begun(opened.engine, key=f"k{number}", run_cap=1)
            await ended(opened.engine, identity, [completed(1, accuracy=0.5)])
        visitor = Visitor(opened)
        first = await visitor.see("/sweeps?active=no")
        following = re.search(r'href="(/sweeps\?[^"]+)" rel="next"', first)
        assert following
        second = await visitor.see(following[1].replace("&amp;", "&"))
        ids = [re.findall(r'id="sweep-([^"]+)"', page) for page in (first, second)]
        assert [len(found) for found in ids] == [25, 2]
        assert len({*ids[0], *ids[1]}) == 27

    door(body)


def test_a_sweep_tells_how_far_it_is_what_came_of_it_and_what_it_cost(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        identity = await half(opened.engine, early_terminate={"type": "median"}, budget={"hours": 2})
        page = await Visitor(opened).see(f"/sweeps/{identity}")
        said = text_of(page)
        assert "20 of 40" in said
        assert "Best accuracy 0.85 trial 5, to maximize" in said
        assert "17 min 20 runs" in said
        assert "It ends when accuracy reaches 0.99" in said
        assert "It ends after 2 h of run time" in said
        assert "1 was stopped so far" in said
        assert "20 · planned" in said
        assert 'title="trial 18: failed"' in page
        assert page.count('class="lost"') == 2
        assert "accuracy over 17 trials: the best is 0.85, of trial 5 (to maximize); the target is 0.99" in said
        assert f'data-live="/live?sweep={identity}"' in page

    door(body)


def test_what_came_of_trials_stays_text(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        identity = await half(opened.engine)
        await ended(opened.engine, identity, [failed(21, reason=NASTY), failed(22, reason="x")], 23)
        url = 'javascript:alert("1")'
        broken = completed(23, accuracy=0.1)
        await ended(
            opened.engine, identity, [type(broken)(number=23, fate="completed", metrics=broken.metrics, url=url)]
        )
        page = await Visitor(opened).see(f"/sweeps/{identity}")
        assert NASTY not in page
        assert text_of(page).count(NASTY) >= 3
        assert "javascript:" not in page

    door(body)


def test_trials_are_filtered_and_begin_at_a_number(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        identity = await half(opened.engine)

        async def shown(query: str) -> list[int]:
            table = (await Visitor(opened).see(f"/sweeps/{identity}?{query}")).split('id="trials"')[1]
            return [int(number) for number in re.findall(r'data-trial="(\d+)"', table)]

        assert await shown("state=failed") == [18, 19]
        assert await shown("state=stopped") == [20]
        assert await shown("state=&first=38") == [38, 39, 40]
        assert await shown("state=completed&first=16") == [16, 17]
        assert await shown("first=nonsense") == list(range(1, 41))
        assert "There are no such trials" in await Visitor(opened).see(f"/sweeps/{identity}?state=running")

    door(body)


def test_a_part_is_given_alone_to_the_script_that_asks_for_it(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        identity = await half(opened.engine)
        visitor = Visitor(opened)
        visitor.http.headers["hx-request"] = "true"
        now = await visitor.see(f"/sweeps/{identity}?part=now")
        assert now.lstrip().startswith('<div id="now"')
        assert "<html" not in now
        importance = await visitor.see(f"/sweeps/{identity}?part=importance")
        assert importance.lstrip().startswith('<section class="card" id="importance"')
        assert "hx-trigger" not in importance
        listed = await visitor.see("/sweeps")
        assert listed.lstrip().startswith('<div id="list"')

    door(body)


def test_importance_is_told_or_why_not(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        many = await half(opened.engine)
        said = text_of(await Visitor(opened).see(f"/sweeps/{many}?part=importance"))
        assert re.search(r"model_type \d\.\d\d", said)
        for more, why in (
            ({"name": "few"}, "that needs 5 completed trials with the metric; there are 0"),
            ({"name": "bare", "metric": None}, "the sweep has no metric"),
            ({"name": "one", "parameters": {LR: {"min": 0.1, "max": 0.2}}}, "there is only one parameter"),
        ):
            identity = await begun(opened.engine, **more)
            assert why in text_of(await Visitor(opened).see(f"/sweeps/{identity}?part=importance"))

    door(body)


def test_importance_says_that_a_metric_that_never_differs_tells_nothing(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        identity = await begun(opened.engine)
        await ended(opened.engine, identity, [completed(number, accuracy=0.5) for number in range(1, 7)])
        said = text_of(await Visitor(opened).see(f"/sweeps/{identity}?part=importance"))
        assert "Nothing can be told: importance needs a metric that varies; it is 0.5 in all trials" in said

    door(body)


def test_what_was_left_out_of_a_large_sweep_is_told(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        identity = await begun(opened.engine, run_cap=30_000)
        await ended(opened.engine, identity, [completed(11_000, accuracy=0.1)])
        await opened.engine.redis.hset(opened.engine.keys.sweep(identity), "ended", "enough")  # type: ignore[misc]
        page = await Visitor(opened).see(f"/sweeps/{identity}")
        grid = page.split('<div class="grid')[1].split("</div>")[0]
        assert 'title="trials 1001 to 1010: 10 running"' in grid
        assert 'title="trials 10991 to 11000: 9 running, 1 completed"' in grid
        assert "The newest 10,000 of 11,000 that are recorded" in text_of(page)
        small = await half(opened.engine, name="small", run_cap=2_500)
        await opened.engine.redis.hset(opened.engine.keys.sweep(small), "ended", "enough")  # type: ignore[misc]
        assert 'title="trials 22 to 24: 3 left out"' in await Visitor(opened).see(f"/sweeps/{small}")

    door(body)


def test_several_metrics_have_a_front(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        metrics = [{"name": "loss", "goal": "minimize"}, {"name": "latency", "goal": "minimize"}]
        identity = await begun(opened.engine, metric=None, metrics=metrics)
        values = [(0.1, 9.0), (0.2, 5.0), (0.3, 6.0), (0.4, 1.0)]
        results = [completed(number, loss=loss, latency=late) for number, (loss, late) in enumerate(values, 1)]
        await ended(opened.engine, identity, results)
        page = await Visitor(opened).see(f"/sweeps/{identity}")
        said = text_of(page)
        assert "latency over loss" in said
        assert "3 of them no other beats" in said
        front = page.split('id="best"')[1].split("</table>")[0]
        assert re.findall(r'data-trial="(\d+)"', front) == ["1", "2", "4"]

    door(body)


def test_the_script_gets_places_on_axes(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        identity = await half(opened.engine)
        answer = await opened.http.get(f"/sweeps/{identity}/trials.json?state=failed")
        told = answer.json()
        assert [trial["trial"] for trial in told["trials"]] == [18, 19]
        told = (await opened.http.get(f"/sweeps/{identity}/trials.json")).json()
        assert [(axis["name"], axis["kind"]) for axis in told["axes"]] == [
            ("lr", "log"),
            ("model_type", "category"),
            ("accuracy", "value"),
        ]
        assert set(told["axes"][1]["values"]) == {"rf", NASTY}
        assert (told["goal"], told["metric"]) == ("maximize", 2)
        assert told["trials"][0]["at"][2] == pytest.approx(0.35)
        assert told["trials"][17]["at"][2] is None

    door(body)


def test_all_trials_and_the_definition_are_taken_along(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        identity = await half(opened.engine)
        answer = await opened.http.get(f"/sweeps/{identity}/trials.csv")
        assert answer.headers["content-disposition"] == f'attachment; filename="rates-{identity[:8]}.csv"'
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert [row["trial"] for row in rows] == [str(number) for number in range(1, 41)]
        assert rows[0]["metrics.accuracy"] == "0.35"
        lines = (await opened.http.get(f"/sweeps/{identity}/trials.jsonl")).text.splitlines()
        assert json.loads(lines[17])["status"] == "failed"
        parquet = pytest.importorskip("pyarrow.parquet")
        content = (await opened.http.get(f"/sweeps/{identity}/trials.parquet")).content
        assert parquet.read_table(io.BytesIO(content))["trial"].to_pylist() == list(range(1, 41))
        assert (await opened.http.get(f"/sweeps/{identity}/trials.xlsx")).status_code == 404
        written = yaml.safe_load((await opened.http.get(f"/sweeps/{identity}/definition.yaml")).text)
        (entry,) = written["sweeps"]
        assert (entry["pipeline"], entry["run_cap"], entry["parameters"][MODEL]["values"][1]) == ("training", 40, NASTY)

    door(body)


def test_parquet_is_not_offered_without_pyarrow(door: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trialexport, "find_spec", lambda _: None)

    async def body(opened: Door) -> None:
        identity = await half(opened.engine)
        page = await Visitor(opened).see(f"/sweeps/{identity}")
        assert "trials.parquet" not in page
        assert "Parquet needs pyarrow" in text_of(page)

    door(body)


def test_a_backfill_has_fire_times_in_place_of_parameters(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        identity = await backfilled(opened.engine, Backfill(schedule="nightly", fires=FIRES, priority=-10))
        await ended(opened.engine, identity, [completed(1), failed(2)])
        page = await Visitor(opened).see(f"/sweeps/{identity}")
        said = text_of(page)
        assert "backfill of nightly" in said
        assert "2026-03-02 02:00:00 UTC" in said
        assert "echarts" not in page
        assert "importance" not in page
        assert (await opened.http.get(f"/sweeps/{identity}/definition.yaml")).status_code == 404

    door(body)


def test_trials_of_a_large_sweep_are_shown_in_stretches(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        identity = await begun(opened.engine, run_cap=5_000)
        await ended(opened.engine, identity, [completed(1, accuracy=0.1), failed(2)], 7)
        page = await Visitor(opened).see(f"/sweeps/{identity}")
        grid = page.split('<div class="grid')[1].split("</div>")[0]
        assert grid.count("title=") == 1_000
        assert 'title="trials 1 to 5: 1 failed, 3 running, 1 completed"' in grid
        assert 'title="trials 6 to 10: 1 running, 4 planned"' in grid
        table = page.split('id="trials"')[1]
        assert table.count("data-trial=") == 500
        assert f'href="/sweeps/{identity}?first=501#trials"' in table

    door(body)


def test_echarts_is_loaded_where_it_draws_and_nowhere_else(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        identity = await half(opened.engine)
        visitor = Visitor(opened)
        assert "echarts.min.js" in await visitor.see(f"/sweeps/{identity}")
        for path in ("/", "/sweeps", "/sweeps/new", "/cron"):
            assert "echarts" not in await visitor.see(path)

    door(body)


def test_who_may_only_trigger_a_pipeline_sees_its_sweeps_and_no_others(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        own, other = await half(opened.engine), await begun(opened.engine, name="other", pipeline="scoring")
        visitor = Visitor(opened)
        await visitor.log_in(await opened.key("trigger:training"))
        assert "Pause" not in text_of(await visitor.see(f"/sweeps/{own}"))
        for path in ("", "/trials.json", "/trials.csv", "/definition.yaml"):
            assert (await visitor.http.get(f"/sweeps/{other}{path}")).status_code == 404
        await visitor.see("/sweeps", status=403)
        await visitor.see("/sweeps/nobody", status=404)

    door(body)


def test_what_ended_before_its_last_trial_says_why(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        identity = await half(opened.engine)
        row = await opened.engine.sweeps.get(identity)
        assert row is not None
        from_now: Any = opened.engine.clock() + timedelta(minutes=1)
        await opened.engine.redis.hset(  # type: ignore[misc]
            opened.engine.keys.sweep(identity),
            mapping={"ended": f"trial 5 reached {NASTY}", "finished": round(from_now.timestamp() * 1000)},
        )
        page = await Visitor(opened).see(f"/sweeps/{identity}")
        assert f"It ended before its last trial: trial 5 reached {NASTY}" in text_of(page)
        assert "20 – left out" in text_of(page)
        assert "Took 1 min" in text_of(page).replace("60 s", "1 min")

    door(body)
