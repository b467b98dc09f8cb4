"""Harm on the wire, against the whole API: what no client library would send."""

from typing import Any

import pytest

SECRET = "S3cr3tS3cr3tS3cr3tS3cr3tS3cr3tS3cr3tS3cr3t0"
CANARY = f"zb_canarycanary_{SECRET}"


@pytest.mark.parametrize(
    "target",
    [
        "/docs/../api/v1/triggers",
        "/docs/%2e%2e/api/v1/triggers",
        "/docs/style.css/../../../worker/api/app.py",
        "/healthz/../metrics",
        "/healthz;/../metrics",
        "//metrics",
        "/metrics/",
        "/metrics%2f",
        "/%6detrics%00",
        "/.git/config",
        "/.env",
        "http://evil.example/metrics",
        "/api/v1/triggers?x=/healthz",
    ],
)
def test_no_spelling_of_a_path_goes_around_the_key(target: str, live: Any) -> None:
    api = live()
    api.key("read")
    answer = api.get(target)
    assert answer.status in {400, 401, 404}, answer.raw
    for header in ("X-Original-URL: /healthz", "X-Rewrite-URL: /healthz", "X-Forwarded-Prefix: /healthz"):
        assert api.get("/metrics", header).status == 401


def test_a_key_in_the_wrong_place_is_not_told_back(live: Any, log: Any) -> None:
    api = live()
    api.key("read")
    answers = [
        api.get(f"/{CANARY}"),
        api.get(f"/metrics?key={CANARY}"),
        api.get("/metrics", f"X-Request-Id: {CANARY}"),
        api.get("/metrics", f"Cookie: {CANARY}"),
        api.get("/metrics", host=f"Host: {CANARY}"),
        api.get("/metrics", f"X-Forwarded-For: {CANARY}"),
        api.get("/metrics", f"Authorization: Bearer {CANARY}"),
        api.get("/metrics", f"Authorization : {CANARY}"),
        api.get("/metrics", f"Transfer-Encoding: {CANARY}"),
        api.get("/metrics", f"Content-Length: {CANARY}"),
        api.get("/metrics", f"Content-Encoding: {CANARY}", "Content-Length: 3"),
        api.get("/metrics", "X: y" * 10_000, f"X-Key: {CANARY}"),
        api.get(f"http://user:{CANARY}@localhost/metrics"),
        api.get("/metrics", method=CANARY),
    ]
    for answer in answers:
        assert 400 <= answer.status < 500, answer.raw
        assert SECRET.encode() not in answer.raw
    assert SECRET not in log.getvalue()


def test_a_body_of_millions_of_values_holds_nobody_up(live: Any, log: Any) -> None:
    api = live()
    key = api.key("trigger:training")
    body = b'{"pipeline":"training","config":{"a":[' + b",".join([b'{"a":{}}'] * 900_000) + b"]}}"
    wire = api.open()
    head = [f"Content-Length: {len(body)}", "Content-Type: application/json", f"Authorization: Bearer {key}"]
    wire.ask("/api/v1/triggers", *head, "Connection: close", method="POST")
    wire.send(body)
    answer = wire.answer()
    assert (answer.status, answer.json()["type"]) == (413, "urn:zenbeat:too-many-values")
    assert api.get("/healthz").status == 200
    assert "Traceback" not in log.getvalue()


def test_two_requests_in_one_are_not_taken_for_one(live: Any) -> None:
    """What a proxy takes for a body must not become a request of its own."""
    api = live()
    api.key("read")
    hidden = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for header in (
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding: xchunked",
        "Content-Length: +0",
    ):
        wire = api.open()
        wire.send(f"POST /api/v1/triggers HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n0\r\n\r\n{hidden}")
        answer = wire.answer()
        assert answer.raw.count(b"content-type: ") == 1, answer.raw
        assert answer.status in {400, 501}
