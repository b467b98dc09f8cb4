"""Runs are followed to their end: what became of each is told, once, over restarts."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.engine.night import SECOND, Night, followed
from worker.demo.zenml import DemoServer
from worker.demo.zenml.shapes import PROJECT_ID
from worker.domain.errors import NotFound
from worker.engine import watcher

EVERY = """
- name: s
  pipeline: training
  every: 1s
  max_runs: 1
"""

LONG = """
  config:
    steps: {model_trainer: {parameters: {seconds: 600}}}
"""


@pytest.fixture
def demo(request: pytest.FixtureRequest) -> Iterator[DemoServer]:
    """A demo server of a version, where a test asks for one."""
    with DemoServer(capacity=None, failure_rate=0, **getattr(request, "param", {})) as server:
        yield server


def asked(n: Night, line: str = "GET /api/v1/runs") -> int:
    return sum(count for asked, count in n.demo.state.requests.items() if asked.startswith(line))


def test_a_run_is_followed_to_its_end(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(EVERY)
        (started,) = await n.started()
        n.end(started["run_id"])
        (result,) = await n.results()
        assert (result.fate, result.run_id, result.trigger) == ("completed", started["run_id"], started["trigger"])
        (outcome,) = await n.outcomes("completed")
        assert outcome["schedule"] == "s"
        assert (await n.engine.triggers.get([started["trigger"]]))[0]["state"] == "completed"
        (entry,) = await n.ledger()
        assert entry["decision"] == "fired"
        assert [run["fate"] for run in entry["runs"]] == ["completed"]
        assert await n.engine.following.count() == 0
        assert await n.engine.results.going() == {}
        await n.quiet()
        assert len(await n.outcomes("completed")) == 1

    night(body)


def test_a_run_that_fails_says_why(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(EVERY)
        (started,) = await n.started()
        n.end(started["run_id"], "failed", "out of memory")
        (result,) = await n.results()
        assert result.fate == "failed"
        (outcome,) = await n.outcomes("failed")
        assert outcome["reason"] == "out of memory"

    night(body)


def test_a_run_that_was_deleted_has_vanished(night: Any, monkeypatch: Any) -> None:
    async def body(n: Night) -> None:
        n.define(EVERY)
        (started,) = await n.started()
        n.demo.state.runs.remove(n.demo.state.runs.get(UUID(started["run_id"])))
        (result,) = await n.results()
        assert result.fate == "vanished"
        assert await n.outcomes("vanished")

    monkeypatch.setattr("worker.engine.looking.GRACE", 0 * SECOND)
    monkeypatch.setattr("worker.engine.pace.SOONEST_CHECK", SECOND)
    night(body)


def test_that_a_run_is_under_way_is_told_once(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(EVERY)
        (started,) = await n.started()
        (running,) = await n.until(lambda: n.outcomes("running"))
        assert (running["run_id"], running["schedule"]) == (started["run_id"], "s")
        n.restart()
        await n.quiet()
        assert len(await n.outcomes("running")) == 1

    night(body)


def test_a_run_that_never_gets_off_the_ground_is_stuck(night: Any) -> None:
    async def body(n: Night) -> None:
        n.demo.faults.add("stays_initializing", match="POST .*/runs$")
        n.define(EVERY)
        (result,) = await n.results()
        assert result.fate == "stuck"
        (outcome,) = await n.outcomes("stuck")
        assert "did not leave initializing for 0:00:01" in outcome["reason"]
        (entry,) = await n.ledger()
        assert [(run["fate"], run["run"]) for run in entry["runs"]] == [("stuck", result.run_id)]
        assert not await n.outcomes("running")

    night(body, ZENBEAT_START_TIMEOUT="1")


def test_why_a_run_failed_is_waited_for(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(EVERY)
        (started,) = await n.started()
        n.end(started["run_id"], "failed", reason=None)
        await n.until(lambda: _status(n, started, "failed"))
        await n.quiet()
        assert not await n.outcomes("failed"), "the changes of the last seconds are read again and again"
        run = n.demo.state.runs.get(UUID(started["run_id"]))
        assert run is not None
        run.course = replace(run.course, reason="out of memory")
        await n.results()
        assert [each["reason"] for each in await n.outcomes("failed")] == ["out of memory"]

    night(body)


def test_a_run_that_failed_without_a_reason_is_told_though_nothing_changes_any_more(
    night: Any, monkeypatch: Any
) -> None:
    async def body(n: Night) -> None:
        n.define(EVERY)
        (started,) = await n.started()
        n.end(started["run_id"], "failed", reason=None)
        await n.until(lambda: _status(n, started, "failed"))
        await n.engine.following.seen(started_project(n), n.engine.clock() + timedelta(hours=1))
        (result,) = await n.results()
        assert result.fate == "failed"
        assert "no reason" in (await n.outcomes("failed"))[0]["reason"]

    night(body)


async def _status(n: Night, started: dict[str, str], status: str) -> bool:
    (fields,) = await n.engine.triggers.get([started["trigger"]])
    return fields["run_status"] == status


def started_project(n: Night) -> str:
    return str(PROJECT_ID)


@pytest.mark.parametrize("away", [False, True])
def test_a_run_that_ends_while_no_beat_is_there_is_found_at_once(away: bool, night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(EVERY)
        (started,) = await n.started()
        await n.until(lambda: n.outcomes("running"))
        n.end(started["run_id"])
        if away:  # for a day, so that much else has changed
            await n.engine.redis.hset(n.engine.following.keys.feed, started_project(n), 1)
        n.restart()
        await n.engine.redis.zadd(n.engine.following.keys.following, {started["trigger"]: 0}, xx=True)
        await n.step()
        await n.step()
        assert [each["run_id"] for each in await n.outcomes("completed")] == [started["run_id"]]
        assert len(await n.results()) == 1

    night(body)


def test_a_run_that_ended_before_its_start_was_on_record_is_found_at_once(night: Any) -> None:
    """A worker died between answer and record; meanwhile the changes went on."""

    async def body(n: Night) -> None:
        (run,) = await followed(n, 1)
        await n.engine.following.seen(started_project(n), n.engine.clock() + timedelta(hours=1))
        n.end(str(run.id))
        await n.duties.look(n.fence)
        assert len(await n.outcomes("completed")) == 1

    night(body)


@pytest.mark.parametrize("together", [True, False], ids=["in one second", "one after the other"])
def test_more_than_a_page_of_changes_at_one_time(together: bool, night: Any) -> None:
    count = 1100

    async def body(n: Night) -> None:
        runs = await followed(n, count)
        now = n.engine.clock()
        for number, run in enumerate(runs):
            moment = now - timedelta(seconds=30) + (0 if together else number) * timedelta(milliseconds=20)
            run.created = moment
            run.course = run.course.finish(moment, "completed", None)
        await n.engine.following.seen(started_project(n), now - timedelta(seconds=31))
        async with asyncio.timeout(60):
            while await n.engine.following.count():
                await n.duties.look(n.fence)
                await asyncio.sleep(0.05)
        ends = Counter(outcome["run_id"] for outcome in await _all_outcomes(n, "completed"))
        assert ends == Counter(str(run.id) for run in runs)
        assert await n.engine.following.count() == 0

    night(body)


async def _all_outcomes(n: Night, status: str) -> list[dict[str, str]]:
    return [each for each in await n.engine.outcomes.newest(10_000) if each["status"] == status]


def test_a_server_that_is_away_is_told_once_and_following_goes_on(night: Any, caplog: Any) -> None:
    async def body(n: Night) -> None:
        n.define(EVERY)
        (started,) = await n.started()
        n.demo.faults.add("status", match="GET .*/runs", times=1000)
        look = n.duties._watcher
        for _ in range(3):
            await n.engine.redis.zadd(n.engine.following.keys.following, {started["trigger"]: 0}, xx=True)
            assert not await look._watched(n.fence)
        assert look.rest(well=False) <= 60
        told = [record for record in caplog.records if "cannot be followed" in str(getattr(record, "reason", ""))]
        assert len(told) == 1
        n.demo.faults.clear()
        n.end(started["run_id"])
        await n.results()

    with caplog.at_level(logging.INFO):
        night(body)


def test_a_project_that_is_gone_takes_its_runs_along_and_nobody_elses(night: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("worker.engine.looking.GRACE", 0 * SECOND)
    monkeypatch.setattr("worker.engine.pace.SOONEST_CHECK", SECOND)

    async def body(n: Night) -> None:
        theirs, ours = await followed(n, 2)
        gone = str(uuid4())
        for key in await n.engine.redis.keys("zenbeat:trigger:*"):
            if await n.engine.redis.hget(key, "run_id") == str(theirs.id).encode():
                await n.engine.redis.hset(key, "run_project", gone)
        n.end(str(ours.id))
        with pytest.raises(NotFound, match="project"):
            await n.duties.look(n.fence)
        assert [each["run_id"] for each in await n.outcomes("completed")] == [str(ours.id)]
        async with asyncio.timeout(30):
            while not await _vanished(n):
                await asyncio.sleep(0.05)

    night(body)


async def _vanished(n: Night) -> list[dict[str, str]]:
    with suppress(NotFound):  # of the project
        await n.duties.look(n.fence)
    return await n.outcomes("vanished")


@pytest.mark.parametrize(
    "demo", [{"version": version} for version in ("0.63.0", "0.75.1", "0.85.0")], indirect=True, ids=str
)
def test_older_servers(demo: DemoServer, night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(EVERY + LONG)
        (started,) = await n.started()
        await n.until(lambda: n.outcomes("running"))
        n.end(started["run_id"], "failed", "so")
        (result,) = await n.results()
        assert (result.fate, result.run_id) == ("failed", started["run_id"])
        assert len(await n.engine.redis.hgetall(n.engine.following.keys.feed)) == 1

    night(body)


def test_a_round_asks_for_few_things_however_many_runs_there_are(night: Any) -> None:
    async def body(n: Night) -> None:
        for run in await followed(n, 1000):
            # They are under way: the demo must not show them changing while it lists them.
            begun = run.created - timedelta(minutes=1)
            run.created, run.course = begun, replace(run.course, provisioning=begun, running=begun)
        await n.duties.look(n.fence)
        before = asked(n)
        await n.engine.redis.hset(n.engine.following.keys.feed, started_project(n), 1)
        for key in await n.engine.redis.zrange(n.engine.following.keys.following, 0, -1):
            await n.engine.redis.zadd(n.engine.following.keys.following, {key: 0}, xx=True)
        await n.duties.look(n.fence)
        pages = watcher.MOST_PAGES * watcher.MOST_CHANGED // 100
        assert asked(n) - before <= 2 * pages + 1

    night(body)


def test_the_server_is_left_alone_for_longer_than_it_took(night: Any, monkeypatch: Any) -> None:
    async def body(n: Night) -> None:
        await followed(n, 3)
        look = n.duties._watcher
        answer = look._zenml.changed_runs
        moment = [0.0]
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "time", lambda: moment[0])

        async def slow(*arguments: Any, **more: Any) -> Any:
            moment[0] += 0.5
            return await answer(*arguments, **more)

        monkeypatch.setattr(look._zenml, "changed_runs", slow)
        await look.round(n.fence)
        monkeypatch.undo()
        assert look.rest(well=True) == watcher.CALM * 0.5
        look._took = 4
        assert (look.rest(well=True), look.rest(well=False)) == (20, 60)
        await n.engine.redis.delete(n.engine.following.keys.following)
        await look.round(n.fence)
        assert look.rest(well=True) == 1

    night(body)


def test_an_end_is_not_waited_for_until_its_run_is_due(night: Any, monkeypatch: Any) -> None:
    """What changed is one question for all runs of a project: it is asked also while no run is due for a look."""
    monkeypatch.setattr("worker.engine.watcher.REGULARLY", SECOND)

    async def body(n: Night) -> None:
        (run,) = await followed(n, 1)
        await n.duties.look(n.fence)
        await n.engine.redis.zadd(n.engine.following.keys.following, dict.fromkeys(await _ids(n), 9000000000000000.0))
        n.end(str(run.id))
        await n.until(lambda: n.outcomes("completed"))

    night(body)


async def _ids(n: Night) -> list[bytes]:
    found: list[bytes] = await n.engine.redis.zrange(n.engine.following.keys.following, 0, -1)
    return found


def test_a_pipeline_that_is_not_there_keeps_nobody_from_being_followed_and_is_hardly_asked_for(night: Any) -> None:
    waiting = "".join(
        f"\n- name: after-{name}\n  pipeline: training\n  after: {{pipeline: {name}}}"
        for name in ("nowhere", "scoring")
    )

    async def body(n: Night) -> None:
        n.define(EVERY + waiting + "\n")
        (started,) = await n.started()
        before = asked(n, "GET /api/v1/pipelines")
        n.end(started["run_id"])
        await n.results()
        await n.quiet(10)
        assert asked(n, "GET /api/v1/pipelines") == before

    night(body)
