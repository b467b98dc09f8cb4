"""Sweeps over HTTP: begun once, planned before, looked at, steered; and what is wrong has its place."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.engine.conftest import Flow, brisk, prompt
from tests.engine.night import Night
from worker.demo.zenml import DEMO_API_KEY, DemoServer
from worker.domain.trigger import ACTIVE, TriggerState
from worker.engine.trialrows import TrialStatus

__all__ = ["brisk", "prompt"]  # fixtures that are those of the engine's tests

SWEEPS = "/api/v1/sweeps"
LR = "steps.model_trainer.parameters.lr"
SECONDS = {"steps": {"model_trainer": {"parameters": {"seconds": 0.0}}}}

FILE = """
sweeps:
  - name: grid
    pipeline: training
    method: grid
    parameters:
      steps.model_trainer.parameters.lr: {values: [0.1, 0.2]}
  - name: nightly
    pipeline: training
    cron: "0 2 * * *"
    timezone: Europe/Berlin
    method: grid
    parameters:
      steps.model_trainer.parameters.lr: {values: [0.1]}
  - name: wrong
    pipeline: training
    method: grid
    parameters:
      steps.model_trainer.parameters.lrr: {values: [0.1, 0.2]}
"""


def inline(**more: Any) -> dict[str, Any]:
    """Give a definition as a caller writes it."""
    return {
        "name": "lr",
        "pipeline": "training",
        "method": "random",
        "run_cap": 3,
        "parameters": {LR: {"min": 0.001, "max": 0.1}},
        "config": SECONDS,
        **more,
    }


def at(demo: DemoServer) -> dict[str, str]:
    """Give the variables that lead to the demo server."""
    return {"ZENML_STORE_URL": demo.url, "ZENML_STORE_API_KEY": DEMO_API_KEY}


async def faults(d: Any, body: Any, status: int = 422, **params: Any) -> list[tuple[str, str]]:
    """Give what is told of a sweep that cannot begin: (pointer, sentence)."""
    answer = await d.http.post(SWEEPS, json=body, params=params)
    assert answer.status_code == status, answer.text
    assert await d.engine.sweeps.newest(1) == []
    return [(each["pointer"], each["detail"]) for each in answer.json().get("errors", [])]


def test_a_sweep_begins_once_for_its_key_and_is_audited_with_it(door: Any) -> None:
    async def body(d: Any) -> None:
        header = {"Idempotency-Key": "night 1"}
        first = await d.http.post(SWEEPS, json=inline(), headers=header)
        assert first.status_code == 202, first.text
        told = first.json()
        assert (told["name"], told["trials"]) == ("lr", 3)
        assert first.headers["location"] == told["url"] == f"{SWEEPS}/{told['id']}"
        again = await d.http.post(SWEEPS, json=inline(), headers=header)
        assert (again.status_code, again.content) == (202, first.content)
        assert (first.headers.get("idempotent-replayed"), again.headers["idempotent-replayed"]) == (None, "true")
        other = await d.http.post(SWEEPS, json=inline(run_cap=4), headers=header)
        assert (other.status_code, other.json()["sweep"]) == (409, told["id"])
        entries = await d.engine.audit.newest(10)
        assert [(each.action, each.what, each.who) for each in entries] == [("sweep.begin", "lr", "api")]
        assert orjson.loads(entries[0].after)["sweep"]["run_cap"] == 3

    door(body)


def test_a_sweep_of_the_files_begins_by_its_name(door: Any, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(FILE)

    async def body(d: Any) -> None:
        told = (await d.http.post(SWEEPS, json={"name": "grid"})).json()
        shown = (await d.http.get(told["url"])).json()
        assert (shown["total"], shown["state"], shown["kind"]) == (2, "new", "sweep")
        assert shown["definition"]["sweep"]["parameters"][LR]["values"] == [0.1, 0.2]
        nightly = (await d.http.post(SWEEPS, json={"name": "nightly"})).json()
        assert (await d.http.get(nightly["url"])).json()["fire_time"]
        wrong = await d.http.post(SWEEPS, json={"name": "grids"})
        assert wrong.status_code == 422
        assert wrong.json()["errors"] == [
            {"pointer": "/name", "detail": 'there is no sweep "grids"; did you mean "grid"?'}
        ]

    door(body)


def test_every_fault_of_a_definition_has_its_place(door: Any) -> None:
    async def body(d: Any) -> None:
        wrong = inline(pipelin="x", parameters={LR: {"min": 1, "max": 0}}, run_cap="many")
        found = dict(await faults(d, wrong))
        assert set(found) == {"/pipelin", f"/parameters/{LR}", "/run_cap"} or set(found) > {"/pipelin", "/run_cap"}
        assert found["/pipelin"] == 'unknown key; did you mean "pipeline"?'
        assert await faults(d, {"name": "a", "pipeline": "training", "method": "grids", "parameters": {}}) != []
        assert (await faults(d, inline(cron="0 2 * * *")))[0][0] == "/cron"
        assert (await faults(d, inline(overlap="skip")))[0][0] == "/overlap"
        assert (await faults(d, inline(config={"steps": {"a": "{{ nobody }}"}})))[0][0] == "/config/steps/a"
        assert (await faults(d, inline(config_template="../secret.yaml")))[0][0] == "/config_template"
        assert (await faults(d, inline(points="points.csv", method="list")))[0][0] == "/points"
        assert (await faults(d, inline(name="a\u0000")))[0][0] == "/name"
        assert (await faults(d, inline(run_cap=2_000_000)))[0][0] == "/run_cap"
        assert await faults(d, []) != []
        assert (await faults(d, {"name": 7}))[0][0] == "/name"

    door(body)


def test_what_is_wrong_in_a_file_that_is_named_is_told_with_its_line(door: Any, tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text("steps:\n  a: '{{ nobody }}'\n")

    async def body(d: Any) -> None:
        (pointer, sentence), *_ = await faults(d, inline(config_template="t.yaml"))
        assert (pointer, sentence) == ("", 't.yaml:2:6: steps.a: "nobody" is not known')

    door(body)


def test_the_first_trial_is_held_against_what_it_would_start(door: Any, demo: DemoServer, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(FILE)
    missing = "steps.model_trainer.parameters.lrr"

    async def body(d: Any) -> None:
        ((pointer, sentence),) = await faults(d, inline(parameters={missing: {"min": 0.0, "max": 1.0}}))
        assert pointer == f"/parameters/{missing}"
        assert "lrr" in sentence
        nested = {"steps": {"parameters": {"model_trainer": {"parameters": {"parameters": {"value": 1}}}}}}
        assert (await faults(d, inline(parameters=nested)))[0][0].startswith("/parameters/steps/parameters")
        ((pointer, sentence),) = await faults(d, {"name": "wrong"})
        assert (pointer, sentence.startswith("s.yaml:")) == ("/name", True)
        assert "nobody" in (await faults(d, inline(pipeline="nobody")))[0][1]

    door(body, **at(demo))


def test_a_plan_tells_what_it_would_run_and_begins_nothing(door: Any, demo: DemoServer) -> None:
    async def body(d: Any) -> None:
        answer = await d.http.post(SWEEPS, json=inline(max_parallel=2), params={"dry_run": True})
        assert answer.status_code == 200, answer.text
        plan = answer.json()
        assert (plan["trials"], plan["at_once"], plan["method"], plan["pipeline"]) == (3, 2, "random", "training")
        assert [each["trial"] for each in plan["first"]] == [1, 2, 3]
        assert 0.001 <= plan["first"][0]["params"][LR] <= 0.1
        assert (plan["unchecked"], plan["not_asked"]) == (None, [])
        assert await d.engine.sweeps.newest(1) == []
        assert await d.engine.audit.newest(1) == []

    door(body, **at(demo))


def test_without_zenml_a_plan_says_that_it_was_not_checked(door: Any) -> None:
    async def body(d: Any) -> None:
        plan = (await d.http.post(SWEEPS, json=inline(), params={"dry_run": True})).json()
        assert "ZENML_STORE_URL" in plan["unchecked"]

    door(body)


def test_who_may_begin_look_and_steer(door: Any, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(FILE)

    async def body(d: Any) -> None:
        keys = {scope: d.client(key=await d.key(scope, name=scope.replace(":", "-"))) for scope in SCOPES}
        for scope, client in keys.items():
            named = (await client.post(SWEEPS, json={"name": "grid"})).status_code
            assert named == (202 if scope in {"operate", "trigger:training"} else 403)
        begun = {scope: await client.post(SWEEPS, json=inline()) for scope, client in keys.items()}
        assert {scope: answer.status_code for scope, answer in begun.items()} == {
            "read": 403,
            "operate": 403,
            "trigger:training": 202,
            "trigger:etl": 403,
        }
        url = begun["trigger:training"].json()["url"]
        looked = {scope: (await client.get(f"{url}/trials")).status_code for scope, client in keys.items()}
        assert looked == {"read": 200, "operate": 200, "trigger:training": 200, "trigger:etl": 404}
        listed = {scope: (await client.get(SWEEPS)).status_code for scope, client in keys.items()}
        assert listed == {"read": 200, "operate": 200, "trigger:training": 403, "trigger:etl": 403}
        for word in ("pause", "resume", "cancel", "retry", "extend"):
            assert (await keys["read"].post(f"{url}/{word}")).status_code == 403
            assert (await keys["trigger:training"].post(f"{url}/{word}")).status_code == 403
        assert (await keys["operate"].post(f"{url}/pause")).json()["paused_by"] == "operate"
        assert (await d.client().get(SWEEPS)).status_code == 401

    door(body)


def test_every_state_of_a_trigger_is_one_of_a_trial() -> None:
    going = {*ACTIVE, TriggerState.STARTED}
    assert {state.value for state in TriggerState if state not in going} <= {status.value for status in TrialStatus}


SCOPES = ("read", "operate", "trigger:training", "trigger:etl")


def test_a_key_means_nothing_to_another_caller(door: Any) -> None:
    async def body(d: Any) -> None:
        ids = set()
        for name in ("a", "b"):
            client = d.client(key=await d.key("trigger:*", name=name))
            answer = await client.post(SWEEPS, json=inline(), headers={"Idempotency-Key": "1"})
            ids.add(answer.json()["id"])
        assert len(ids) == 2

    door(body)


def test_pages_and_filters_of_sweeps(door: Any) -> None:
    async def body(d: Any) -> None:
        ids = [(await d.http.post(SWEEPS, json=inline(name=name))).json()["id"] for name in ("a", "b", "a", "c", "a")]
        for params in ({}, {"active": True}):
            seen, cursor = [], None
            while True:
                asked = {**params, "limit": 2, "fields": "id"} | ({"cursor": cursor} if cursor else {})
                told = (await d.http.get(SWEEPS, params=asked)).json()
                assert all(set(item) == {"id"} for item in told["items"])
                seen += [item["id"] for item in told["items"]]
                cursor = told["next"]
                if cursor is None:
                    break
            assert sorted(seen) == sorted(ids)
        named = (await d.http.get(SWEEPS, params={"name": "a", "kind": "sweep"})).json()["items"]
        assert sorted(item["id"] for item in named) == sorted([ids[0], ids[2], ids[4]])
        assert (await d.http.get(SWEEPS, params={"kind": "backfill"})).json()["items"] == []
        assert (await d.http.get(SWEEPS, params={"active": False})).json()["items"] == []
        assert (await d.http.get(SWEEPS, params={"kind": "sweeps"})).status_code == 422
        assert (await d.http.get(SWEEPS, params={"fields": "nme"})).json()["errors"][0]["pointer"] == "?fields"
        assert (await d.http.get(SWEEPS, params={"cursor": "x"})).status_code == 404

    door(body)


@pytest.mark.usefixtures("brisk", "prompt")
def test_a_sweep_runs_to_its_end_and_every_trial_is_told(door: Any, demo: DemoServer, tmp_path: Path) -> None:
    async def body(d: Any) -> None:
        told = (await d.http.post(SWEEPS, json=inline(metric={"name": "accuracy", "goal": "maximize"}))).json()
        planned = (await d.http.get(f"{told['url']}/trials")).json()["items"]
        assert [(each["trial"], each["state"]) for each in planned] == [(1, "planned"), (2, "planned"), (3, "planned")]
        async with night(d, demo, tmp_path) as n:
            await n.finished(told["id"])
        shown = (await d.http.get(told["url"])).json()
        assert (shown["state"], shown["completed"], shown["runs"]) == ("over", 3, 3)
        first = (await d.http.get(f"{told['url']}/trials", params={"limit": 2})).json()
        rest = (await d.http.get(f"{told['url']}/trials", params={"cursor": first["next"]})).json()
        assert [each["trial"] for each in (*first["items"], *rest["items"])] == [1, 2, 3]
        assert rest["next"] is None
        assert first["items"][0]["params"] == planned[0]["params"]
        assert 0 < first["items"][0]["metrics"]["accuracy"] <= 1
        assert first["items"][0]["run_id"]
        failed = await d.http.get(f"{told['url']}/trials", params={"state": ["failed", "dead"]})
        assert failed.json() == {"items": [], "next": None}
        outcomes = (await d.http.get("/api/v1/outcomes", params={"sweep": told["id"], "status": "completed"})).json()
        assert sorted(each["trial"] for each in outcomes["items"]) == [1, 2, 3]
        assert (await d.http.get(SWEEPS, params={"active": False})).json()["items"][0]["id"] == told["id"]
        for word in ("pause", "cancel"):
            assert (await d.http.post(f"{told['url']}/{word}")).status_code == 409

    door(body, **at(demo))


@pytest.mark.usefixtures("brisk", "prompt")
def test_a_sweep_is_steered(door: Any, demo: DemoServer, tmp_path: Path) -> None:
    async def body(d: Any) -> None:
        url = (await d.http.post(SWEEPS, json=inline(run_cap=2))).json()["url"]
        identity = url.rpartition("/")[2]
        async with night(d, demo, tmp_path) as n:
            for _ in range(2):  # twice is as good as once
                assert (await d.http.post(f"{url}/pause")).json()["state"] == "paused"
            await n.quiet()
            assert n.trials(identity) == {}
            assert (await d.http.post(f"{url}/resume")).json()["paused_by"] is None
            await n.finished(identity)
            more = await d.http.post(f"{url}/extend", json={"by": 1})
            assert (more.json()["before"], more.json()["total"]) == (2, 3)
            await n.finished(identity)
            assert len(n.trials(identity)) == 3
        nothing = await d.http.post(f"{url}/retry")
        assert (nothing.status_code, nothing.json()["again"], nothing.json()["replayed"]) == (200, 0, 0)
        told = [entry.action for entry in await d.engine.audit.newest(10)][::-1]
        assert told == ["sweep.begin", "sweep.pause", "sweep.resume", "sweep.extend"]

    door(body, **at(demo))


@pytest.mark.usefixtures("brisk", "prompt")
def test_what_failed_is_run_again_and_what_is_cancelled_ends(door: Any, demo: DemoServer, tmp_path: Path) -> None:
    long = {"steps": {"model_trainer": {"parameters": {"seconds": 600.0}}}}

    async def body(d: Any) -> None:
        url = (await d.http.post(SWEEPS, json=inline(run_cap=2, config=long))).json()["url"]
        identity = url.rpartition("/")[2]
        async with night(d, demo, tmp_path) as n:

            async def running() -> bool:
                return (await n.sweep(identity)).running == 2

            async def failed() -> bool:
                return (await n.sweep(identity)).failed == 1

            await n.until(running)
            n.end(str(n.trials(identity)[1].id), "failed")
            await n.until(failed)
            shown = (await d.http.get(f"{url}/trials", params={"state": "failed"})).json()["items"]
            assert [each["trial"] for each in shown] == [1]
            assert (await d.http.post(f"{url}/retry", json={})).json()["again"] == 1
            await n.until(running)
            ending = (await d.http.post(f"{url}/cancel", json={"stop_running": True})).json()
            assert (ending["state"], ending["reason"]) == ("ending", "cancelled by api")
            await n.finished(identity)
        assert (await d.http.get(url)).json()["state"] == "ended"
        told = {entry.action: entry for entry in await d.engine.audit.newest(10)}
        assert orjson.loads(told["sweep.cancel"].after) == {"stop_running": True}
        assert orjson.loads(told["sweep.retry"].after) == {"again": 1, "replayed": 0}

    door(body, **at(demo))


def test_steering_says_what_is_wrong(door: Any) -> None:
    async def body(d: Any) -> None:
        url = (await d.http.post(SWEEPS, json=inline())).json()["url"]
        for path in ("", "/trials"):
            assert (await d.http.get(f"{SWEEPS}/nobody{path}")).status_code == 404
            assert (await d.http.get(f"{url}:definition{path}")).status_code == 404
        for word in ("pause", "resume", "cancel", "retry", "extend"):
            assert (await d.http.post(f"{SWEEPS}/nobody/{word}")).status_code == 404
        wrong = await d.http.post(f"{url}/cancel", json={"stop": True})
        assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/stop")
        assert (await d.http.post(f"{url}/extend", json={"by": 0})).json()["errors"][0]["pointer"] == "/by"
        assert (await d.http.post(f"{url}/extend", json=[])).status_code == 422
        assert (await d.http.post(f"{url}/extend")).status_code == 409  # no file has it
        assert (await d.http.get(f"{url}/trials", params={"state": "gone"})).status_code == 422

    door(body)


class night:  # noqa: N801 - reads as what it gives
    """A beat and a worker, for as long as the block lasts."""

    def __init__(self, d: Any, demo: DemoServer, folder: Path) -> None:
        flow = Flow(d.engine, demo)
        flow.rung = d.rung
        self._night = Night(flow, folder)

    async def __aenter__(self) -> Night:
        return self._night

    async def __aexit__(self, *_: object) -> None:
        await self._night.duties.close()
