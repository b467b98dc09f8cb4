"""Schedules over HTTP: what there is, how it stands, when it is due, and what was decided."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from worker.domain.pause import Pause
from worker.store.codec import milliseconds

SCHEDULES = "/api/v1/schedules"

FILE = """\
schedules:
  - {name: nightly, pipeline: training, cron: "0 2 * * *", timezone: Europe/Berlin}
  - {name: hourly, pipeline: etl, every: 1h}
  - {name: later, pipeline: report, after: {schedule: nightly}}
"""

WEEKLY = {"name": "weekly", "pipeline": "training", "cron": "0 3 * * 1"}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "s.yaml").write_text(FILE)
    return tmp_path


def test_the_list_has_those_of_files_and_those_of_the_api(door: Any, files: Path) -> None:
    async def body(d: Any) -> None:
        assert (await d.http.post(SCHEDULES, json=WEEKLY)).status_code == 201
        listed = (await d.http.get(SCHEDULES)).json()
        assert [(each["name"], each["managed_by"], each["status"]) for each in listed["items"]] == [
            ("hourly", "file", "new"),
            ("later", "file", "new"),
            ("nightly", "file", "new"),
            ("weekly", "api", "new"),
        ]
        assert listed["next"] is None
        assert listed["items"][3]["place"] == "api:weekly"
        assert "next" not in listed["items"][1]

    door(body)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("pipeline=training", ["nightly", "weekly"]),
        ("managed_by=api", ["weekly"]),
        ("paused=true", ["hourly"]),
        ("paused=false&pipeline=etl", []),
        ("status=paused&status=running", ["hourly"]),
        ("limit=1", ["hourly"]),
    ],
)
def test_the_list_can_be_narrowed(query: str, names: list[str], door: Any, files: Path) -> None:
    async def body(d: Any) -> None:
        await d.http.post(SCHEDULES, json=WEEKLY)
        await d.http.post(f"{SCHEDULES}/hourly/pause", json={"why": "broken"})
        listed = (await d.http.get(f"{SCHEDULES}?{query}")).json()
        assert [each["name"] for each in listed["items"]] == names

    door(body)


def test_the_list_comes_in_pages_and_with_the_fields_asked_for(door: Any, files: Path) -> None:
    async def body(d: Any) -> None:
        first = (await d.http.get(f"{SCHEDULES}?limit=2&fields=name,when")).json()
        assert first["items"] == [{"name": "hourly", "when": "every 1h"}, {"name": "later", "when": "after nightly"}]
        second = (await d.http.get(f"{SCHEDULES}?limit=2&fields=name&cursor={first['next']}")).json()
        assert second == {"items": [{"name": "nightly"}], "next": None}
        wrong = await d.http.get(f"{SCHEDULES}?fields=pipelin")
        assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "?fields")
        assert "pipeline" in wrong.json()["detail"]

    door(body)


def test_one_schedule_is_shown_in_full_with_its_etag(door: Any, files: Path) -> None:
    async def body(d: Any) -> None:
        shown = await d.http.get(f"{SCHEDULES}/nightly")
        told = shown.json()
        assert (told["when"], told["overlap"], told["managed_by"]) == ("0 2 * * *", "allow", "file")
        assert len(told["next_fires"]) == 5
        assert "entry" not in told
        etag = shown.headers["etag"]
        again = await d.http.get(f"{SCHEDULES}/nightly", headers={"If-None-Match": f'"x", {etag}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        await d.http.post(f"{SCHEDULES}/nightly/pause")
        changed = await d.http.get(f"{SCHEDULES}/nightly", headers={"If-None-Match": etag})
        assert changed.status_code == 200
        definition, state = etag.strip('"').split("."), changed.headers["etag"].strip('"').split(".")
        assert (definition[0], definition[1] == state[1]) == (state[0], False), "only its state is another one"

    door(body)


@pytest.mark.parametrize("way", ["", "/fires", "/ledger"])
def test_a_name_that_there_is_not_is_told_with_the_nearest(way: str, door: Any, files: Path) -> None:
    async def body(d: Any) -> None:
        answer = await d.http.get(f"{SCHEDULES}/nightli{way}")
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:zenbeat:unknown")
        assert 'did you mean "nightly"' in answer.json()["detail"]

    door(body)


def test_fires_are_told_from_an_instant_on_in_both_clocks(door: Any, files: Path) -> None:
    async def body(d: Any) -> None:
        after = "2026-03-28T12:00:00+01:00"
        found = (await d.http.get(f"{SCHEDULES}/nightly/fires", params={"after": after, "count": 2})).json()
        assert found["items"] == [
            {"fire_time": "2026-03-29T01:00:00Z", "local": "2026-03-29T03:00:00+02:00"},
            {"fire_time": "2026-03-30T00:00:00Z", "local": "2026-03-30T02:00:00+02:00"},
        ]
        assert (await d.http.get(f"{SCHEDULES}/later/fires")).json() == {"items": []}

    door(body)


@pytest.mark.parametrize("after", ["soon", "0.5", "2026-13-01T00:00:00Z", "", "2026-03-29T02:30:00x"])
def test_what_is_no_instant_is_a_fault(after: str, door: Any, files: Path) -> None:
    async def body(d: Any) -> None:
        answer = await d.http.get(f"{SCHEDULES}/nightly/fires", params={"after": after})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "?after")

    door(body)


@pytest.mark.parametrize(
    ("after", "first"),
    [
        ("0001-01-01T00:00:00+14:00", "1970-01-01T01:00:00Z"),
        ("9999-12-31T23:59:59-14:00", "2200-01-01T01:00:00Z"),
        ("2026-03-28T12:00:00", "2026-03-29T01:00:00Z"),
    ],
)
def test_every_instant_has_fires_after_it(after: str, first: str, door: Any, files: Path) -> None:
    async def body(d: Any) -> None:
        found = (await d.http.get(f"{SCHEDULES}/nightly/fires", params={"after": after, "count": 1})).json()
        assert [each["fire_time"] for each in found["items"]] == [first]

    door(body)


def test_the_ledger_comes_newest_first_in_pages_and_outlives_its_schedule(door: Any, files: Path) -> None:
    async def body(d: Any) -> None:
        begin = datetime(2026, 3, 1, tzinfo=UTC)
        for hour in range(5):
            fire = begin + timedelta(hours=hour)
            entry = f'{{"fire_time": "{fire.isoformat()}", "decision": "fired", "trigger": "t{hour}"}}'
            await d.engine.redis.zadd(d.engine.keys.ledger("gone"), {entry: milliseconds(fire)})
        first = (await d.http.get(f"{SCHEDULES}/gone/ledger?limit=3")).json()
        assert [entry["trigger"] for entry in first["items"]] == ["t4", "t3", "t2"]
        rest = (await d.http.get(f"{SCHEDULES}/gone/ledger?limit=3&cursor={first['next']}")).json()
        assert [entry["trigger"] for entry in rest["items"]] == ["t1", "t0"]
        assert rest["next"] is None
        assert (await d.http.get(f"{SCHEDULES}/nightly/ledger")).json() == {"items": [], "next": None}

    door(body)


def test_who_may_not_read_sees_nothing(door: Any, files: Path) -> None:
    async def body(d: Any) -> None:
        key = await d.key("trigger:*", name="starter")
        async with d.client(key=key) as http:
            for way in ("", "/nightly", "/nightly/fires", "/nightly/ledger"):
                assert (await http.get(SCHEDULES + way)).status_code == 403
        async with d.client() as http:
            assert (await http.get(SCHEDULES)).status_code == 401

    door(body)


def test_a_pause_tells_its_end_and_the_next_fire_is_not_before(door: Any, files: Path) -> None:
    async def body(d: Any) -> None:
        until = datetime(2100, 1, 1, tzinfo=UTC)
        pause = Pause(since=d.engine.clock(), by="me", until=until)
        await d.engine.redis.execute_command(*d.engine.pauses.begin("hourly", pause))
        (shown,) = (await d.http.get(f"{SCHEDULES}?pipeline=etl")).json()["items"]
        assert (shown["status"], shown["next"], shown["paused"]["by"]) == ("paused", "2100-01-01T00:00:00Z", "me")

    door(body)
