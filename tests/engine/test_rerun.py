"""A run that failed is started again: the same run once more, and one result in the end."""

from typing import Any

import pytest

from tests.engine.night import Night
from worker.domain.trigger import Origin
from worker.engine.planner import for_request
from worker.store.codec import decode_trigger
from worker.store.items import Entry

pytestmark = pytest.mark.usefixtures("brisk")


def schedule(run: str = "max_attempts: 3, initial: 50ms", **more: str) -> str:
    lines = ["- name: s", "  pipeline: training", "  every: 1s", f"  retry: {{run: {{{run}}}}}"]
    return "\n".join([*lines, *(f"  {key}: {value}" for key, value in more.items()), ""])


FOLLOWER = """
- name: f
  pipeline: scoring
  after: {schedule: s, on: [failed]}
"""


def test_the_same_run_is_started_again_and_only_the_last_one_counts(night: Any) -> None:
    async def body(n: Night) -> None:
        config = "{tags: [{name: mine}, plain], steps: {model_trainer: {parameters: {lr: 0.3}}}}"
        n.define(schedule(max_runs="1", pause_after="1", notify="{to: 'https://a.example/'}", config=config) + FOLLOWER)
        (first,) = await n.started()
        n.end(first["run_id"], "failed", "out of memory")
        second = (await n.started(count=2))[1]
        (retrying,) = await n.outcomes("retrying")
        assert retrying["reason"] == "out of memory; run 2 of 3 follows"
        assert retrying["trigger"] == second["trigger"] != first["trigger"]
        assert second["fire_time"] == first["fire_time"]
        assert second["run_name"] != first["run_name"]
        assert second["run_name"].rpartition("-")[0] == first["run_name"].rpartition("-")[0]
        assert await n.engine.results.newest("s") == []
        assert not await n.letters()
        assert await n.engine.pauses.all() == {}
        n.end(second["run_id"], "failed", "out of memory again")
        third = (await n.started(count=3))[2]
        n.end(third["run_id"], "failed", "out of disk")
        (result,) = await n.results()
        assert (result.fate, result.runs, result.trigger) == ("failed", 3, third["trigger"])
        (entry,) = await n.ledger()
        chain = [(run["trigger"], run["run"], run["fate"], run["reason"]) for run in entry["runs"]]
        reasons = ("out of memory", "out of memory again", "out of disk")
        triples = zip((first, second, third), reasons, strict=True)
        assert chain == [(one["trigger"], one["run_id"], "failed", why) for one, why in triples]
        assert (entry["decision"], entry["trigger"]) == ("fired", first["trigger"])
        (letter,) = await n.letters("failure")
        assert letter.alert.reason == "out of disk (after 3 runs)"
        assert (await n.engine.pauses.all())["s"].cause == "failures"
        (after,) = await n.started("f")
        assert third["run_id"] in (await n.ledger("f"))[0]["reason"]
        assert n.run(after["run_id"]).pipeline == "scoring"
        await n.quiet()
        assert len(await n.outcomes("started")) == 4
        _same_but_the_name(n, [first, second, third])

    night(body)


def _same_but_the_name(n: Night, runs: list[dict[str, str]]) -> None:
    bodies = [dict(n.run(run["run_id"]).configuration) for run in runs]
    for body, run in zip(bodies, runs, strict=True):
        assert body.pop("run_name") == run["run_name"]
        body["tags"].remove(f"zenbeat:trigger={run['trigger']}")
    assert bodies[0] == bodies[1] == bodies[2]
    assert list(bodies[0]) == list(bodies[1])
    assert bodies[0]["tags"] == [{"name": "mine"}, "plain", "zenbeat", "zenbeat:schedule=s"]


def test_it_keeps_its_schedule_busy_until_its_delay_has_passed(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule("max_attempts: 2, initial: 2s", overlap="skip"))
        (first,) = await n.started()
        n.end(first["run_id"], "failed")
        (again,) = await n.until(lambda: n.outcomes("retrying"))
        (state,) = await n.engine.triggers.get([again["trigger"]])
        trigger = decode_trigger(state["data"].encode())
        ended = (await n.engine.triggers.get([first["trigger"]]))[0]["run_ended"]
        wait = trigger.due.timestamp() * 1000 - float(ended)
        assert 990 <= wait <= 2_500
        second = (await n.started(count=2))[1]
        assert second["trigger"] == again["trigger"]
        fires = await n.ledger()
        reasons = [entry["reason"] for entry in fires if entry["decision"] == "skipped_overlap"]
        assert any(again["trigger"] in reason for reason in reasons), reasons
        assert [entry["decision"] for entry in fires].count("fired") == 1
        n.end(second["run_id"])
        (result,) = await n.results()
        assert (result.fate, result.runs) == ("completed", 2)
        assert not await n.outcomes("dead")

    night(body)


@pytest.mark.parametrize(("on", "end", "again"), [("stopped", "stopped", True), ("stopped", "failed", False)])
def test_only_the_ends_that_are_named_are_tried_again(on: str, end: str, again: bool, night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule(f"max_attempts: 2, initial: 50ms, on: {on}", max_runs="1"))
        (first,) = await n.started()
        n.end(first["run_id"], end)
        if again:
            assert len(await n.started(count=2)) == 2
        else:
            assert (await n.results())[0].runs == 1

    night(body)


def test_a_run_that_got_stuck_has_failed(night: Any) -> None:
    async def body(n: Night) -> None:
        n.demo.faults.add("stays_initializing", match="POST .*/runs")
        n.define(schedule("max_attempts: 2, initial: 50ms", max_runs="1"))
        second = (await n.started(count=2))[1]
        n.end(second["run_id"])
        (result,) = await n.results()
        assert (result.fate, result.runs) == ("completed", 2)
        assert [run["fate"] for run in (await n.ledger())[0]["runs"]] == ["stuck", "completed"]

    night(body, ZENBEAT_START_TIMEOUT="0.3")


def test_a_run_that_made_way_is_not_tried_again(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule("max_attempts: 2, initial: 50ms, on: [failed, stopped]", overlap="cancel_other"))
        (first,) = await n.started()
        (result,) = await n.results()
        assert (result.run_id, result.fate, result.runs) == (first["run_id"], "stopped", 1)
        assert not await n.outcomes("retrying")

    night(body)


def test_a_second_try_that_makes_way_leaves_the_failure_as_the_result(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule("max_attempts: 2, initial: 1h, max: 1h", overlap="cancel_other", max_runs="2"))
        (first,) = await n.started()
        n.end(first["run_id"], "failed", "out of memory")
        second = (await n.started(count=2))[1]
        (result,) = await n.results()
        assert (result.fate, result.run_id, result.runs) == ("failed", first["run_id"], 1)
        entries = await n.ledger()
        assert [entry["decision"] for entry in entries] == ["fired", "fired"]
        n.end(second["run_id"])
        await n.results(count=2)
        await n.until(n.engine.pauses.all)
        assert len(await n.outcomes("started")) == 2, "the one that failed has had its run"

    night(body)


def test_a_post_that_fails_is_another_attempt_of_the_same_run(night: Any) -> None:
    async def body(n: Night) -> None:
        n.demo.faults.add("status", status=502, match="POST .*/runs", times=2)
        n.define(schedule(max_runs="1").replace("{run:", "{initial: 10ms, run:"))
        (first,) = await n.started()
        assert first["attempts"] != "1"
        n.end(first["run_id"])
        assert (await n.results())[0].runs == 1
        assert len(n.demo.state.runs) == 1
        assert len({each["trigger"] for each in await n.outcomes("retrying")}) == 1

    night(body)


def test_a_second_try_that_cannot_be_started_is_the_end(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule("max_attempts: 3, initial: 50ms", max_runs="1"))
        (first,) = await n.started()
        n.demo.faults.add("status", status=400, body={"detail": ["ValueError", "no"]}, match="POST .*/runs", times=9)
        n.end(first["run_id"], "failed")
        (result,) = await n.results()
        assert (result.fate, result.runs) == ("dead", 2)

    night(body)


def test_what_a_person_asked_for_is_tried_again_too(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule("max_attempts: 2, initial: 50ms").replace("every: 1s", "at: 2030-01-01T00:00Z"))
        await n.step()
        (known,) = n.scheduler.definitions.schedules
        keys = ("k~1", "k~2")
        for key in keys:
            asked = for_request(
                Origin.CLI, key, known.target, due=await n.now(), run_retry=known.run_retry, schedule="s"
            )
            await n.write(entries=[Entry(trigger=asked)])
        for started in await n.started(count=2):
            n.end(started["run_id"], "failed")
        for started in (await n.started(count=4))[2:]:
            n.end(started["run_id"])
        results = await n.results(count=2)
        assert [(result.fate, result.runs, result.fire_time) for result in results] == [("completed", 2, None)] * 2
        assert await n.ledger() == []

    night(body)


def _count(n: Night, count: int) -> Any:
    async def enough() -> list[dict[str, str]]:
        found = await n.outcomes("started")
        return found if len(found) >= count else []

    return enough
