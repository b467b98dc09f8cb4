"""A POST may have started the run, or not: it is looked for before anything is sent again."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from worker.demo.zenml import DemoServer
from worker.domain.retry import RetryPolicy
from worker.domain.schedule import Target
from worker.domain.trigger import Origin
from worker.engine.planner import for_request
from worker.engine.runtime import clock
from worker.store.items import Entry, Item

START = "POST .*/runs$"


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset_after_accept"},
        {"kind": "html_200_after_accept"},
        {"kind": "truncated_json"},
        {"kind": "status_after_accept", "status": 502},
        {"kind": "status_after_accept", "status": 429, "body": {"error": "Server too busy. Please try again later."}},
        {"kind": "hang_after_accept", "seconds": 5},
        {"kind": "slow_drip_body", "seconds": 0.5},
    ],
    ids=lambda fault: f"{fault['kind']}-{fault.get('status', '')}",
)
@pytest.mark.parametrize("version", ["0.63.0", "0.75.1", "0.98.0"], ids=lambda version: f"zenml-{version}")
def test_an_answer_that_is_lost_never_makes_a_second_run(fault: dict[str, Any], version: str, flow: Any) -> None:
    async def body(f: Any) -> None:
        identity = await f.ask(config={"steps": {"model_trainer": {"parameters": {"lr": 0.5}}}})
        await f.settle()
        state = await f.state(identity)
        (run,) = server.state.runs.values()
        assert (state["state"], state["run_id"]) == ("started", str(run.id))
        assert server.state.posts == 1, "the run was looked for, not posted again"
        *before, last = await f.statuses()
        assert (set(before), last) == ({"retrying"}, "started")

    # The two older ones do not know the header Idempotency-Key.
    with DemoServer(capacity=None, version=version) as server:
        server.faults.add(match=START, **fault)
        flow(body, ZENML_STORE_URL=server.url, ZENBEAT_HTTP_TIMEOUT="2")


async def impatient(f: Any, attempts: int) -> str:
    """Record a trigger that is tried again at once, but not often; gives its id."""
    target = Target(pipeline="training", template="production")
    policy = RetryPolicy(max_attempts=attempts, initial=timedelta(milliseconds=1))
    trigger = for_request(Origin.CLI, "impatient", target, due=clock(), retry=policy)
    await f.engine.triggers.record([Item(entries=[Entry(trigger=trigger)])])
    return trigger.id


def test_after_the_last_attempt_the_run_is_looked_for_before_it_is_given_up(flow: Any, demo: DemoServer) -> None:
    demo.faults.add("status_after_accept", match=START, status=500)

    async def body(f: Any) -> None:
        identity = await impatient(f, 1)
        await f.settle()
        assert (await f.state(identity))["state"] == "started"
        assert demo.state.posts == 1

    flow(body)


def test_what_the_last_attempt_did_not_start_is_a_dead_letter_that_says_why(flow: Any, demo: DemoServer) -> None:
    demo.faults.add("status", match=START, status=500, body={"detail": "it broke"}, times=5)

    async def body(f: Any) -> None:
        identity = await impatient(f, 1)
        await f.step()
        await f.engine.redis.hincrby(f.engine.keys.trigger(identity), "sent", -19_000)
        await f.settle()
        state = await f.state(identity)
        assert (state["state"], state["code"]) == ("dead", "exhausted")
        assert state["reason"].startswith("no run came of 1 attempt; the last: ZenML failed (500)")
        assert demo.state.posts == 1, "looked for, not sent again"

    flow(body)


def test_a_run_that_was_started_is_found_though_its_template_is_gone(flow: Any, demo: DemoServer) -> None:
    demo.faults.add("reset_after_accept", match=START)

    async def body(f: Any) -> None:
        identity = await f.ask(template="production")
        await f.step()
        demo.state.catalogue.templates.clear()
        await f.engine.resolver.forget("training", "production", None, None)
        await f.settle()
        assert (await f.state(identity))["state"] == "started"

    flow(body)


def test_a_run_that_the_server_takes_back_is_sent_again(flow: Any) -> None:
    """ZenML makes a run's row before it knows whether it has room, and deletes it when it has none."""

    async def body(f: Any) -> None:
        identity = await f.ask()
        async with asyncio.timeout(20):
            while not any(outcome.get("code") == "unsettled" for outcome in await f.engine.outcomes.newest(10)):
                await f.step()
                await asyncio.sleep(0.02)
        (run,) = server.state.runs.values()
        server.state.runs.remove(run)
        await f.settle()
        (again,) = server.state.runs.values()
        assert (again.name, again.id != run.id) == (run.name, True)
        assert (await f.state(identity))["run_id"] == str(again.id)

    # An old one, without Idempotency-Key: with it, the test itself would have to forget the answer.
    with DemoServer(capacity=None, failure_rate=0, submit_seconds=5, version="0.75.1") as server:
        server.faults.add("reset_after_accept", match=START)
        flow(body, ZENML_STORE_URL=server.url)


def test_a_name_that_is_taken_by_a_run_that_is_not_there_is_tried_again(flow: Any, demo: DemoServer) -> None:
    taken = ["EntityExistsError", "Pipeline run name 'x' already exists in this project."]
    demo.faults.add("status", match=START, status=409, body={"detail": taken})

    async def body(f: Any) -> None:
        identity = await f.ask()
        await f.settle()
        assert (await f.state(identity))["state"] == "started"

    flow(body)


@pytest.mark.parametrize("version", ["0.75.1", "0.98.0"], ids=lambda version: f"zenml-{version}")
def test_a_server_that_commits_when_nobody_waits_any_more_has_one_run(version: str, flow: Any) -> None:
    async def body(f: Any) -> None:
        identity = await impatient(f, 5)
        await f.settle()
        known.update(await f.state(identity))

    known: dict[str, str] = {}
    with DemoServer(capacity=None, failure_rate=0, submit_seconds=0.1, version=version) as server:
        server.faults.add("late", match=START, seconds=2)
        flow(body, ZENML_STORE_URL=server.url, ZENBEAT_HTTP_TIMEOUT="1")
    # Its end waits for the late one.
    (run,) = server.state.runs.values()
    assert (known["state"], known["run_id"]) == ("started", str(run.id))
    assert server.state.posts == 2


@pytest.mark.parametrize(
    "fault",
    [{"kind": "status", "status": 503}, {"kind": "reset_before"}, {"kind": "status", "status": 500}],
    ids=lambda fault: f"{fault['kind']}-{fault.get('status', '')}",
)
def test_a_post_that_failed_is_tried_again(fault: dict[str, Any], flow: Any, demo: DemoServer) -> None:
    demo.faults.add(match=START, **fault)

    async def body(f: Any) -> None:
        identity = await f.ask()
        await f.settle()
        assert (await f.state(identity))["state"] == "started"
        assert len(demo.state.runs) == 1

    flow(body)


def test_a_run_that_was_never_queued_makes_room_for_one_that_runs(flow: Any, demo: DemoServer) -> None:
    demo.faults.add("queue_fails", match=START)

    async def body(f: Any) -> None:
        identity = await f.ask()
        await f.settle()
        state = await f.state(identity)
        (run,) = demo.state.runs.values()
        assert (state["state"], state["run_id"]) == ("started", str(run.id))
        assert run.course.reason is None

    flow(body)


def test_a_full_server_that_keeps_the_names_of_what_it_refused(flow: Any) -> None:
    async def body(f: Any) -> None:
        ids = [await f.ask(idempotency_key=f"k{number}") for number in range(6)]
        await f.settle(60)
        states = [await f.state(identity) for identity in ids]
        assert {state["state"] for state in states} == {"started"}
        assert {state["run_id"] for state in states} == {str(run.id) for run in server.state.runs.values()}
        assert not [run for run in server.state.runs.values() if run.course.reason]

    with DemoServer(capacity=1, submit_seconds=0.2, version="0.96.0") as server:
        flow(body, ZENML_STORE_URL=server.url)


def test_a_key_that_a_killed_server_spoilt_is_not_used_for_ever(flow: Any, demo: DemoServer) -> None:
    demo.faults.add("killed", match=START)

    async def body(f: Any) -> None:
        identity = await f.ask()
        await f.settle(60)
        assert (await f.state(identity))["state"] == "started"
        assert len(demo.state.runs) == 1
        assert demo.state.posts > 2, "the spoilt key was met again"

    flow(body)
