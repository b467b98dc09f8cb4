"""From dispatched to started, with a server that answers well, badly, twice or not at all."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson
import pytest

from worker.demo.zenml import DEMO_API_KEY, DemoServer
from worker.demo.zenml.launch import Order, launch
from worker.engine.slots import Slots

START = "POST .*/runs$"


def test_a_trigger_starts_one_run_and_says_so(flow: Any, demo: DemoServer) -> None:
    async def body(f: Any) -> None:
        config = {"steps": {"model_trainer": {"parameters": {"model_type": "rf"}}}}
        identity = await f.ask(template="production", config=config)
        await f.settle()
        (run,) = demo.state.runs.values()
        state = await f.state(identity)
        assert (state["state"], state["run_id"], state["attempts"]) == ("started", str(run.id), "1")
        assert run.tags == ["zenbeat", f"zenbeat:trigger={identity}"]
        assert run.configuration["steps"] == config["steps"]
        (outcome,) = await f.engine.outcomes.newest(10)
        told = {key: outcome[key] for key in ("status", "trigger", "run_id", "pipeline", "run_name", "attempts")}
        assert told == {
            "status": "started",
            "trigger": identity,
            "run_id": str(run.id),
            "pipeline": "training",
            "run_name": run.name,
            "attempts": "1",
        }
        assert int(outcome["lateness_ms"]) >= 0
        assert outcome["url"].endswith(f"/runs/{run.id}")

    flow(body)


@pytest.mark.parametrize("target", [{"template": "production"}, {"snapshot": "production"}, {}])
@pytest.mark.parametrize("version", ["0.63.0", "0.75.1", "0.82.0", "0.85.0", "0.98.0"])
def test_servers_old_and_new(version: str, target: dict[str, str], redis_url: str, flow: Any, tmp_path: Any) -> None:
    async def body(f: Any) -> None:
        identity = await f.ask(**target, config={"steps": {"model_trainer": {"parameters": {"lr": 0.5}}}})
        await f.settle()
        state = await f.state(identity)
        if "snapshot" in target and version < "0.90":
            assert state["state"] == "dead"
            assert "snapshot" in state["reason"]
            return
        assert state["state"] == "started", state
        (run,) = server.state.runs.values()
        assert run.configuration["steps"]["model_trainer"]["parameters"]["lr"] == 0.5
        if version < "0.82.1":
            assert run.configuration["steps"]["model_trainer"]["parameters"]["epochs"] == 3

    with DemoServer(capacity=None, version=version) as server:
        flow(body, ZENML_STORE_URL=server.url)


def test_what_the_template_does_not_know_is_named_and_nothing_is_posted(flow: Any, demo: DemoServer) -> None:
    async def body(f: Any) -> None:
        identity = await f.ask(config={"steps": {"model_trainr": {"parameters": {"lr": 0.1}}}, "stepz": {}})
        await f.settle()
        state = await f.state(identity)
        assert state["state"] == "dead"
        assert "model_trainr" in state["reason"]
        assert "model_trainer" in state["reason"]
        assert "stepz" in state["reason"]
        assert demo.state.posts == 0
        assert await f.engine.triggers.dead(10) == [identity]

    flow(body)


@pytest.mark.parametrize("where", ["prepare", "start"])
def test_a_fault_that_one_trigger_brings_out_does_not_take_the_others_down(
    where: str, flow: Any, demo: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(f: Any) -> None:
        ids = [await f.ask(idempotency_key=str(number)) for number in range(3)]
        (found,) = await f.engine.triggers.get([ids[1]])
        poison = orjson.loads(found["data"])["run_name"]
        right = getattr(f.engine.zenml, where)

        async def wrong(*args: Any) -> Any:
            if poison in str(args) or any(poison.encode() in getattr(arg, "content", b"") for arg in args):
                raise KeyError("ours")
            return await right(*args)

        monkeypatch.setattr(f.engine.zenml, where, wrong)
        await f.step()
        await f.step()
        states = [await f.state(identity) for identity in ids]
        assert [state["state"] for state in states] == [
            "started",
            "dead" if where == "prepare" else "waiting",
            "started",
        ]
        assert "a fault of zenbeat: KeyError: 'ours'" in states[1]["reason"]

    flow(body)


@pytest.mark.parametrize(
    ("request_", "nearest"), [({"pipeline": "trainin"}, "training"), ({"template": "prodution"}, "production")]
)
def test_a_misspelt_name_is_a_dead_letter_with_the_nearest_one(
    request_: dict[str, str], nearest: str, flow: Any, demo: DemoServer
) -> None:
    async def body(f: Any) -> None:
        identity = await f.ask(**request_)
        await f.settle()
        state = await f.state(identity)
        assert state["state"] == "dead"
        assert nearest in state["reason"]

    flow(body)


def test_a_name_that_somebody_else_took_is_said_and_not_adopted(flow: Any, demo: DemoServer) -> None:
    async def body(f: Any) -> None:
        identity = await f.ask()
        (found,) = await f.engine.triggers.get([identity])
        name = orjson.loads(found["data"])["run_name"]
        snapshot = next(iter(demo.state.catalogue.snapshots.values()))
        theirs = {"run_name": name, "tags": ["somebody"]}
        launch(demo.state, Order(snapshot=snapshot, template=None, configuration=theirs))
        await f.settle()
        state = await f.state(identity)
        assert (state["state"], state["code"]) == ("dead", "name_collision")

    flow(body)


def test_a_full_server_is_asked_less_and_everything_runs_once(flow: Any, tmp_path: Any) -> None:
    async def body(f: Any) -> None:
        ids = [await f.ask(idempotency_key=f"k{number}") for number in range(12)]
        await f.settle(90)
        states = [await f.state(identity) for identity in ids]
        assert {state["state"] for state in states} == {"started"}
        assert len(server.state.runs) == 12
        assert {state["attempts"] for state in states} == {"1"}, "waiting for room uses up no attempt"

    with DemoServer(capacity=2, submit_seconds=0.2) as server:
        flow(body, ZENML_STORE_URL=server.url)


def test_a_server_that_is_away_costs_no_attempts(flow: Any, demo: DemoServer) -> None:
    async def body(f: Any) -> None:
        identity = await f.ask()
        await f.step()
        state = await f.state(identity)
        assert (state["state"], state["attempts"]) == ("waiting", "0")
        assert await f.statuses() == ["retrying"]

    flow(body, ZENML_STORE_URL="http://127.0.0.1:9")


def test_a_template_made_anew_under_its_name_is_found_again(flow: Any, demo: DemoServer) -> None:
    async def body(f: Any) -> None:
        await f.ask(template="production", idempotency_key="one")
        await f.settle()
        templates = demo.state.catalogue.templates
        (old,) = [
            t for t in templates.values() if t.pipeline and (t.pipeline.name, t.name) == ("training", "production")
        ]
        anew = UUID(int=7, version=4)
        templates[anew] = replace(templates.pop(old.id), id=anew)
        second = await f.ask(template="production", idempotency_key="two")
        await f.settle()
        assert (await f.state(second))["state"] == "started"

    flow(body)


def test_a_dead_letter_replayed_after_it_was_mended_runs(flow: Any, demo: DemoServer) -> None:
    demo.faults.add("status", match=START, status=400, body={"detail": ["ValueError", "not today"]})

    async def body(f: Any) -> None:
        identity = await f.ask()
        await f.settle()
        assert "not today" in (await f.state(identity))["reason"]
        await f.engine.triggers.replay(identity)
        await f.settle()
        assert (await f.state(identity))["state"] == "started"
        assert await f.statuses() == ["dead", "started"]

    flow(body)


def test_an_expired_token_is_renewed_once_for_all(flow: Any, demo: DemoServer) -> None:
    async def body(f: Any) -> None:
        await f.ask(idempotency_key="one")
        await f.settle()
        demo.state.login.forget()
        logins = demo.state.login.count
        for number in range(4):
            await f.ask(idempotency_key=f"k{number}")
        await f.settle()
        assert len(demo.state.runs) == 5
        assert demo.state.login.count == logins + 1

    flow(body)


def test_a_batch_ends_also_where_its_keeper_does_not_hear_that_it_is_over(
    flow: Any, demo: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.engine.cancelling.AGAIN_SECONDS", 0.05)
    told = []

    async def body(f: Any) -> None:
        async def renew(ids: Any, token: str) -> int:
            if not told:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    told.append(token)  # as redis-py does, which takes it for a time-out of its own
            return len(ids)

        demo.faults.add("hang_after_accept", match=START, seconds=0.3)
        monkeypatch.setattr(f.engine.triggers, "renew", renew)
        monkeypatch.setattr("worker.engine.executor.CLOSE", 100)
        identity = await f.ask()
        batch = asyncio.create_task(f.step())
        done, _ = await asyncio.wait([batch], timeout=10)
        assert done
        assert len(told) == 1
        assert (await f.state(identity))["state"] == "started"

    flow(body)


# --- a server in trouble


async def until(condition: Any, f: Any, seconds: float = 40) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await f.step()
            await asyncio.sleep(0.02)


def test_a_server_that_is_down_burns_no_attempts_and_all_go_when_it_is_back(
    flow: Any, demo: DemoServer, caplog: pytest.LogCaptureFixture
) -> None:
    async def body(f: Any) -> None:
        demo.faults.add("status", match="POST .*/runs$", status=503, times=10_000)
        ids = [await f.ask(idempotency_key=str(number)) for number in range(12)]

        async def probed_often() -> bool:
            return int((await f.engine.limits.state()).get("backoff", 0)) >= 2000

        await until(probed_often, f)
        posts = demo.state.posts
        assert posts <= 12 + 5, "one probe now and then"
        demo.faults.clear()

        async def all_started() -> bool:
            return {state["state"] for state in await f.engine.triggers.get(ids)} == {"started"}

        await until(all_started, f)
        assert len(demo.state.runs) == 12
        assert max(int(state["attempts"]) for state in await f.engine.triggers.get(ids)) <= 3

    flow(body)
    waiting = [record for record in caplog.records if record.message == "waiting"]
    assert len(waiting) == 1
    assert "triggers are held back: ZenML is away (503)" in str(waiting[0].reason)  # type: ignore[attr-defined]


def test_a_refused_key_stops_everything_until_a_new_one_is_in_its_file(
    flow: Any, demo: DemoServer, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "key"
    key.write_text("ZENKEY_wrong")
    for name, value in {"ZENML_STORE_API_KEY_FILE": str(key), "ZENML_STORE_URL": demo.url}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("ZENML_STORE_API_KEY", raising=False)
    monkeypatch.setattr("worker.zenml.auth.REMEMBERED_SECONDS", 0.2)

    async def body(f: Any) -> None:
        ids = [await f.ask(idempotency_key=str(number)) for number in range(3)]

        async def stopped() -> bool:
            return "open" in await f.engine.limits.state()

        await until(stopped, f)
        state = await f.state(ids[0])
        assert (state["state"], state["attempts"], state["code"]) == ("waiting", "0", "login_refused")
        assert "Check ZENML_STORE_API_KEY" in (await f.engine.limits.state())["why"]
        assert demo.state.posts == 0
        key.write_text(DEMO_API_KEY)

        async def all_started() -> bool:
            return {state["state"] for state in await f.engine.triggers.get(ids)} == {"started"}

        await until(all_started, f)

    flow(body, ZENML_STORE_API_KEY="", ZENML_STORE_API_KEY_FILE=str(key))


def test_slots_of_a_worker_that_is_gone_are_freed_by_another(flow: Any) -> None:
    async def body(f: Any) -> None:
        ids = [await f.ask(idempotency_key=str(number)) for number in range(3)]
        await f.step()
        await f.step()
        assert (await f.engine.limits.state())["capped"] == "1"
        others = Slots(f.engine.zenml, f.engine.limits, f.engine.dispatcher)

        async def all_started() -> bool:
            await others.look()
            ids_free = await f.engine.dispatcher.take()
            await f.engine.executor.execute(ids_free)
            return {state["state"] for state in await f.engine.triggers.get(ids)} == {"started"}

        async with asyncio.timeout(20):
            while not await all_started():
                await asyncio.sleep(0.02)

    with DemoServer(capacity=2, submit_seconds=0.3) as server:
        flow(body, ZENML_STORE_URL=server.url)


def test_a_server_that_takes_two_is_known_to_take_two_after_its_first_refusal(flow: Any) -> None:
    """What holds a slot when it refuses is what it takes; a second later, nothing would hold one any more."""

    async def body(f: Any) -> None:
        ids = [await f.ask(idempotency_key=str(number)) for number in range(20)]
        await f.engine.executor.execute(await f.engine.dispatcher.take())
        watching = asyncio.create_task(f.engine.slots.watch(f.engine.executor.execute))
        async with asyncio.timeout(40):
            while len(server.state.runs) < len(ids):
                # As a worker does after each batch.
                await f.engine.executor.execute(await f.engine.dispatcher.take())
                await asyncio.sleep(0.01)
        watching.cancel()
        state = await f.engine.limits.state()
        assert (float(state["window"]), "learning" in state) == (2.0, False)
        assert server.state.posts <= 20 + 2

    with DemoServer(capacity=2, submit_seconds=0.4, failure_rate=0) as server:
        flow(body, ZENML_STORE_URL=server.url)
