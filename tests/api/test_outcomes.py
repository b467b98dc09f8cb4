"""Outcomes over HTTP: the newest first, whatever comes meanwhile, and only those that are meant."""

from datetime import datetime, timedelta
from typing import Any

OUTCOMES = "/api/v1/outcomes"
TRIGGERS = "/api/v1/triggers"


async def cancelled(d: Any, count: int, pipeline: str = "training") -> list[str]:
    """Let so many triggers be asked for and withdrawn; gives their ids."""
    ids = []
    for _ in range(count):
        url = (await d.http.post(TRIGGERS, json={"pipeline": pipeline})).json()["url"]
        await d.http.post(f"{url}/cancel")
        ids.append(url.rpartition("/")[2])
    return ids


def test_pages_go_on_where_the_one_before_ended_whatever_comes_meanwhile(door: Any) -> None:
    async def body(d: Any) -> None:
        ids = await cancelled(d, 5)
        seen, cursor = [], None
        while True:
            params = {"limit": 2, "fields": "trigger,status,at"} | ({"cursor": cursor} if cursor else {})
            page = (await d.http.get(OUTCOMES, params=params)).json()
            assert all(set(item) == {"trigger", "status", "at"} for item in page["items"])
            seen += [item["trigger"] for item in page["items"]]
            await cancelled(d, 1, "late")
            cursor = page["next"]
            if cursor is None:
                break
        assert seen == ids[::-1]

    door(body)


def test_filters_find_what_is_meant(door: Any) -> None:
    async def body(d: Any) -> None:
        first, *_ = await cancelled(d, 2)
        (etl,) = await cancelled(d, 1, "etl")

        async def found(**params: Any) -> list[str]:
            return [each["trigger"] for each in (await d.http.get(OUTCOMES, params=params)).json()["items"]]

        assert await found(pipeline="etl") == [etl]
        assert await found(trigger=first) == [first]
        assert await found(status=["started", "dead"]) == []
        assert len(await found(status=["cancelled", "dead"])) == 3
        assert await found(schedule="nightly") == await found(sweep="x") == []
        whole = (await d.http.get(OUTCOMES)).json()["items"]
        assert (whole[0]["origin"], whole[0]["reason"]) == ("api", "by api")
        moment = datetime.fromisoformat(whole[0]["at"])
        assert await found(since=(moment + timedelta(hours=1)).isoformat()) == []
        assert await found(until=(moment - timedelta(hours=1)).isoformat()) == []
        hour = timedelta(hours=1)
        assert len(await found(since=(moment - hour).isoformat(), until=(moment + hour).isoformat())) == 3
        assert await found(until="0001-01-01T00:00:00Z") == []

    door(body)


def test_an_outcome_that_a_script_wrote_has_a_time_too(door: Any) -> None:
    async def body(d: Any) -> None:
        await d.engine.redis.xadd(d.engine.keys.outcomes, {"status": "dead", "trigger": "t", "schedule": ""})
        (told,) = (await d.http.get(OUTCOMES)).json()["items"]
        assert told["id"]
        assert told["at"]
        assert "schedule" not in told

    door(body)


def test_wrong_questions_have_their_place_and_wrong_callers_no_answer(door: Any) -> None:
    async def body(d: Any) -> None:
        for params, status, pointer in (
            ({"status": "begun"}, 422, "?status.0"),
            ({"since": "2026-01-01T00:00:00"}, 422, "?since"),
            ({"until": "now"}, 422, "?until"),
            ({"until": "0.5"}, 422, "?until"),
            ({"fields": "triger"}, 422, "?fields"),
            ({"cursor": "WzEsLTFd"}, 404, "?cursor"),
        ):
            answer = await d.http.get(OUTCOMES, params=params)
            assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (status, pointer)
        trainer = d.client(key=await d.key("trigger:*", name="trainer"))
        assert (await trainer.get(OUTCOMES)).status_code == 403
        reader = d.client(key=await d.key("read", name="reader"))
        assert (await reader.get(OUTCOMES)).status_code == 200

    door(body)
