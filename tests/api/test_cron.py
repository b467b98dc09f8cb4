"""The preview of fire times over HTTP: what the clocks do, and faults in the words of a schedule."""

from typing import Any

import pytest

PREVIEW = "/api/v1/cron/preview"


def test_a_gap_and_a_fold_are_told(door: Any) -> None:
    async def body(d: Any) -> None:
        asked = {"cron": "30 2 * * *", "timezone": "Europe/Berlin", "after": "2026-03-28T12:00", "count": 2}
        told = (await d.http.post(PREVIEW, json=asked)).json()
        assert (told["when"], told["timezone"]) == ("30 2 * * *", "Europe/Berlin")
        assert [fire["utc"] for fire in told["fires"]] == ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
        assert told["fires"][0]["local"] == "2026-03-29T03:00:00+02:00"
        assert told["fires"][0]["note"] == "clocks go forward 02:00 → 03:00 on Sun 2026-03-29"
        both = {**asked, "after": "2026-10-24T12:00", "dst": {"fold": "both"}}
        fold = (await d.http.post(PREVIEW, json=both)).json()["fires"]
        assert [fire["local"] for fire in fold] == ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"]
        skip = {**asked, "dst": {"gap": "skip"}}
        assert (await d.http.post(PREVIEW, json=skip)).json()["fires"][0]["utc"] == "2026-03-30T00:30:00Z"

    door(body)


def test_every_and_at_and_jitter_and_seconds(door: Any) -> None:
    async def body(d: Any) -> None:
        every = {"every": "90s", "start_time": "2026-01-01T00:00:10Z", "after": "2026-01-01", "jitter": "10s"}
        fires = (await d.http.post(PREVIEW, json=every)).json()["fires"]
        assert [fire["utc"] for fire in fires][:2] == ["2026-01-01T00:00:10Z", "2026-01-01T00:01:40Z"]
        assert len(fires) == 5
        assert fires[0]["utc"] <= fires[0]["starts"] <= "2026-01-01T00:00:20Z"
        again = (await d.http.post(PREVIEW, json=every)).json()["fires"]
        assert again == fires
        once = {"at": "2026-12-01T08:00", "timezone": "Europe/Berlin", "after": "2026-01-01"}
        assert [fire["utc"] for fire in (await d.http.post(PREVIEW, json=once)).json()["fires"]] == [
            "2026-12-01T07:00:00Z"
        ]
        seconds = {"cron": "* * * * * 30", "seconds": True, "after": "2026-01-01T00:00:00Z", "count": 1}
        assert (await d.http.post(PREVIEW, json=seconds)).json()["fires"][0]["utc"] == "2026-01-01T00:00:30Z"
        hashed = {"cron": "H H * * *", "name": "nightly", "after": "2026-01-01", "count": 1}
        one = (await d.http.post(PREVIEW, json=hashed)).json()["fires"]
        assert one != (await d.http.post(PREVIEW, json={**hashed, "name": "other"})).json()["fires"]
        assert len((await d.http.post(PREVIEW, json={"cron": "@daily"})).json()["fires"]) == 5

    door(body)


@pytest.mark.parametrize(
    ("words", "pointer", "detail"),
    [
        ({"cron": "0 25 * * *"}, "/cron", "25"),
        ({"cron": ["0 2 * * *", "0 0 31 2 *"]}, "/cron/1", ""),
        ({"crom": "0 2 * * *"}, "/crom", 'unknown key; did you mean "cron"?'),
        ({"cron": "0 2 * * *", "timezone": "Europe/Berlni"}, "/timezone", "Europe/Berlin"),
        ({"cron": "0 2 * * *", "every": "5m"}, "/every", "keep one of them"),
        ({"cron": "0 2 * * *", "dst": {"gap": "jump"}}, "/dst/gap", "shift, skip"),
        ({"every": "soon"}, "/every", "length of time"),
        ({"every": "1ms"}, "/every", "shortest"),
        ({"at": "tomorrow"}, "/at", "is not a time"),
        ({}, "", "write one of cron"),
        ({"every": "5m", "cron": None}, "/cron", "leave it out"),
        ({"every": "5m", "skip_dates": []}, "/skip_dates", "leave it out"),
        ({"pipeline": "training", "cron": "0 2 * * *"}, "/pipeline", "unknown key"),
        ({"cron": "0 2 * * *", "count": 0}, "/count", ""),
        ({"cron": "0 2 * * *", "count": 5000}, "/count", ""),
        ({"cron": "0 2 * * *", "after": "later"}, "/after", "is not a time"),
        ({"cron": "0 2 * * *", "after": "0001-01-01"}, "/after", "between"),
        ({"cron": "0 2 * * *", "name": "No"}, "/name", ""),
        ([], "", "mapping"),
    ],
)
def test_faults_have_their_place(door: Any, words: Any, pointer: str, detail: str) -> None:
    async def body(d: Any) -> None:
        answer = await d.http.post(PREVIEW, json=words)
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["pointer"] == pointer
        assert detail in answer.json()["errors"][0]["detail"]

    door(body)


def test_instants_at_the_ends_of_time_are_no_trouble(door: Any) -> None:
    async def body(d: Any) -> None:
        for words in ({"at": "9998-12-31T23:59"}, {"cron": "0 0 1 1 *", "after": "2199-12-31", "count": 1000}):
            assert (await d.http.post(PREVIEW, json=words)).status_code == 200
        reader = d.client(key=await d.key("read"))
        assert (await reader.post(PREVIEW, json={"every": "1h"})).status_code == 200
        trainer = d.client(key=await d.key("trigger:*", name="trainer"))
        assert (await trainer.post(PREVIEW, json={"every": "1h"})).status_code == 403

    door(body)
