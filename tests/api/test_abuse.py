"""Callers that mean harm: what they send does no harm, and is told apart from a fault of ours."""

import asyncio
from time import process_time
from typing import Any

import pytest

TRIGGERS = "/api/v1/triggers"
JSON = {"Content-Type": "application/json"}

SECRET = "S3cr3tS3cr3tS3cr3tS3cr3tS3cr3tS3cr3tS3cr3t0"
CANARY = f"zb_canarycanary_{SECRET}"
"""A key that nobody may ever read again."""

SLOWEST = 2.0
"""Seconds of the processor that one bad request may cost."""


READ: dict[str, tuple[Any, ...]] = {
    "string": ("get",),
    "hash": ("hgetall",),
    "stream": ("xrange",),
    "zset": ("zrange", 0, -1),
    "list": ("lrange", 0, -1),
    "set": ("smembers",),
}


async def everything(d: Any) -> str:
    """Give all that Redis holds, keys and values, as one text."""
    redis, parts = d.engine.triggers.redis, []
    async for key in redis.scan_iter(count=1000):
        kind = (await redis.type(key)).decode()
        name, *words = READ[kind]
        parts.append(f"{key!r} {await getattr(redis, name)(key, *words)!r}")
    return "\n".join(parts)


def well(answer: Any) -> None:
    """See that an answer is no fault of ours, and tells nothing of our insides."""
    assert answer.status_code < 500, answer.text
    for word in ("Traceback", 'File "', "site-packages", "redis.", "pydantic"):
        assert word not in answer.text


@pytest.mark.parametrize(
    "field",
    ["id", "state", "origin", "asked_by", "asked_from", "schedule", "sweep", "trial", "attempt", "run_id", "run_name"],
)
def test_what_is_ours_cannot_be_given(field: str, door: Any) -> None:
    async def body(d: Any) -> None:
        for words in ({field: "1"}, {field: {"a": 1}}):
            asked = {"pipeline": "training", **words}
            for sent, place in ((asked, f"/{field}"), ({"triggers": [asked]}, f"/triggers/0/{field}")):
                told = await d.http.post(TRIGGERS, json=sent)
                assert (told.status_code, told.json()["errors"][0]["pointer"]) == (422, place)
        assert await d.engine.triggers.newest(10) == []

    door(body)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/triggers/../../../../etc/passwd",
        "/api/v1/triggers/..%2f..%2fetc%2fpasswd",
        "/api/v1/triggers/%2e%2e/%2e%2e/docs",
        "/api/v1//triggers",
        "/api/v1/triggers/",
        "/API/V1/TRIGGERS",
        "/api/v1/triggers/%00",
        "/api/v1/triggers/a%0d%0aSet-Cookie:%20x",
        "/api/v1/triggers/*",
        "/api/v1/triggers/a:b:c",
        "/api/v1/triggers/%ff%fe",
        "/api/v1/triggers/%ed%a0%80",
        "/api/v1/triggers/" + "x" * 20_000,
        "/api/v1/schedules/%2e%2e%2fx",
        "/api/v1/schedules/" + "x" * 20_000,
        "/hooks/..%2f",
        "/hooks/" + "x" * 20_000,
        "/docs/%2e%2e/app.py",
    ],
)
def test_a_path_leads_nowhere_but_where_it_says(path: str, door: Any) -> None:
    async def body(d: Any) -> None:
        for method in ("GET", "POST", "PUT", "DELETE"):
            answer = await d.http.request(method, path, headers=JSON)
            well(answer)
            assert answer.status_code in {400, 404, 405, 422, 428}, answer.text
            assert len(answer.content) < 30_000
            assert "set-cookie" not in answer.headers
        long = [key async for key in d.engine.triggers.redis.scan_iter() if len(key) > 300]
        assert long == []

    door(body)


BOMBS = {
    "deep list": b"[" * 100_000,
    "deep, and closed": b'{"pipeline":"p","config":{"a":' + b"[" * 900 + b"]" * 900 + b"}}",
    "deep where a text belongs": b'{"pipeline":' + b"[" * 900 + b"]" * 900 + b"}",
    "deep version": b'{"pipeline":"p","version":' + b"[" * 900 + b"]" * 900 + b"}",
    "deep batch": b'{"triggers":' + b"[" * 900 + b"]" * 900 + b"}",
    "millions of numbers": b'{"pipeline":"p","config":{"a":[' + b",".join([b"0"] * 3_900_000) + b"]}}",
    "mappings without end": b'{"pipeline":"p","config":{"a":[' + b",".join([b'{"a":{}}'] * 110_000) + b"]}}",
    "wide, again and again": b'{"triggers":['
    + b",".join([b"{" + b",".join(b'"k%d":0' % n for n in range(240)) + b"}"] * 1000)
    + b"]}",
    "deep beside wide": b'{"pipeline":"p","config":{"b":'
    + b"[" * 900
    + b"]" * 900
    + b',"a":['
    + b",".join([b"0"] * 240_000)
    + b"]}}",
    "wide": b'{"pipeline":"p",' + b",".join(b'"k%d":0' % n for n in range(60_000)) + b"}",
    "wide configuration": b'{"pipeline":"p","config":{' + b",".join(b'"k%d":1e999' % n for n in range(50_000)) + b"}}",
    "many bad triggers": b'{"triggers":[' + b",".join([b'{"a":1}'] * 100_000) + b"]}",
    "many empty triggers": b'{"triggers":[' + b",".join([b"{}"] * 1000) + b"]}",
    "long key": b'{"pipeline":"p","' + b"x" * 900_000 + b'":1}',
    "long keys": b'{"pipeline":"p",' + b",".join(b'"%d%b":1' % (n, b"x" * 18_000) for n in range(45)) + b"}",
    "long version": b'{"pipeline":"p","version":"' + b"x" * 900_000 + b'"}',
    "huge integer": b'{"pipeline":"p","priority":' + b"9" * 100_000 + b"}",
    "huge float": b'{"pipeline":"p","config":{"a":1e400}}',
    "infinity": b'{"pipeline":"p","config":{"a":Infinity}}',
    "not a number": b'{"pipeline":"p","config":{"a":NaN}}',
    "lone surrogate": b'{"pipeline":"p","config":{"a":"\\ud800"}}',
    "lone surrogate in a key": b'{"pipeline":"p","config":{"\\udfff":1}}',
    "broken UTF-8": b'{"pipeline":"\xff\xfe"}',
    "UTF-16": '{"pipeline":"p"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"pipeline":"p"}',
    "NUL": b'{"pipeline":"p\\u0000q"}',
    "two values": b'{"pipeline":"p"}{"pipeline":"q"}',
    "a date that there is not": b'{"pipeline":"p","not_before":"2026-02-30T00:00:00Z"}',
    "a number for a date": b'{"pipeline":"p","not_before":1e308}',
    "a date beyond all": b'{"pipeline":"p","not_before":"9999-12-31T23:59:59-23:59"}',
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_costs_little_and_starts_nothing(name: str, door: Any, log: Any) -> None:
    async def body(d: Any) -> None:
        begun = process_time()
        answer = await d.http.post(TRIGGERS, content=BOMBS[name], headers=JSON)
        took = process_time() - begun
        well(answer)
        assert answer.status_code in {400, 413, 422}, answer.text[:500]
        assert len(answer.content) < 64 * 1024, "an answer is no echo"
        assert took < SLOWEST
        assert await d.engine.triggers.newest(10) == []
        assert "Traceback" not in log.getvalue()

    door(body)


def test_of_two_equal_keys_the_last_one_counts_for_all(door: Any) -> None:
    async def body(d: Any) -> None:
        trainer = d.client(key=await d.key("trigger:training", name="trainer"))
        for first, last, status in (("training", "etl", 403), ("etl", "training", 202)):
            sent = f'{{"pipeline":"{first}","pipeline":"{last}"}}'.encode()
            answer = await trainer.post(TRIGGERS, content=sent, headers=JSON)
            assert answer.status_code == status, "what is checked is what is queued"
        (only,) = await d.engine.triggers.newest(10)
        assert '"training"' in (await d.trigger(only))["data"]

    door(body)


def test_a_line_of_the_log_cannot_be_forged(door: Any, log: Any) -> None:
    async def body(d: Any) -> None:
        forged = "x\r\n2026-01-01T00:00:00.000Z ERROR   zenbeat.access forged\x1b[2J\u2028\x85"
        key = await d.key("trigger:nothing", name="limited")
        limited = d.client(key=key)
        encoded = "x%0d%0a2026-01-01T00:00:00.000Z%20ERROR%20%20%20zenbeat.access%20forged%1b%5b2J%e2%80%a8%c2%85"
        await limited.post(TRIGGERS, json={"pipeline": forged, "project": forged})
        await limited.get(f"{TRIGGERS}/{encoded}?a={encoded}")
        await limited.request("POST", f"/hooks/{encoded}", json={})
        await limited.request("GET", f"/{encoded}")
        await d.client().get(TRIGGERS, headers={"Authorization": "Bearer x\tforged", "X-Request-Id": "a b"})
        lines = log.getvalue().splitlines()
        assert any("refused" in line for line in lines)
        assert not [line for line in lines if line.startswith("2026-01-01") or "\x1b" in line]
        for entry in await d.engine.audit.newest(100):
            assert all(part.isprintable() for part in (entry.what, entry.reason, entry.who, entry.request_id))

    door(body)


def test_a_key_is_nowhere_to_be_found_again(door: Any, log: Any) -> None:
    """Wherever a caller puts it by mistake. What it writes into a request that is accepted is data, and is kept."""

    async def body(d: Any) -> None:
        made = await d.key("admin", name="real")
        real = d.client(key=made)
        answers = [
            await d.http.get(TRIGGERS, headers={"Authorization": f"Bearer {CANARY}"}),
            await d.http.get(TRIGGERS, headers={"Authorization": CANARY}),
            await d.http.get(TRIGGERS, headers={"X-Api-Key": CANARY}),
            await d.http.get(TRIGGERS, auth=("user", CANARY)),
            await d.http.get(TRIGGERS, auth=(CANARY, "")),
            await d.http.get(TRIGGERS, headers={"Cookie": f"key={CANARY}", "X-Request-Id": CANARY}),
            await d.http.get(TRIGGERS, headers={"User-Agent": CANARY, "Referer": f"http://a/?key={CANARY}"}),
            await d.http.get(f"{TRIGGERS}?key={CANARY}"),
        ]
        for path in (f"/{CANARY}", f"{TRIGGERS}/{CANARY}", f"/hooks/{CANARY}", f"/api/v1/schedules/{CANARY}"):
            answers += [await real.get(path), await real.post(path, json={}), await d.http.get(path)]
        for params in ({"fields": CANARY}, {"cursor": CANARY}, {"limit": CANARY}, {"state": CANARY}):
            answers.append(await real.get(TRIGGERS, params=params))
        for words in ({CANARY: 1}, {"pipeline": {"a": CANARY}}, {"pipeline": "p", "version": CANARY}, CANARY):
            answers.append(await real.post(TRIGGERS, json=words))
        answers.append(await real.post(TRIGGERS, content=CANARY.encode(), headers=JSON))
        for secret in (SECRET, made.split("_", 2)[2]):
            for answer in answers:
                assert secret not in answer.text, answer.request.url
                assert secret not in str(answer.headers)
            assert secret not in log.getvalue()
            assert secret not in await everything(d)

    door(body)


def test_no_other_site_may_read_and_no_method_hides_in_another(door: Any) -> None:
    async def body(d: Any) -> None:
        queued = (await d.http.post(TRIGGERS, json={"pipeline": "p"})).json()
        hidden = {"X-HTTP-Method-Override": "DELETE", "X-HTTP-Method": "DELETE", "X-Method-Override": "POST"}
        seen = await d.http.get(queued["url"] + "?_method=DELETE", headers=hidden | {"Origin": "https://evil.example"})
        assert (seen.status_code, seen.json()["state"] in {"waiting", "dispatched"}) == (200, True)
        asks = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        for answer in (seen, await d.http.options(TRIGGERS, headers=asks)):
            assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert (await d.http.options(TRIGGERS, headers=asks)).status_code == 405
        for method in ("HEAD", "TRACE", "CONNECT", "PROPFIND", "get"):
            answer = await d.http.request(method, TRIGGERS)
            assert answer.status_code in {200, 405}, method
            well(answer)
        assert (await d.http.get(queued["url"] + "/cancel")).status_code == 405

    door(body)


def test_who_may_not_see_a_trigger_does_not_learn_that_it_is_there(door: Any) -> None:
    async def body(d: Any) -> None:
        admin = d.client(key=await d.key("admin", name="admin"))
        limited = d.client(key=await d.key("trigger:training", name="limited"))
        known = (await admin.post(TRIGGERS, json={"pipeline": "secret-project"})).json()["id"]
        nobody = "00000000-0000-0000-0000-000000000000"
        for method, what in (("GET", ""), ("POST", "/cancel"), ("POST", "/replay")):
            there, not_there = [
                await limited.request(method, f"{TRIGGERS}/{identity}{what}") for identity in (known, nobody)
            ]
            assert there.status_code == not_there.status_code == 404
            assert there.json()["detail"].replace(known, nobody) == not_there.json()["detail"]
        assert [entry.action for entry in await d.engine.audit.newest(3)] == ["call.denied"] * 3

    door(body)


def test_fifty_callers_with_one_key_get_one_trigger(door: Any) -> None:
    async def body(d: Any) -> None:
        header = {"Idempotency-Key": "same"}
        asks = [d.http.post(TRIGGERS, json={"pipeline": "training"}, headers=header) for _ in range(50)]
        answers = await asyncio.gather(*asks)
        assert {answer.status_code for answer in answers} == {202}
        assert len({answer.json()["id"] for answer in answers}) == len(await d.engine.triggers.newest(100)) == 1
        assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1

    door(body)


def test_of_fifty_callers_with_one_key_and_bodies_of_their_own_one_wins(door: Any) -> None:
    async def body(d: Any) -> None:
        header = {"Idempotency-Key": "same"}
        asks = [d.http.post(TRIGGERS, json={"pipeline": f"p{n}"}, headers=header) for n in range(50)]
        answers = await asyncio.gather(*asks)
        assert sorted(answer.status_code for answer in answers) == [202] + [409] * 49
        assert len(await d.engine.triggers.newest(100)) == 1

    door(body)


@pytest.mark.parametrize(
    "to", ["http://169.254.169.254/", ["ops", "https://evil.example/x"], "mailto://a:b@evil.example"]
)
def test_a_caller_does_not_choose_where_alerts_go(to: Any, door: Any) -> None:
    async def body(d: Any) -> None:
        words = {"name": "told", "pipeline": "training", "every": "1h", "notify": {"on": ["failure"], "to": to}}
        answer = await d.http.post("/api/v1/schedules", json=words)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/notify/to")

    door(body)
