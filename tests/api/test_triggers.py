"""Triggers over HTTP: on record before the answer, the same for the same key, and what is wrong has its place."""

import asyncio
from datetime import timedelta
from typing import Any

TRIGGERS = "/api/v1/triggers"


def test_what_is_accepted_is_on_record_and_rung(door: Any) -> None:
    async def body(d: Any) -> None:
        answer = await d.http.post(TRIGGERS, json={"pipeline": "training", "config": {"steps": {}}})
        assert answer.status_code == 202
        told = answer.json()
        assert answer.headers["location"] == told["url"] == f"{TRIGGERS}/{told['id']}"
        assert (await d.trigger(told["id"]))["state"] in {"waiting", "dispatched"}
        shown = (await d.http.get(told["url"])).json()
        assert (shown["origin"], shown["pipeline"], shown["run_name"]) == ("api", "training", told["run_name"])

    door(body)


def test_the_same_key_and_body_give_the_same_answer(door: Any) -> None:
    async def body(d: Any) -> None:
        asked = {"pipeline": "training", "config": {"tags": ["a"]}}
        first = await d.http.post(TRIGGERS, json=asked, headers={"Idempotency-Key": "upload 1"})
        again = await d.http.post(TRIGGERS, json=asked, headers={"Idempotency-Key": "upload 1"})
        assert (first.status_code, first.content) == (again.status_code, again.content)
        assert "idempotent-replayed" not in first.headers
        assert again.headers["idempotent-replayed"] == "true"
        assert await d.engine.triggers.newest(10) == [first.json()["id"]]
        written = await d.http.post(TRIGGERS, json={**asked, "idempotency_key": "upload 1"})
        assert written.json() == first.json()

    door(body)


def test_the_same_key_with_another_body_is_a_conflict_that_tells_both(door: Any) -> None:
    async def body(d: Any) -> None:
        header = {"Idempotency-Key": "k"}
        first = (await d.http.post(TRIGGERS, json={"pipeline": "training"}, headers=header)).json()
        for changed in ({"pipeline": "etl"}, {"pipeline": "training", "priority": 1}):
            answer = await d.http.post(TRIGGERS, json=changed, headers=header)
            told = answer.json()
            assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
            assert (told["known"]["pipeline"], told["received"]["pipeline"]) == ("training", changed["pipeline"])
            assert first["id"] in told["detail"]

    door(body)


def test_many_are_recorded_together_or_not_at_all(door: Any) -> None:
    async def body(d: Any) -> None:
        two = {"triggers": [{"pipeline": "training"}, {"pipeline": "etl", "idempotency_key": "e"}]}
        first = await d.http.post(TRIGGERS, json=two, headers={"Idempotency-Key": "batch"})
        assert first.status_code == 202
        assert len(first.json()["triggers"]) == 2
        again = await d.http.post(TRIGGERS, json=two, headers={"Idempotency-Key": "batch"})
        assert again.json() == first.json()
        clash = {"triggers": [{"pipeline": "scoring"}, {"pipeline": "training", "idempotency_key": "e"}]}
        refused = await d.http.post(TRIGGERS, json=clash)
        assert refused.status_code == 409
        assert refused.json()["errors"][0]["pointer"] == "/triggers/1/idempotency_key"
        wrong = {"triggers": [{"pipeline": "scoring"}, {"pipline": "training"}]}
        faults = (await d.http.post(TRIGGERS, json=wrong)).json()["errors"]
        assert {"pointer": "/triggers/1/pipline", "detail": "unknown field; did you mean pipeline?"} in faults
        assert len(await d.engine.triggers.newest(10)) == 2

    door(body)


def test_a_batch_that_asks_for_two_things_under_one_key_is_a_conflict(door: Any) -> None:
    async def body(d: Any) -> None:
        both = [{"pipeline": name, "idempotency_key": "same"} for name in ("training", "etl")]
        answer = await d.http.post(TRIGGERS, json={"triggers": both})
        assert (answer.status_code, await d.engine.triggers.newest(10)) == (409, [])
        twice = [{"pipeline": "training", "idempotency_key": "same"}] * 2
        one = (await d.http.post(TRIGGERS, json={"triggers": twice})).json()["triggers"]
        assert one[0] == one[1]

    door(body)


def test_what_is_no_json_or_not_said_to_be_is_refused(door: Any) -> None:
    async def body(d: Any) -> None:
        kind = {"Content-Type": "application/json"}
        assert (await d.http.post(TRIGGERS, content=b"{", headers=kind)).status_code == 400
        assert (await d.http.post(TRIGGERS, content=b"{}", headers={"Content-Type": "text/plain"})).status_code == 415
        assert (await d.http.post(TRIGGERS, content=b"[]", headers=kind)).status_code == 422
        deep = b'{"pipeline":"p","config":' + b'{"a":' * 2000 + b"1" + b"}" * 2000 + b"}"
        assert (await d.http.post(TRIGGERS, content=deep, headers=kind)).status_code in {400, 422}

    door(body)


def test_a_fault_inside_a_configuration_has_its_place(door: Any) -> None:
    async def body(d: Any) -> None:
        config = {"steps": {"a.b": {"parameters": {"n": 10**19}}}, "tags": "x"}
        asked = {
            "triggers": [{"pipeline": "training", "config": {"run_name": "{x}"}}, {"pipeline": "p", "config": config}]
        }
        told = (await d.http.post(TRIGGERS, json=asked)).json()["errors"]
        places = [each["pointer"] for each in told]
        assert places == ["/triggers/0/config/run_name", "/triggers/1/config/steps/a.b/parameters/n"]

    door(body)


def test_a_key_reaches_as_far_as_its_scopes(door: Any) -> None:
    async def body(d: Any) -> None:
        trainer = d.client(key=await d.key("trigger:train*", name="trainer"))
        reader = d.client(key=await d.key("read", name="reader"))
        queued = await trainer.post(TRIGGERS, json={"pipeline": "training"})
        assert queued.status_code == 202
        assert (await trainer.post(TRIGGERS, json={"pipeline": "etl"})).status_code == 403
        assert (await trainer.post(TRIGGERS, json={"pipeline": "training", "project": "other"})).status_code == 403
        assert (await reader.post(TRIGGERS, json={"pipeline": "training"})).status_code == 403
        assert (await d.http.get(TRIGGERS)).status_code == 401
        admin = d.client(key=await d.key("admin", name="admin"))
        etl = (await admin.post(TRIGGERS, json={"pipeline": "etl"})).json()
        assert (await trainer.get(etl["url"])).status_code == 404
        assert [row["pipeline"] for row in (await trainer.get(TRIGGERS)).json()["items"]] == ["training"]
        shown = (await reader.get(queued.json()["url"])).json()
        assert shown["asked_by"] == "trainer"
        assert (await reader.post(queued.json()["url"] + "/cancel")).status_code == 403
        assert (await trainer.post(queued.json()["url"] + "/cancel")).json()["state"] == "cancelled"

    door(body)


def test_a_key_means_nothing_to_another_caller(door: Any) -> None:
    async def body(d: Any) -> None:
        ids = set()
        for name in ("a", "b"):
            client = d.client(key=await d.key("trigger:*", name=name))
            answer = await client.post(TRIGGERS, json={"pipeline": "training"}, headers={"Idempotency-Key": "1"})
            ids.add(answer.json()["id"])
        assert len(ids) == 2

    door(body)


def test_without_a_key_only_this_machine_is_let_in_and_no_proxy(door: Any) -> None:
    async def body(d: Any) -> None:
        assert (await d.http.get(TRIGGERS)).status_code == 200
        elsewhere = d.client(address=("10.0.0.7", 1))
        refused = await elsewhere.get(TRIGGERS)
        assert (refused.status_code, refused.json()["type"]) == (401, "urn:zenbeat:unknown")
        assert refused.headers["www-authenticate"].startswith("Bearer")
        page = await elsewhere.get(TRIGGERS, headers={"Accept": "text/html"})
        assert page.headers["www-authenticate"].startswith("Basic"), "browsers ask for a password only then"
        assert (await d.http.get(TRIGGERS, headers={"X-Forwarded-For": "127.0.0.1"})).status_code == 401
        assert (await d.client(host="evil.example.com").get(TRIGGERS)).status_code == 401

    door(body)


def test_pages_go_on_where_the_one_before_ended_whatever_comes_meanwhile(door: Any) -> None:
    async def body(d: Any) -> None:
        many = {"triggers": [{"pipeline": "training"} for _ in range(7)]}
        ids = [each["id"] for each in (await d.http.post(TRIGGERS, json=many)).json()["triggers"]]
        seen, cursor = [], None
        while True:
            params = {"limit": 3, "fields": "id,state"} | ({"cursor": cursor} if cursor else {})
            page = (await d.http.get(TRIGGERS, params=params)).json()
            assert all(set(item) == {"id", "state"} for item in page["items"])
            seen += [item["id"] for item in page["items"]]
            await d.http.post(TRIGGERS, json={"pipeline": "late"})
            cursor = page["next"]
            if cursor is None:
                break
        assert sorted(seen) == sorted(ids)

    door(body)


def test_filters_find_and_wrong_ones_are_told(door: Any) -> None:
    async def body(d: Any) -> None:
        for pipeline in ("training", "etl", "training"):
            await d.http.post(TRIGGERS, json={"pipeline": pipeline})
        found = (await d.http.get(TRIGGERS, params={"pipeline": "etl"})).json()
        assert [row["pipeline"] for row in found["items"]] == ["etl"]
        assert (await d.http.get(TRIGGERS, params={"state": ["dead"]})).json() == {"items": [], "next": None}
        hour_ago = (d.engine.clock() - timedelta(hours=1)).isoformat()
        for params, many in (({"since": hour_ago}, 3), ({"before": hour_ago}, 0), ({"since": hour_ago, "limit": 2}, 2)):
            assert len((await d.http.get(TRIGGERS, params=params)).json()["items"]) == many
        wrong = (
            ({"cursor": "x"}, 404, "?cursor"),
            ({"fields": "stat"}, 422, "?fields"),
            ({"limit": 0}, 422, "?limit"),
            ({"since": "2026-11-02T00:00"}, 422, "?since"),
        )
        for params, status, pointer in wrong:
            told = await d.http.get(TRIGGERS, params=params)
            assert (told.status_code, told.json()["errors"][0]["pointer"]) == (status, pointer)

    door(body)


def test_a_full_queue_says_when_to_come_again_and_records_nothing(door: Any) -> None:
    async def body(d: Any) -> None:
        later = {"pipeline": "training", "not_before": "2100-01-01T00:00:00Z"}
        assert (await d.http.post(TRIGGERS, json={"triggers": [later, later]})).status_code == 202
        full = await d.http.post(TRIGGERS, json=later)
        assert (full.status_code, full.json()["type"]) == (429, "urn:zenbeat:queue-full")
        assert int(full.headers["retry-after"]) > 0
        assert len(await d.engine.triggers.newest(10)) == 2

    door(body, ZENBEAT_QUEUE_MAX="2")


def test_a_pipeline_that_is_full_leaves_room_for_others_until_its_triggers_are_done(door: Any) -> None:
    async def body(d: Any) -> None:
        later = {"pipeline": "training", "not_before": "2100-01-01T00:00:00Z"}
        first = (await d.http.post(TRIGGERS, json=later)).json()
        assert (await d.http.post(TRIGGERS, json=later)).status_code == 429
        assert (await d.http.post(TRIGGERS, json={"pipeline": "etl"})).status_code == 202
        await d.http.post(first["url"] + "/cancel")
        assert (await d.http.post(TRIGGERS, json=later)).status_code == 202

    door(body, ZENBEAT_QUEUE_MAX_PER_PIPELINE="1")


def test_cancel_and_replay_say_why_not(door: Any) -> None:
    async def body(d: Any) -> None:
        queued = (await d.http.post(TRIGGERS, json={"pipeline": "training"})).json()
        assert (await d.http.post(queued["url"] + "/cancel")).status_code == 200
        again = await d.http.post(queued["url"] + "/cancel")
        assert (again.status_code, again.json()["state"]) == (409, "cancelled")
        assert (await d.http.post(queued["url"] + "/replay")).status_code == 409
        assert (await d.http.get(f"{TRIGGERS}/nobody")).status_code == 404

    door(body)


def test_a_wait_ends_when_the_trigger_does(door: Any) -> None:
    async def body(d: Any) -> None:
        queued = (
            await d.http.post(TRIGGERS, json={"pipeline": "training", "not_before": "2100-01-01T00:00:00Z"})
        ).json()
        assert (await d.http.get(queued["url"], params={"wait": 0.05})).json()["state"] == "waiting"
        waiting = d.http.get(queued["url"], params={"wait": 30})
        cancelling = d.http.post(queued["url"] + "/cancel")
        ended, _ = await _both(waiting, cancelling)
        assert ended.json()["state"] == "cancelled"

    door(body)


async def _both(first: Any, second: Any) -> Any:
    return await asyncio.gather(first, second)


def test_without_redis_the_answer_is_503_and_says_when_to_come_again(door: Any) -> None:
    async def body(d: Any) -> None:
        answer = await d.http.post(TRIGGERS, json={"pipeline": "training"})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "127.0.0.1" not in answer.text

    door(body, REDIS_URL="redis://127.0.0.1:1/0")


def test_a_method_that_a_path_has_not_is_answered_with_those_that_it_has(door: Any) -> None:
    async def body(d: Any) -> None:
        for path, allowed in ((TRIGGERS, "GET, POST"), (f"{TRIGGERS}/x/cancel", "POST"), ("/openapi.json", "GET")):
            answer = await d.http.request("DELETE", path)
            assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
            assert answer.headers["content-type"] == "application/problem+json"

    door(body)


def test_a_trigger_is_found_by_its_runs_name_and_by_how_its_id_begins(door: Any) -> None:
    async def body(d: Any) -> None:
        blue = (await d.http.post(TRIGGERS, json={"pipeline": "training", "config": {"run_name": "Blue"}})).json()
        other = (await d.http.post(TRIGGERS, json={"pipeline": "training"})).json()
        for text, found in (("blue", [blue]), (other["id"][:13].upper(), [other]), ("green", [])):
            items = (await d.http.get(TRIGGERS, params={"text": text})).json()["items"]
            assert [each["id"] for each in items] == [each["id"] for each in found]

    door(body)
