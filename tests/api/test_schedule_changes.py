"""Schedules made over HTTP: nobody overwrites what he has not seen, and files keep what is theirs."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

SCHEDULES = "/api/v1/schedules"
WEEKLY = {"name": "weekly", "pipeline": "training", "cron": "0 3 * * 1"}
HERE = f"{SCHEDULES}/weekly"


async def made(d: Any, **more: Any) -> str:
    """Make a schedule; gives its ETag."""
    answer = await d.http.post(SCHEDULES, json={**WEEKLY, **more})
    assert answer.status_code == 201, answer.text
    return str(answer.headers["etag"])


def pointers(answer: Any) -> list[str]:
    return [each["pointer"] for each in answer.json()["errors"]]


def test_a_schedule_is_made_shown_changed_and_taken_away(door: Any) -> None:
    async def body(d: Any) -> None:
        answer = await d.http.post(SCHEDULES, json=WEEKLY)
        assert (answer.status_code, answer.headers["location"]) == (201, HERE)
        assert answer.json()["next_fires"]["before"] == []
        assert len(answer.json()["next_fires"]["after"]) == 5
        shown = await d.http.get(HERE)
        assert shown.headers["etag"] == answer.headers["etag"]
        assert (shown.json()["entry"], shown.json()["changed_by"]) == (WEEKLY, "api")
        changed = await d.http.put(
            HERE, json={"pipeline": "training", "every": "1h"}, headers={"If-Match": shown.headers["etag"]}
        )
        assert changed.status_code == 200
        assert changed.json()["next_fires"]["before"] == answer.json()["next_fires"]["after"]
        again = await d.http.get(HERE)
        assert (again.headers["etag"], again.json()["when"]) == (changed.headers["etag"], "every 1h")
        assert again.json()["created"] == shown.json()["created"] < again.json()["changed"]
        gone = await d.http.delete(HERE, headers={"If-Match": changed.headers["etag"]})
        assert (gone.status_code, gone.json()["next_fires"]["after"]) == (200, [])
        assert gone.json()["next_fires"]["before"] == changed.json()["next_fires"]["after"]
        assert (await d.http.get(HERE)).status_code == 404
        assert (await d.http.delete(HERE, headers={"If-Match": "*"})).status_code == 404

    door(body)


def test_a_trial_changes_nothing_and_tells_what_would_come_of_it(door: Any) -> None:
    async def body(d: Any) -> None:
        answer = await d.http.post(f"{SCHEDULES}?dry_run=true", json=WEEKLY)
        assert (answer.status_code, answer.json()["dry_run"], len(answer.json()["next_fires"]["after"])) == (
            200,
            True,
            5,
        )
        assert "location" not in answer.headers
        assert (await d.http.get(HERE)).status_code == 404
        etag = await made(d)
        tried = await d.http.put(
            f"{HERE}?dry_run=true", json={**WEEKLY, "cron": "0 4 * * *"}, headers={"If-Match": etag}
        )
        assert tried.status_code == 200
        tried = await d.http.delete(f"{HERE}?dry_run=true", headers={"If-Match": etag})
        assert tried.status_code == 200
        assert (await d.http.get(HERE)).headers["etag"] == etag
        assert [each.action for each in await d.engine.audit.newest(10)] == ["schedule.create"]

    door(body)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({**WEEKLY, "cron": "61 * * * *"}, [("/cron", "minute")]),
        ({**WEEKLY, "corn": "x"}, [("/corn", "cron")]),
        ({"name": "weekly", "cron": "0 3 * * 1"}, [("", "pipeline is missing")]),
        ({"pipeline": "training", "every": "1h"}, [("", "name is missing")]),
        ({**WEEKLY, "name": "Weekly!"}, [("/name", "small letters")]),
        ({**WEEKLY, "name": 7}, [("/name", "has to be a text")]),
        ({"name": "weekly", "pipeline": "training"}, [("", "when it is due")]),
        ({**WEEKLY, "timezone": "Mars"}, [("/timezone", "Mars")]),
        ({**WEEKLY, "after": {"schedule": "x"}}, [("/after", "cron")]),
        ({**WEEKLY, "config": {"tags": ["{{ now }}"]}}, [("/config/tags/0", "now")]),
        ({**WEEKLY, "config": {"a/b": {"x~y": "{{ }}"}}}, [("/config/a~1b/x~0y", "")]),
        ({**WEEKLY, "config_template": "templates/none.yaml"}, [("/config_template", "no such file")]),
        ({**WEEKLY, "config_template": "../etc/passwd"}, [("/config_template", "leads out")]),
        ({**WEEKLY, "config": {"a": "\u0000"}}, [("/config/a", "U+0000")]),
        ({**WEEKLY, "notify": {"to": "https://evil.example/x"}}, [("/notify/to", "ZENBEAT_RECEIVERS")]),
        ({**WEEKLY, "notify": {"to": ["ops", "json://evil.example"]}}, [("/notify/to/1", "ZENBEAT_RECEIVERS")]),
        (
            {"name": "weekly", "pipeline": "p", "after": {"schedule": "weekly"}},
            [("/after/schedule", "waits for itself")],
        ),
        ({"name": "weekly", "pipeline": "p", "after": {"schedule": "nihgtly"}}, [("/after/schedule", "no schedule")]),
        ([], [("", "mapping")]),
        ("text", [("", "mapping")]),
    ],
)
def test_every_fault_has_its_place(words: Any, expected: list[tuple[str, str]], door: Any) -> None:
    async def body(d: Any) -> None:
        for answer in (
            await d.http.post(SCHEDULES, json=words),
            await d.http.post(f"{SCHEDULES}?dry_run=true", json=words),
        ):
            assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), (
                answer.text
            )
            errors = answer.json()["errors"]
            for pointer, hint in expected:
                assert any(each["pointer"] == pointer and hint in each["detail"] for each in errors), errors
        assert (await d.http.get(SCHEDULES)).json()["items"] == []

    door(body)


def test_all_faults_are_told_at_once(door: Any) -> None:
    async def body(d: Any) -> None:
        words = {"name": "weekly", "pipeline": "p", "cron": "99 * * * *", "overlap": "skpi", "priority": "high"}
        answer = await d.http.post(SCHEDULES, json=words)
        assert set(pointers(answer)) == {"/cron", "/overlap", "/priority"}

    door(body)


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{", {"content-type": "application/json"}, 400),
        (b"[" * 100_000, {"content-type": "application/json"}, 400),
        (b"a=1", {"content-type": "application/x-www-form-urlencoded"}, 415),
        (b'{"name": "x", "pipeline": "p", "every": NaN}', {"content-type": "application/json"}, 400),
    ],
)
def test_what_is_no_json_is_told(content: bytes, headers: dict[str, str], status: int, door: Any) -> None:
    async def body(d: Any) -> None:
        answer = await d.http.post(SCHEDULES, content=content, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")

    door(body)


def test_a_name_that_is_taken_is_a_conflict(door: Any, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("schedules: [{name: nightly, pipeline: p, every: 1h}]\n")

    async def body(d: Any) -> None:
        await made(d)
        answer = await d.http.post(SCHEDULES, json=WEEKLY)
        assert (answer.status_code, answer.json()["url"], pointers(answer)) == (409, HERE, ["/name"])
        nightly = {"name": "nightly", "pipeline": "p", "every": "2h"}
        there = f"{SCHEDULES}/nightly"
        for answer in (
            await d.http.post(SCHEDULES, json=nightly),
            await d.http.put(there, json=nightly, headers={"If-Match": "*"}),
            await d.http.put(there, json=nightly, headers={"If-None-Match": "*"}),
            await d.http.delete(there, headers={"If-Match": "*"}),
        ):
            assert answer.status_code == 409
            assert answer.json()["place"] == f"{tmp_path}/s.yaml:1"
        assert (await d.http.get(there)).json()["when"] == "every 1h"

    door(body)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 428),
        ({"If-Match": '"0123456789abcdef.0123456789abcdef"'}, 412),
        ({"If-Match": "nonsense"}, 412),
        ({"If-Match": 'W/"{definition}.x"'}, 412),
        ({"If-Match": '"{definition}.x"'}, 200),
        ({"If-Match": '"other", "{definition}.y"'}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-None-Match": "*"}, 412),
        ({"If-None-Match": '"x"'}, 412),
    ],
)
def test_a_change_names_what_it_replaces(headers: dict[str, str], status: int, door: Any) -> None:
    async def body(d: Any) -> None:
        definition = (await made(d)).strip('"').split(".")[0]
        said = {name: value.replace("{definition}", definition) for name, value in headers.items()}
        answer = await d.http.put(HERE, json={**WEEKLY, "priority": 1}, headers=said)
        assert answer.status_code == status, answer.text
        if status != 200:
            assert answer.json()["type"] == "urn:zenbeat:precondition"
            assert (await d.http.get(HERE)).json()["priority"] == 0
        if "If-None-Match" not in said:
            removal = await d.http.delete(HERE, headers=said)
            assert removal.status_code == (status if status != 200 or said["If-Match"] == "*" else 412)

    door(body)


def test_put_makes_what_does_not_exist_only_if_that_is_said(door: Any) -> None:
    async def body(d: Any) -> None:
        assert (await d.http.put(HERE, json=WEEKLY)).status_code == 428
        assert (await d.http.put(HERE, json=WEEKLY, headers={"If-Match": "*"})).status_code == 404
        answer = await d.http.put(HERE, json={"pipeline": "p", "every": "1h"}, headers={"If-None-Match": "*"})
        assert (answer.status_code, answer.headers["location"]) == (201, HERE)
        other = await d.http.put(HERE, json={**WEEKLY, "name": "other"}, headers={"If-Match": "*"})
        assert (other.status_code, pointers(other)) == (422, ["/name"])

    door(body)


def test_of_two_writers_at_once_one_wins(door: Any) -> None:
    async def body(d: Any) -> None:
        etag = await made(d)
        answers = await asyncio.gather(
            *(d.http.put(HERE, json={**WEEKLY, "priority": n}, headers={"If-Match": etag}) for n in range(1, 9))
        )
        assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7
        (winner,) = [n for n, answer in enumerate(answers, 1) if answer.status_code == 200]
        assert (await d.http.get(HERE)).json()["priority"] == winner
        assert len(await d.engine.audit.newest(100)) == 2
        answers = await asyncio.gather(
            *(d.http.post(SCHEDULES, json={**WEEKLY, "name": "new", "priority": n}) for n in range(8))
        )
        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7

    door(body)


def test_every_change_is_on_record_with_its_consequence(door: Any) -> None:
    async def body(d: Any) -> None:
        key = await d.key("operate", "trigger:training", name="ops")
        async with d.client(key=key) as http:
            etag = (await http.post(SCHEDULES, json=WEEKLY)).headers["etag"]
            changed = {**WEEKLY, "cron": "0 4 * * 1"}
            etag = (await http.put(HERE, json=changed, headers={"If-Match": etag})).headers["etag"]
            await http.delete(HERE, headers={"If-Match": etag})
        found = [each for each in await d.engine.audit.newest(10) if each.action.startswith("schedule.")][::-1]
        assert [each.action for each in found] == ["schedule.create", "schedule.change", "schedule.delete"]
        assert {(each.who, each.what, each.address) for each in found} == {("ops", "weekly", "127.0.0.1")}
        create, change, delete = ((each.before, each.after) for each in found)
        assert (create[0], json.loads(create[1])["entry"]) == ("", WEEKLY)
        assert change[0] == create[1]
        assert (json.loads(change[1])["entry"], delete) == (changed, (change[1], ""))
        assert "T03:00:00" in json.loads(change[0])["next_fires"][0]
        assert "T04:00:00" in json.loads(change[1])["next_fires"][0]

    door(body)


@pytest.mark.parametrize(
    ("scopes", "status"),
    [
        (["read"], 403),
        (["trigger:training"], 403),
        (["operate"], 403),
        (["operate", "trigger:etl"], 403),
        (["operate", "trigger:training"], 201),
        (["admin"], 201),
    ],
)
def test_who_makes_a_schedule_may_start_its_pipeline(scopes: list[str], status: int, door: Any) -> None:
    async def body(d: Any) -> None:
        async with d.client(key=await d.key(*scopes)) as http:
            assert (await http.post(SCHEDULES, json=WEEKLY)).status_code == status

    door(body)


def test_what_others_follow_is_not_taken_away(door: Any) -> None:
    async def body(d: Any) -> None:
        await made(d)
        after = {"name": "report", "pipeline": "p", "after": {"schedule": "weekly"}}
        assert (await d.http.post(SCHEDULES, json=after)).status_code == 201
        answer = await d.http.delete(HERE, headers={"If-Match": "*"})
        assert (answer.status_code, answer.json()["followers"]) == (409, ["report"])
        await d.http.delete(f"{SCHEDULES}/report", headers={"If-Match": "*"})
        assert (await d.http.delete(HERE, headers={"If-Match": "*"})).status_code == 200

    door(body)


def test_one_that_cannot_be_read_is_shown_changed_and_taken_away_and_harms_nobody(door: Any) -> None:
    async def body(d: Any) -> None:
        await made(d)
        await d.engine.redis.hset(d.engine.keys.booked, "ill", b"{not json")
        await d.engine.redis.hset(
            d.engine.keys.booked, "odd", b'{"entry":{"every":[]},"created":"","changed":"","by":""}'
        )
        await d.engine.redis.incr(d.engine.keys.booked_revision)
        listed = (await d.http.get(SCHEDULES)).json()["items"]
        assert [(each["name"], each["status"]) for each in listed] == [
            ("ill", "broken file"),
            ("odd", "broken file"),
            ("weekly", "new"),
        ]
        shown = await d.http.get(f"{SCHEDULES}/ill")
        assert "cannot be read" in shown.json()["faults"][0]
        assert (await d.http.post(f"{SCHEDULES}/ill/run")).status_code == 409
        mended = {"pipeline": "p", "every": "1h"}
        answer = await d.http.put(f"{SCHEDULES}/ill", json=mended, headers={"If-Match": shown.headers["etag"]})
        assert answer.status_code == 200, answer.text
        assert (await d.http.get(f"{SCHEDULES}/ill")).json()["status"] == "new"
        assert (await d.http.delete(f"{SCHEDULES}/odd", headers={"If-Match": "*"})).status_code == 200

    door(body)


def test_a_file_takes_a_name_and_gives_it_back(door: Any, tmp_path: Path) -> None:
    async def body(d: Any) -> None:
        await made(d)
        (tmp_path / "s.yaml").write_text("schedules: [{name: weekly, pipeline: p, every: 1h}]\n")
        shown = (await d.http.get(HERE)).json()
        assert (shown["managed_by"], shown["when"]) == ("file", "every 1h")
        assert len((await d.http.get(SCHEDULES)).json()["items"]) == 1
        (tmp_path / "s.yaml").write_text("schedules: []\n")
        shown = (await d.http.get(HERE)).json()
        assert (shown["managed_by"], shown["when"]) == ("api", "0 3 * * 1"), "neither prunes the other"

    door(body)


def test_a_config_template_of_the_folder_can_be_used(door: Any, tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text("steps: {a: {parameters: {x: 1}}}\n")

    async def body(d: Any) -> None:
        await made(d, config_template="t.yaml", config={"steps": {"a": {"parameters": {"y": 2}}}})
        shown = (await d.http.get(HERE)).json()
        assert shown["config"] == {"steps": {"a": {"parameters": {"x": 1, "y": 2}}}}
        (tmp_path / "t.yaml").write_text("steps: [\n")
        shown = (await d.http.get(HERE)).json()
        assert "t.yaml" in shown["faults"][0]
        assert shown["config"]["steps"]["a"]["parameters"]["x"] == 1, "its last good version goes on"

    door(body)


def test_without_redis_nothing_is_promised(door: Any) -> None:
    async def body(d: Any) -> None:
        for answer in (await d.http.get(SCHEDULES), await d.http.post(SCHEDULES, json=WEEKLY)):
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")

    door(body, REDIS_URL="redis://127.0.0.1:1/0")
