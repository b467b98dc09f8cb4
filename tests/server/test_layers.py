"""Bodies, proxies, other web sites, request ids and careful headers, on the wire."""

import logging
import re
from typing import Any

import pytest

from worker.domain.errors import InvalidInput
from worker.server.proxies import read_proxies


def test_a_body_comes_whole(serve: Any) -> None:
    with serve().open() as wire:
        wire.ask("/body", "Content-Length: 6", method="POST")
        wire.send("abc")
        wire.send("def")
        assert wire.one().json() == {"bytes": 6}
        wire.ask("/body", "Transfer-Encoding: chunked", "Connection: close", method="POST")
        wire.send("3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
        assert wire.answer().json() == {"bytes": 7}


def test_a_caller_that_asks_first_is_told_to_go_on(serve: Any) -> None:
    with serve().open() as wire:
        wire.ask("/body", "Content-Length: 3", "Expect: 100-continue", "Connection: close", method="POST")
        assert wire.socket.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
        wire.send("abc")
        assert wire.answer().json() == {"bytes": 3}


def test_a_body_that_is_too_large_is_not_even_asked_for(serve: Any, small: Any) -> None:
    with serve(api_body_max=1024).open() as wire:
        wire.ask("/body", "Content-Length: 1025", "Expect: 100-continue", method="POST")
        answer = wire.one()
        assert (answer.status, answer.json()["type"]) == (413, "urn:zenbeat:body-too-large")
        assert answer.json()["instance"] == "/body"
    assert small.bodies == []


def test_who_sends_too_much_all_the_same_can_read_why(serve: Any, small: Any) -> None:
    serving = serve(api_body_max=1024)
    with serving.open() as wire:
        wire.ask("/body", "Content-Length: 3000000", method="POST")
        wire.send(b"x" * 3_000_000)
        assert wire.answer().status == 413
    with serving.open() as wire:
        wire.ask("/body", "Transfer-Encoding: chunked", method="POST")
        for _ in range(30):
            wire.send(b"186a0\r\n" + b"x" * 100_000 + b"\r\n")
        wire.send("0\r\n\r\n")
        assert wire.answer().status == 413
    assert small.bodies == []


def test_a_body_as_large_as_may_be_is_taken(serve: Any) -> None:
    with serve(api_body_max=1024).open() as wire:
        wire.ask("/body", "Content-Length: 1024", "Connection: close", method="POST")
        wire.send(b"x" * 1024)
        assert wire.answer().json() == {"bytes": 1024}


@pytest.mark.parametrize("part", ["", "abc"])
def test_a_body_that_does_not_come_is_not_waited_for(part: str, serve: Any, small: Any) -> None:
    with serve().open() as wire:
        wire.ask("/body", "Content-Length: 6", method="POST")
        wire.send(part)
        answer = wire.answer()
        assert (answer.status, answer.json()["detail"]) == (408, "The body took too long to come.")
    assert small.bodies == []


def test_who_leaves_before_the_body_has_come_does_no_harm(serve: Any, small: Any, caplog: Any) -> None:
    serving = serve(api_timeout=5)
    with caplog.at_level(logging.INFO), serving.open() as wire:
        wire.ask("/body", "Content-Length: 6", method="POST")
        wire.send("abc")
    assert serving.get("/who").status == 200
    assert small.bodies == []
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_more_bodies_than_may_be_held_have_to_come_again(serve: Any, small: Any) -> None:
    serving = serve(api_body_max=100_000, api_timeout=5)
    wires = [serving.open() for _ in range(8)]
    for wire in wires:
        wire.ask("/body", "Content-Length: 100000", "Connection: close", method="POST")
        wire.send(b"x" * 99_999)
    with serving.open() as last:
        last.ask("/body", "Content-Length: 100000", method="POST")
        last.send(b"x" * 100_000)
        assert last.answer().status == 503
    for wire in wires:
        wire.send("x")
        assert wire.answer().status == 200
    with serving.open() as last:
        last.ask("/body", "Content-Length: 100000", "Connection: close", method="POST")
        last.send(b"x" * 100_000)
        assert last.answer().status == 200, "the room is given back"


def test_a_compressed_body_is_refused(serve: Any) -> None:
    with serve().open() as wire:
        wire.ask("/body", "Content-Length: 3", "Content-Encoding: gzip", method="POST")
        wire.send("abc")
        assert wire.answer().status == 415


def test_nobody_is_believed_who_is_no_proxy(serve: Any) -> None:
    said = serve().get("/who", "X-Forwarded-For: 10.9.9.9", "X-Forwarded-Proto: https").json()
    assert (said["address"], said["scheme"]) == ("127.0.0.1", "http")


@pytest.mark.parametrize(
    ("chain", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("1.2.3.4, 203.0.113.7", "203.0.113.7"),  # what the caller wrote itself stands first
        ("1.2.3.4, 203.0.113.7, 127.0.0.1", "203.0.113.7"),  # two proxies
        ("2001:db8::7", "2001:db8::7"),
    ],
)
def test_a_proxy_says_whom_it_speaks_for(chain: str, address: str, serve: Any) -> None:
    serving = serve(trusted_proxies="127.0.0.1, 10.0.0.0/8")
    answer = serving.get("/who", f"X-Forwarded-For: {chain}", "X-Forwarded-Proto: https")
    assert (answer.json()["address"], answer.json()["scheme"]) == (address, "https")
    assert answer.headers["strict-transport-security"]


@pytest.mark.parametrize("text", ["*", "0.0.0.0/0", "::/0", "proxy.local", "10.0.0.1/8", "10.0.0.1;10.0.0.2"])
def test_proxies_that_would_be_everybody_or_nobody_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="ZENBEAT_TRUSTED_PROXIES"):
        read_proxies(text)


@pytest.mark.parametrize(
    "headers",
    [
        ["Sec-Fetch-Site: cross-site"],
        ["Sec-Fetch-Site: same-site"],
        ["Sec-Fetch-Site: cross-site", "Origin: http://localhost"],
        ["Origin: https://evil.example"],
        ["Origin: null"],
        ["Origin: http://localhost:81"],
    ],
)
def test_a_page_of_another_site_changes_nothing(headers: list[str], serve: Any, small: Any) -> None:
    serving = serve()
    with serving.open() as wire:
        wire.ask("/body", *headers, "Content-Length: 2", method="POST")
        wire.send("{}")
        answer = wire.answer()
        assert (answer.status, answer.json()["type"]) == (403, "urn:zenbeat:cross-site")
    assert small.bodies == []
    assert serving.get("/who", *headers).status == 200, "what only looks is let through"


@pytest.mark.parametrize("header", ["Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: none", "Origin: http://localhost"])
def test_our_own_pages_and_programs_are_let_through(header: str, serve: Any) -> None:
    assert serve().get("/deaf", header, "Content-Length: 0", method="POST").status == 200


def test_a_request_has_one_host(serve: Any) -> None:
    serving = serve()
    for host in ("", "Host: a\r\nHost: b"):
        with serving.open() as wire:
            wire.ask("/who", host=host)
            assert wire.answer().json()["type"] == "urn:zenbeat:host-wanted"


def test_a_request_id_is_taken_over_if_it_is_one(serve: Any) -> None:
    serving = serve()
    answer = serving.get("/who", "X-Request-Id: abc-1.2:3_4")
    assert answer.headers["x-request-id"] == answer.json()["id"] == "abc-1.2:3_4"
    for forged in ("x" * 65, "a b", 'a"b', "a;b", "<script>", ""):
        given = serving.get("/who", f"X-Request-Id: {forged}").headers["x-request-id"]
        assert re.fullmatch(r"[0-9a-f]{16}", given)


def test_every_answer_has_careful_headers_and_no_banner(serve: Any) -> None:
    serving = serve()
    for path in ("/who", "/nowhere", "/fail"):
        headers = serving.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["cache-control"] == "no-store"
        assert not {"server", "date", "x-powered-by", "access-control-allow-origin"} & set(headers)
        assert "strict-transport-security" not in headers


def test_what_goes_wrong_is_told_to_the_log_alone(serve: Any, caplog: Any) -> None:
    with caplog.at_level(logging.ERROR):
        answer = serve().get("/fail", "X-Request-Id: mine")
    assert answer.status == 500
    assert answer.json()["request_id"] == "mine"
    assert b"secret" not in answer.raw
    assert "a secret detail" in caplog.text


def test_an_answer_that_breaks_off_is_seen_to(serve: Any, caplog: Any) -> None:
    with caplog.at_level(logging.ERROR):
        answer = serve().get("/broken")
    assert b"begun" in answer.body
    assert not answer.body.endswith(b"0\r\n\r\n"), "it must not look whole"


def test_a_line_in_the_log_for_each_request(serve: Any, caplog: Any) -> None:
    serving = serve()
    with caplog.at_level(logging.INFO, "zenbeat.access"):
        serving.get("/who?key=zb_secret", "Authorization: Bearer zb_secret", "X-Request-Id: mine")
    (record,) = [record for record in caplog.records if record.name == "zenbeat.access"]
    told = {name: getattr(record, name) for name in ("method", "path", "status", "address", "request_id")}
    assert told == {"method": "GET", "path": "/who", "status": 200, "address": "127.0.0.1", "request_id": "mine"}
    assert "secret" not in str(record.__dict__)


def test_requests_are_counted_by_route_not_by_what_callers_make_up(serve: Any) -> None:
    serving = serve()
    serving.get("/who")
    serving.get("/made-up/1")
    serving.get("/made-up/2", method="BREW")
    text = serving.counters.text()
    assert 'zenbeat_api_requests_total{method="GET",route="/who",status="200"} 1.0' in text
    assert 'route="none"' in text
    assert "made-up" not in text
