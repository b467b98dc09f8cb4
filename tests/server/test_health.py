"""Probes, figures, and the page for people, on the wire."""

import re
from base64 import b64encode
from typing import Any

import pytest


def test_a_process_that_answers_is_healthy_with_and_without_keys(live: Any) -> None:
    api = live()
    assert api.get("/healthz").json() == {"status": "ok"}
    api.key("read")
    assert api.get("/healthz", host="Host: 10.0.0.7:8420").json() == {"status": "ok"}


def test_it_is_ready_when_what_is_queued_would_be_started(live: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("worker.api.health.KEPT_SECONDS", -1)
    api = live()
    answer = api.get("/readyz")
    wanting = {"redis": "ok", "beat": "none is alive", "worker": "none is alive"}
    assert (answer.status, answer.json()) == (503, {"status": "not ready", "checks": wanting})
    api.ask(api.engine.heartbeats.beat("worker", "w", {}))
    api.ask(api.engine.heartbeats.beat("beat", "b", {"leading": False}))
    assert api.get("/readyz").json()["checks"] == {"redis": "ok", "beat": "none leads", "worker": "ok"}
    api.ask(api.engine.heartbeats.beat("beat", "b", {"leading": True}))
    answer = api.get("/readyz")
    assert (answer.status, answer.json()["status"]) == (200, "ready")


def test_redis_away_is_told_and_is_no_reason_to_restart(live: Any) -> None:
    api = live(REDIS_URL="redis://127.0.0.1:9/0")
    assert api.get("/healthz").status == 200
    answer = api.get("/readyz")
    assert (answer.status, answer.json()["checks"]["redis"]) == (503, "cannot be reached")
    answer = api.get("/api/v1/triggers")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")


def test_probing_often_asks_redis_once(live: Any) -> None:
    api = live()
    api.get("/readyz")
    before = api.ask(api.engine.redis.info("commandstats"))["cmdstat_scan"]["calls"]
    for _ in range(20):
        assert api.get("/readyz").status == 503
    assert api.ask(api.engine.redis.info("commandstats"))["cmdstat_scan"]["calls"] - before <= 4


def test_figures_of_the_installation_and_of_the_process(live: Any) -> None:
    api = live()
    api.get("/api/v1/triggers/nothing")
    answer = api.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    text = answer.body.decode()
    assert "zenbeat_beats_leading 0.0" in text
    assert 'route="/api/v1/triggers/{identity}",status="404"} 1.0' in text
    assert len(set(re.findall("^# TYPE (.*)$", text, re.M))) == text.count("# TYPE")


def test_figures_want_a_key_that_may_look(live: Any) -> None:
    api = live()
    key = api.key("read")
    assert api.get("/metrics").status == 401
    assert api.get("/metrics", f"Authorization: Bearer {key}").status == 200


def test_the_page_shows_every_route_and_runs_nothing(live: Any) -> None:
    api = live()
    page = api.get("/docs")
    assert page.status == 200
    text = page.body.decode()
    for path, methods in api.app.openapi()["paths"].items():
        for method in methods:
            assert f'<b class="{method}">{method.upper()}</b> <code>{path}</code>' in text, path
    assert "script" not in page.headers["content-security-policy"]
    assert not re.search(r"<script|\son\w+=|\sstyle=|javascript:|https?://(?!localhost)", text)
    assert api.get("/docs/style.css").headers["content-type"] == "text/css; charset=utf-8"


def test_the_page_says_the_address_it_was_asked_by(live: Any) -> None:
    api = live(ZENBEAT_TRUSTED_PROXIES="127.0.0.1")
    text = api.get("/docs", "X-Forwarded-Proto: https", host="Host: zenbeat.example.com").body.decode()
    assert "https://zenbeat.example.com/api/v1/triggers" in text
    text = api.get("/docs", host='Host: "><script>alert(1)</script>').body.decode()
    assert "<script>" not in text


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
def test_what_describes_us_is_shown_to_who_has_a_key(path: str, live: Any) -> None:
    api = live()
    assert api.get(path).status == 200
    key = api.key("trigger:training")
    refused = api.get(path, "Accept: text/html")
    assert (refused.status, refused.headers["www-authenticate"][:5]) == (401, "Basic")
    browser = b64encode(f":{key}".encode()).decode()
    assert api.get(path, f"Authorization: Basic {browser}").status == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/docs/style.css"])
def test_what_tells_nothing_of_anybody_wants_no_key(path: str, live: Any) -> None:
    api = live()
    api.key("read")
    assert api.get(path).status in {200, 503}


def test_a_page_by_another_name_is_not_believed_on_this_machine(live: Any) -> None:
    api = live()
    assert api.get("/api/v1/triggers").status == 200
    assert api.get("/api/v1/triggers", host="Host: evil.example").status == 401
    assert api.get("/api/v1/triggers", "X-Forwarded-For: 10.0.0.1").status == 401
    assert api.get("/metrics", host="Host: evil.example").status == 401


def test_the_log_has_who_called(live: Any, caplog: Any) -> None:
    api = live()
    key = api.key("read", name="dash")
    caplog.set_level("INFO", "zenbeat.access")
    api.get("/api/v1/triggers?asked_by=x", f"Authorization: Bearer {key}")
    (record,) = [record for record in caplog.records if record.name == "zenbeat.access"]
    assert (record.caller, record.path) == ("dash", "/api/v1/triggers")
    assert key not in str(record.__dict__)
