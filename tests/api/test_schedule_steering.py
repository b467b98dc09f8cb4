"""Schedules steered over HTTP: run now, pause, resume, and fire times of the past."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from worker.domain.pause import PauseCause
from worker.domain.schedule import ManagedBy

SCHEDULES = "/api/v1/schedules"
HERE = f"{SCHEDULES}/hourly"

FILE = """\
schedules:
  - name: hourly
    pipeline: training
    every: 1h
    config: {tags: ["{{ fire_time | date('%Y') }}"]}
  - {name: once, pipeline: etl, at: 2020-01-01, end_time: 2020-01-02}
sweeps:
  - {name: grid, pipeline: training, method: grid, cron: "0 1 * * *", parameters: {lr: {values: [1, 2]}}}
"""


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(FILE)


async def actions(d: Any) -> list[str]:
    return [each.action for each in await d.engine.audit.newest(100) if each.action.startswith("schedule.")][::-1]


def pointers(answer: Any) -> list[str]:
    return [each["pointer"] for each in answer.json()["errors"]]


def test_a_run_is_on_record_rendered_and_audited(door: Any) -> None:
    async def body(d: Any) -> None:
        answer = await d.http.post(f"{HERE}/run")
        told = answer.json()
        assert (answer.status_code, answer.headers["location"]) == (202, told["url"])
        shown = (await d.http.get(told["url"])).json()
        assert (shown["origin"], shown["schedule"], shown["pipeline"]) == ("api", "hourly", "training")
        assert str(datetime.now(UTC).year) in shown["config"]["tags"]
        assert await actions(d) == ["schedule.run"]

    door(body)


def test_the_same_key_is_the_same_run(door: Any) -> None:
    async def body(d: Any) -> None:
        header = {"Idempotency-Key": "upload-1"}
        first, again = [await d.http.post(f"{HERE}/run", headers=header) for _ in range(2)]
        assert (first.status_code, first.json()) == (again.status_code, again.json())
        other = await d.http.post(f"{HERE}/run", headers={"Idempotency-Key": "upload-2"})
        assert other.json()["id"] != first.json()["id"]
        assert await actions(d) == ["schedule.run", "schedule.run"]

    door(body)


@pytest.mark.parametrize(
    ("scopes", "status"), [(["read"], 403), (["trigger:etl"], 403), (["trigger:training"], 202), (["operate"], 202)]
)
def test_who_may_run_a_schedule(scopes: list[str], status: int, door: Any) -> None:
    async def body(d: Any) -> None:
        async with d.client(key=await d.key(*scopes)) as http:
            assert (await http.post(f"{HERE}/run")).status_code == status

    door(body)


@pytest.mark.parametrize("way", ["pause", "resume", "backfill"])
def test_to_steer_a_schedule_takes_operate(way: str, door: Any) -> None:
    async def body(d: Any) -> None:
        async with d.client(key=await d.key("read", "trigger:*")) as http:
            assert (await http.post(f"{HERE}/{way}", json={})).status_code == 403

    door(body)


@pytest.mark.parametrize("way", ["run", "pause", "resume", "backfill"])
def test_a_name_that_there_is_not_is_told(way: str, door: Any) -> None:
    async def body(d: Any) -> None:
        answer = await d.http.post(
            f"{SCHEDULES}/hourli/{way}", json={"from": "2026-01-01"} if way == "backfill" else {}
        )
        assert (answer.status_code, 'did you mean "hourly"' in answer.json()["detail"]) == (404, True)

    door(body)


def test_a_sweep_is_not_run_as_one_run(door: Any) -> None:
    async def body(d: Any) -> None:
        answer = await d.http.post(f"{SCHEDULES}/grid/run")
        assert (answer.status_code, "sweep" in answer.json()["detail"]) == (422, True)

    door(body)


def test_a_pause_and_its_end_tell_the_next_fires_before_and_after(door: Any) -> None:
    async def body(d: Any) -> None:
        paused = (await d.http.post(f"{HERE}/pause", json={"why": "the data is late"})).json()
        assert (paused["paused"]["why"], paused["paused"]["by"], paused["next_fires"]["after"]) == (
            "the data is late",
            "api",
            [],
        )
        assert len(paused["next_fires"]["before"]) == 5
        until = (datetime.now(UTC) + timedelta(hours=3)).isoformat()
        longer = (await d.http.post(f"{HERE}/pause", json={"until": until})).json()
        assert longer["paused"]["since"] == paused["paused"]["since"]
        assert longer["next_fires"]["after"][0] >= until[:16]
        resumed = (await d.http.post(f"{HERE}/resume")).json()
        assert "paused" not in resumed or resumed["paused"] is None
        assert resumed["next_fires"]["after"] == paused["next_fires"]["before"]
        assert (await d.http.post(f"{HERE}/resume", json={})).status_code == 200, "it goes on anyway"
        assert await actions(d) == ["schedule.pause", "schedule.pause", "schedule.resume"]
        entry = (await d.engine.audit.newest(1))[0]
        assert json.loads(entry.after)["next_fires"] != json.loads(entry.before)["next_fires"]

    door(body)


@pytest.mark.parametrize(
    ("body_", "pointer", "hint"),
    [
        ({"until": "2020-01-01T00:00:00Z"}, "/until", "has passed"),
        ({"until": "soon"}, "/until", "is not a time"),
        ({"until": 0.5}, "/until", "string"),
        ({"until": "9999-12-31T23:59:59Z"}, "/until", "between"),
        ({"untill": "x"}, "/untill", "until"),
        ({"why": 7}, "/why", "string"),
        ([], "", "valid"),
    ],
)
def test_what_is_wrong_with_a_pause_has_its_place(body_: Any, pointer: str, hint: str, door: Any) -> None:
    async def body(d: Any) -> None:
        answer = await d.http.post(f"{HERE}/pause", json=body_)
        assert (answer.status_code, pointers(answer)) == (422, [pointer])
        assert hint in answer.json()["detail"]
        assert await actions(d) == []

    door(body)


def test_what_has_come_to_its_end_does_not_go_on(door: Any) -> None:
    async def body(d: Any) -> None:
        await d.http.post(f"{SCHEDULES}/once/pause")
        pause = await d.engine.pauses.get("once")
        ended = d.engine.pauses.begin("once", type(pause)(since=pause.since, by="zenbeat", cause=PauseCause.END_TIME))
        await d.engine.redis.execute_command(*ended)
        answer = await d.http.post(f"{SCHEDULES}/once/resume")
        assert (answer.status_code, "end_time" in answer.json()["detail"]) == (422, True)

    door(body)


def test_a_backfill_is_tried_out_begun_and_goes_on(door: Any) -> None:
    async def body(d: Any) -> None:
        wish = {"from": "2026-01-05T00:00", "to": "2026-01-05T05:00"}
        tried = await d.http.post(f"{HERE}/backfill?dry_run=true", json=wish)
        told = tried.json()
        assert (tried.status_code, told["fires"], told["to_run"], told["dry_run"]) == (200, 6, 6, True)
        assert [each["becomes"] for each in told["prospects"]] == ["runs"] * 6
        begun = await d.http.post(f"{HERE}/backfill", json=wish)
        assert (begun.status_code, begun.json()["new"]) == (202, True)
        assert begun.headers["location"] == begun.json()["url"] == f"/api/v1/sweeps/{begun.json()['id']}"
        again = await d.http.post(f"{HERE}/backfill", json=wish)
        assert (again.json()["id"], again.json()["new"]) == (begun.json()["id"], False)
        row = await d.engine.sweeps.get(begun.json()["id"])
        assert (row.name, row.total) == ("hourly", 6)
        assert await actions(d) == ["schedule.backfill"]

    door(body)


@pytest.mark.parametrize(
    ("wish", "pointer", "hint"),
    [
        ({}, "/from", "required"),
        ({"from": "yesterday"}, "/from", "not a time"),
        ({"from": "0001-01-01"}, "/from", "between"),
        ({"from": "9999-12-31"}, "/from", "between"),
        ({"from": "2026-01-01", "to": "9999-12-31"}, "/to", ""),
        ({"from": "2026-01-01", "every": "soon"}, "/every", "soon"),
        ({"from": "2026-01-01", "overlap": "skip"}, "/overlap", "allow"),
        ({"from": "2026-01-01", "max_paralel": 2}, "/max_paralel", "max_parallel"),
        ({"from": "1990-01-01"}, "", "many: true"),
        ({"from": "2026-01-02", "to": "2026-01-01"}, "", "ends before it begins"),
        ([], "", ""),
    ],
)
def test_what_is_wrong_with_a_backfill_has_its_place(wish: Any, pointer: str, hint: str, door: Any) -> None:
    async def body(d: Any) -> None:
        answer = await d.http.post(f"{HERE}/backfill", json=wish)
        assert (answer.status_code, pointers(answer)) == (422, [pointer]), answer.text
        assert hint in answer.json()["detail"]

    door(body)


def test_one_made_over_the_api_is_steered_alike(door: Any) -> None:
    async def body(d: Any) -> None:
        made = {"name": "mine", "pipeline": "training", "every": "1h"}
        assert (await d.http.post(SCHEDULES, json=made)).status_code == 201
        mine = f"{SCHEDULES}/mine"
        assert (await d.http.post(f"{mine}/run")).status_code == 202
        assert (await d.http.post(f"{mine}/pause")).status_code == 200
        shown = await d.http.get(mine)
        assert (shown.json()["managed_by"], shown.json()["status"]) == (ManagedBy.API, "paused")
        gone = await d.http.delete(mine, headers={"If-Match": shown.headers["etag"]})
        assert gone.json()["next_fires"]["before"] == []
        assert (await d.http.post(SCHEDULES, json=made)).status_code == 201
        assert (await d.http.get(mine)).json()["status"] == "running", "its pause went with it; its run goes on"

    door(body)
