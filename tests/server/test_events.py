"""Outcomes as they come: nothing missed, nothing twice, and nobody held up by anybody else."""

import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
import redis

from worker.demo.valkey import EmbeddedRedis
from worker.engine import keychanges, tail
from worker.engine.tail import Listener


def test_who_listens_hears_what_comes(live: Any) -> None:
    api = live()
    stream = api.stream()
    assert stream.head.status == 200
    assert stream.head.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert stream.head.headers["x-accel-buffering"] == "no"
    api.tell(status="started", trigger="a")
    api.tell(status="completed", trigger="a")
    assert [stream.outcome()["status"] for _ in range(2)] == ["started", "completed"]


def test_what_was_before_is_told_to_who_asks_for_it(live: Any) -> None:
    api = live()
    for number in range(1200):
        api.tell(status="started", trigger=str(number))
    stream = api.stream("?last_event_id=0")
    found = [stream.outcome() for _ in range(1200)]
    assert [each["trigger"] for each in found] == [str(number) for number in range(1200)]
    again = api.stream("", f"Last-Event-ID: {found[1150]['id']}")
    assert again.outcome()["trigger"] == "1151"


def test_between_what_was_and_what_comes_nothing_is_missed_or_doubled(live: Any) -> None:
    api = live()
    most = 3000
    for number in range(500):
        api.tell(status="started", trigger=str(number))

    def write() -> None:
        for number in range(500, most):
            api.tell(status="started", trigger=str(number))

    writer = threading.Thread(target=write)
    writer.start()
    streams = [api.stream("?last_event_id=0") for _ in range(4)]
    for stream in streams:
        assert [int(stream.outcome()["trigger"]) for _ in range(most)] == list(range(most))
    writer.join()


@pytest.mark.parametrize(
    ("query", "heard"),
    [
        ("status=completed", ["2", "4"]),
        ("status=completed&status=dead", ["2", "3", "4"]),
        ("schedule=nightly", ["2", "3"]),
        ("pipeline=training&status=started", ["1"]),
        ("trigger=t3", ["3"]),
        ("sweep=s", ["4"]),
    ],
)
def test_a_caller_says_what_it_wants(query: str, heard: list[str], live: Any) -> None:
    api = live()
    stream = api.stream(f"?{query}")
    api.tell(status="started", n="1", pipeline="training")
    api.tell(status="completed", n="2", schedule="nightly")
    api.tell(status="dead", n="3", schedule="nightly", trigger="t3")
    api.tell(status="completed", n="4", sweep="s")
    assert [stream.outcome()["n"] for _ in heard] == heard


def test_a_gap_is_told(live: Any, redis_url: str) -> None:
    api = live()
    for number in range(10):
        api.tell(status="started", trigger=str(number))
    first = api.stream("?last_event_id=0").outcome()["id"]
    with redis.Redis.from_url(redis_url) as client:
        client.xtrim("zenbeat:outcomes", maxlen=5, approximate=False)
    stream = api.stream(f"?last_event_id={first}")
    assert stream.next()["event"] == "gap"
    assert stream.outcome()["trigger"] == "5"


def test_that_nothing_is_kept_is_a_gap_as_well(live: Any, redis_url: str) -> None:
    api = live()
    api.tell(status="started", trigger="before")
    first = api.stream("?last_event_id=0").outcome()["id"]
    api.tell(status="started", trigger="lost")
    with redis.Redis.from_url(redis_url) as client:
        client.xtrim("zenbeat:outcomes", maxlen=0, approximate=False)
    stream = api.stream(f"?last_event_id={first}")
    assert json.loads(stream.next()["data"]) == {"after": first, "oldest": None}
    api.tell(status="started", trigger="after")
    assert stream.outcome()["trigger"] == "after"


@pytest.mark.parametrize("given", ["x", "-1", "1-", "1-2-3", "99999999999999999999", "18446744073709551616-0", "$"])
def test_an_id_that_is_none_is_refused(given: str, live: Any) -> None:
    answer = live().get(f"/api/v1/events?last_event_id={given}")
    assert (answer.status, answer.json()["errors"][0]["pointer"]) == (422, "?last_event_id")


def test_a_status_that_there_is_not_is_refused(live: Any) -> None:
    assert live().get("/api/v1/events?status=exploded").status == 422


def test_one_stream_too_many_has_to_come_again(live: Any, eventually: Any) -> None:
    api = live(ZENBEAT_API_STREAMS="2")
    streams = [api.stream() for _ in range(2)]
    full = api.get("/api/v1/events")
    assert (full.status, full.headers["retry-after"], full.json()["type"]) == (503, "10", "urn:zenbeat:streams-full")
    assert "zenbeat_api_streams 2.0" in api.context.counters.text()
    streams[0].wire.socket.close()
    eventually(lambda: api.context.counters.streams == 1, 10)
    assert api.stream().head.status == 200


def test_a_quiet_stream_says_that_it_lives(live: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("worker.api.events.KEEP_ALIVE_SECONDS", 0.05)
    api = live()
    stream = api.stream("?status=dead")
    api.tell(status="started", trigger="a")
    while b"id: " not in stream.text:
        assert stream._more()
    assert b": keep-alive" in stream.text
    assert b"data" not in stream.text


def test_a_key_that_is_revoked_ends_its_stream(live: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("worker.api.events.KEEP_ALIVE_SECONDS", 0.05)
    api = live()
    stream = api.stream("", f"Authorization: Bearer {api.key('read')}")
    assert stream.head.status == 200
    api.ask(keychanges.revoke(api.engine, "ci", by="test"))
    assert stream.next() == {}


def test_the_first_key_ends_the_streams_of_nobody(live: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("worker.api.events.KEEP_ALIVE_SECONDS", 0.05)
    api = live()
    stream = api.stream()
    api.key("read")
    assert stream.next() == {}
    assert api.get("/api/v1/events").status == 401


def test_a_key_that_may_not_look_hears_nothing(live: Any) -> None:
    api = live()
    assert api.get("/api/v1/events", f"Authorization: Bearer {api.key('trigger:training')}").status == 403


def test_the_end_of_the_process_is_the_end_of_the_streams(live: Any) -> None:
    api = live()
    streams = [api.stream() for _ in range(3)]
    api.end()
    for stream in streams:
        assert stream.next() == {}


def test_who_does_not_keep_up_is_let_go(live: Any, monkeypatch: Any, eventually: Any) -> None:
    monkeypatch.setattr(tail, "BACKLOG", 10)
    api = live(ZENBEAT_API_TIMEOUT="30")
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    slow.connect(("127.0.0.1", api.port))
    slow.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    quick = api.stream()
    for _ in range(200):
        api.tell(status="started", reason="x" * 100_000)
        assert quick.outcome()["status"] == "started", "nobody else is held up"
    text = b""
    slow.settimeout(20)
    while part := slow.recv(1 << 20):
        text += part
    slow.close()
    assert b"event: slow" in text


def test_a_listener_that_was_let_go_gets_no_more() -> None:
    listener = Listener()
    for number in range(tail.BACKLOG + 5):
        listener.hear({"id": str(number)})
    assert listener.slow
    assert listener.over


def test_redis_comes_back_and_the_stream_goes_on(live: Any, redis_url: str, caplog: Any) -> None:
    api = live()
    stream = api.stream()
    with redis.Redis.from_url(redis_url) as client:
        client.client_kill_filter(_type="normal", skipme=True)
    api.tell(status="started", trigger="after")
    assert stream.outcome()["trigger"] == "after"


def told(caplog: Any, event: str) -> int:
    """How often the tail said this."""
    return sum((record.name, record.msg) == ("zenbeat.tail", event) for record in caplog.records)


def test_redis_away_is_told_once_and_waited_for(live: Any, tmp_path: Path, caplog: Any, eventually: Any) -> None:
    server = EmbeddedRedis(tmp_path / "valkey")
    with server as url:
        api = live(REDIS_URL=url)
        caplog.set_level("INFO", "zenbeat.tail")
        stream = api.stream()
        server.stop()
        eventually(lambda: told(caplog, "waiting"), 30)
        assert server.start() == url
        api.tell(status="started", trigger="after")
        assert stream.outcome()["trigger"] == "after"
        eventually(lambda: told(caplog, "going on"), 10)
        assert told(caplog, "waiting") == 1


def test_who_waits_for_one_trigger_is_told_at_once(live: Any) -> None:
    api = live()

    async def wait() -> bool:
        with api.context.tail.following("t1") as news:
            await api.engine.triggers.record([])
            return await news.heard(15)

    heard: list[bool] = []
    waiter = threading.Thread(target=lambda: heard.append(api.ask(wait())))
    waiter.start()
    while not api.context.tail._followed:
        pass
    api.tell(status="started", trigger="t2")
    api.tell(status="started", trigger="t1")
    waiter.join(10)
    assert heard == [True]
    assert not api.context.tail._followed
