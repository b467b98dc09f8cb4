"""Schedules that follow others: which ends start them, each once."""

import asyncio
from datetime import timedelta
from typing import Any

import orjson
import pytest

from tests.engine.night import Night
from worker.demo.zenml.catalogue import demo_id

pytestmark = pytest.mark.usefixtures("brisk")

NEVER = "at: 2030-01-01T00:00Z"


def upstream(name: str = "s", pipeline: str = "training", when: str = "every: 1s\n  max_runs: 1", **more: str) -> str:
    lines = [f"- name: {name}", f"  pipeline: {pipeline}", f"  {when}", *(f"  {k}: {v}" for k, v in more.items())]
    return "\n".join([*lines, ""])


def follower(after: str, name: str = "f", **more: str) -> str:
    return upstream(name, "scoring", f"after: {after}", **more)


SEEN = (
    "{steps: {scorer: {parameters: {data_date: '{{ upstream.run_id }} {{ upstream.status }} {{ upstream.schedule }}"
    " {{ upstream.fire_time | string }} {{ upstreams | length }}'}}}}"
)


def said(n: Night, started: dict[str, str]) -> str:
    parameters = n.run(started["run_id"]).configuration["steps"]["scorer"]["parameters"]
    return str(parameters["data_date"])


def test_it_starts_when_the_run_has_ended_as_it_wants_and_knows_of_it(night: Any) -> None:
    async def body(n: Night) -> None:
        failed = follower("{schedule: s, on: [failed, stopped]}", "g")
        n.define(upstream() + follower("{schedule: s}", config=SEEN) + failed + follower("{schedule: f}", "h"))
        (first,) = await n.started()
        await n.quiet(3)
        assert await n.ledger("f") == [], "not before the end"
        n.end(first["run_id"])
        (after,) = await n.started("f")
        words = said(n, after)
        assert words.startswith(f"{first['run_id']} completed s ")
        assert words.endswith(" 1")
        (entry,) = await n.ledger("f")
        assert entry["decision"] == "fired"
        assert entry["reason"] == f"after run {first['run_id']} of schedule s (completed)"
        n.end(after["run_id"])
        (last,) = await n.started("h")
        assert after["run_id"] in (await n.ledger("h"))[0]["reason"]
        assert last["origin"] == "event"
        assert await n.ledger("g") == []

    night(body)


def test_a_run_that_never_started_has_failed(night: Any) -> None:
    async def body(n: Night) -> None:
        n.demo.faults.add("status", status=400, body={"detail": ["ValueError", "no"]}, match="POST .*/runs", times=1)
        n.define(upstream() + follower("{schedule: s, on: failed}", config=SEEN))
        (after,) = await n.started("f")
        (dead,) = await n.outcomes("dead")
        assert said(n, after).startswith(f"{dead['trigger']} dead s ")
        assert len(n.demo.state.runs) == 1

    night(body)


@pytest.mark.parametrize("name", ["training", str(demo_id("pipeline", "training"))])
def test_a_pipeline_is_followed_whoever_starts_its_runs(name: str, night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(upstream() + follower(f"{{pipeline: {name}}}"))
        by_hand = await n.other()
        await n.other("etl", "not-mine")
        (ours,) = await n.started()
        n.end(by_hand)
        await n.started("f")
        n.end(ours["run_id"])
        await n.started("f", 2)
        reasons = [entry["reason"] for entry in await n.ledger("f")]
        assert [by_hand in reasons[0], ours["run_id"] in reasons[1]] == [True, True], reasons
        n.end(next(str(run.id) for run in n.demo.state.runs.values() if run.pipeline == "etl"))
        n.demo.state.runs.get(n.run(by_hand).id).touched = n.demo.state.now()  # type: ignore[union-attr]
        n.restart()
        await n.quiet(10)
        assert len(await n.ledger("f")) == 2
        asked = [line for line in n.demo.state.requests if "/pipelines" in line]
        assert sum(n.demo.state.requests[line] for line in asked) <= 8, "it is known by then"

    night(body)


def test_a_run_that_was_only_touched_long_after_its_end_is_no_news(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(follower("{pipeline: training}"))
        old = await n.other()
        run = n.run(old)
        n.end(old)
        long_ago = n.demo.state.now() - timedelta(hours=3)
        run.created, run.course = long_ago, run.course.finish(long_ago, "completed", None)
        await n.quiet()
        run.touched = n.demo.state.now()
        await n.quiet(8)
        assert await n.ledger("f") == []

    night(body)


def test_what_ended_before_it_was_seen_for_the_first_time_is_not_for_it(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(upstream() + follower("{pipeline: training}", "g"))
        by_hand = await n.other()
        (ours,) = await n.started()
        n.end(by_hand)
        n.end(ours["run_id"])
        n.define(follower("{schedule: s}") + follower("{pipeline: training}", "h"), "late")
        await n.started("g", 2)
        await n.quiet(5)
        assert await n.ledger("f") == []
        assert await n.ledger("h") == []
        later = await n.other(name="later")
        n.end(later)
        await n.started("h")

    night(body)


def test_one_end_starts_it_once_however_often_it_is_told(night: Any) -> None:
    async def body(n: Night) -> None:
        both = "{any_of: [{schedule: s}, {pipeline: training}]}"
        config = "{steps: {scorer: {parameters: {data_date: '{{ fire_time | string }}'}}}}"
        n.define(upstream() + follower(both, max_runs="2", config=config))
        (first,) = await n.started()
        n.end(first["run_id"])
        await n.started("f")
        n.restart()
        stale = n.engine.events.add("completed", trigger=first["trigger"])
        await n.write(stale)
        await n.quiet(8)
        assert [entry["decision"] for entry in await n.ledger("f")] == ["fired"]
        n.end(await n.other())
        await n.started("f", 2)

    night(body)


def test_an_event_that_two_have_read_is_seen_to_once(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(upstream(notify="{to: 'https://a.example/'}") + follower("{schedule: s, on: failed}"))
        (first,) = await n.started()
        n.end(first["run_id"], "failed")
        await n.duties.look(n.fence)
        events = await n.until(lambda: n.engine.events.oldest(10))
        other = Night(n._flow, n._directory)
        await other.scheduler.tick(await n.now(), n.fence)
        await asyncio.gather(n.mind(await n.now()), other.mind(await n.now()))
        assert events[0].id not in [event.id for event in await n.engine.events.oldest(10)]
        await n.started("f")
        await n.quiet()
        await other.duties.close()
        assert len(await n.engine.results.newest("s")) == 1
        assert len(await n.letters("failure")) == 1
        assert len(await n.ledger("f")) == 1

    night(body)


def test_fifty_ends_at_once_are_fifty_decisions(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(follower("{pipeline: training}"))
        await n.quiet(2)
        ids = [await n.other(name=f"run-{number}") for number in range(50)]
        for identity in ids:
            n.end(identity)
        await n.started("f", 50)
        reasons = [entry["reason"] for entry in await n.ledger("f")]
        assert sorted(reason.split()[2] for reason in reasons) == sorted(ids)

    night(body)


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_all_of_waits_for_the_last_of_them(order: str, night: Any) -> None:
    async def body(n: Night) -> None:
        both = "{all_of: [{schedule: a}, {pipeline: etl, on: [failed]}], window: 1h}"
        n.define(upstream("a"))
        n.define(follower(both, config=SEEN), "f")
        (a,) = await n.started("a")
        b = await n.other("etl")
        ends = {"a": lambda: n.end(a["run_id"]), "b": lambda: n.end(b, "failed")}
        ends[order[0]]()
        await n.until(n.engine.joins.all)
        assert await n.ledger("f") == []
        n.restart()
        ends[order[1]]()
        (after,) = await n.started("f")
        last = f"{a['run_id']} completed a " if order == "ba" else f"{b} failed "
        assert said(n, after).startswith(last)
        assert said(n, after).endswith(" 2")
        assert await n.engine.joins.all() == {}

    night(body)


def test_all_of_gives_up_when_its_window_has_passed(night: Any) -> None:
    async def body(n: Night) -> None:
        both = "{all_of: [{schedule: a}, {pipeline: etl}], window: 1h}"
        n.define(upstream("a") + follower(both, notify="{to: 'https://a.example/'}"))
        (a,) = await n.started("a")
        n.end(a["run_id"])
        await n.until(n.engine.joins.all)
        await n.mind(await n.now() + timedelta(minutes=59))
        assert await n.engine.joins.all()
        for minutes in (61, 62):
            await n.mind(await n.now() + timedelta(minutes=minutes))
        (entry,) = await n.ledger("f")
        assert entry["decision"] == "expired"
        assert "nothing of pipeline etl within 1h" in entry["reason"]
        (outcome,) = await n.outcomes("missed")
        assert (outcome["decision"], outcome["schedule"]) == ("expired", "f")
        (letter,) = await n.letters("missed")
        assert letter.alert.reason == entry["reason"]
        n.end(await n.other("etl"))
        await n.quiet()
        assert len(await n.ledger("f")) == 1, "it begins anew"

    night(body)


def test_what_ended_too_long_before_the_others_does_not_count(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(upstream("a") + follower("{all_of: [{schedule: a}, {pipeline: etl}], window: 1h}"))
        await n.quiet(1)
        seen = {"schedule": None, "fire_time": None, "pipeline": "etl", "status": "completed", "run_name": "r"}
        now = await n.now()
        for index, hours in ((0, 5), (1, 3)):  # the one that ended first is noticed last
            plain = {**seen, "run_id": f"r{index}", "ended": (now + timedelta(hours=hours)).isoformat()}
            await n.write(
                n.engine.events.add("follow", schedule="f", index=index, upstream=orjson.dumps(plain).decode())
            )
        await n.quiet(2)
        assert await n.ledger("f") == []
        assert list(await n.engine.joins.of("f")) == [0]

    night(body)


def test_what_a_join_has_seen_outlives_a_broken_file(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(upstream("a"))
        n.define(follower("{all_of: [{schedule: a}, {pipeline: etl}]}"), "f")
        (a,) = await n.started("a")
        n.end(a["run_id"])
        await n.until(n.engine.joins.all)
        n.define("- name: f\n  nonsense: 1\n", "f")
        n.restart()
        await n.quiet(2)
        await n.mind(await n.now() + timedelta(seconds=5))
        n.define(follower("{all_of: [{schedule: a}, {pipeline: etl}]}"), "f")
        await n.quiet(2)
        n.end(await n.other("etl"))
        await n.started("f")

    night(body)


def test_a_follower_keeps_its_own_bounds(night: Any) -> None:
    async def body(n: Night) -> None:
        today = (await n.now()).date().isoformat()
        n.define(
            follower("{pipeline: training}", max_runs="1")
            + follower("{pipeline: training}", "early", start_time="2030-01-01T00:00Z")
            + follower("{pipeline: training}", "late", end_time="2020-01-01T00:00Z")
            + follower("{pipeline: training}", "away", skip_dates=f"[{today}]")
            + follower("{pipeline: training}", "paused")
        )
        await n.quiet(1)
        await n.pause("paused")
        for count in (1, 2):
            n.end(await n.other(name=f"run-{count}"))
            await n.fired("f", count)
        decided = {name: [e["decision"] for e in await n.ledger(name)] for name in ("early", "away", "paused", "f")}
        assert decided == {
            "early": ["skipped_calendar"] * 2,
            "away": ["skipped_calendar"] * 2,
            "paused": ["skipped_paused"] * 2,
            "f": ["fired", "skipped_max_runs"],
        }
        assert {entry["decision"] for entry in await n.ledger("late")} <= {"skipped_calendar", "skipped_paused"}
        assert "by ada: a migration" in (await n.ledger("paused"))[0]["reason"]
        await n.resume("paused")
        await n.quiet()
        assert len(await n.ledger("paused")) == 2, "what ended meanwhile is past"

    night(body)


def test_a_pipeline_of_the_same_name_in_another_project_is_another_one(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(upstream() + follower("{pipeline: training}") + follower("{pipeline: training, project: other}", "g"))
        (first,) = await n.started()
        n.end(first["run_id"])
        await n.started("f")
        await n.quiet()
        assert await n.ledger("g") == []

    night(body)
