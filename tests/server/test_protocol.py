"""Connections that are slow, large, broken or many, on the wire."""

import json
from contextlib import suppress
from typing import Any

import pytest

from tests.server.serving import Answer, Wire


def rest(wire: Wire) -> bytes:
    """Read what still comes until the connection ends, in whatever way."""
    parts = []
    with suppress(ConnectionResetError):
        while part := wire.socket.recv(1 << 20):
            parts.append(part)
    return b"".join(parts)


def test_who_sends_nothing_is_not_waited_for(serve: Any) -> None:
    with serve().open() as wire:
        assert wire.answer().raw == b""


def test_who_sends_a_head_drop_by_drop_is_told_so(serve: Any) -> None:
    with serve().open() as wire:
        wire.send("GET /who HTTP/1.1\r\nHost: localhost\r\nX-More: ")
        answer = wire.answer()
        assert (answer.status, answer.json()["type"]) == (408, "urn:zenbeat:too-slow")
        assert answer.headers["connection"] == "close"


def test_drops_do_not_put_the_end_off(serve: Any, eventually: Any) -> None:
    with serve().open() as wire:
        wire.send("GET /who HTTP/1.1\r\n")
        wire.socket.settimeout(0.05)
        got: list[bytes] = []

        def ended() -> bool:
            try:
                wire.send("X-More: 1\r\n")
                got.append(wire.socket.recv(65536))
            except TimeoutError:
                return False
            except (BrokenPipeError, ConnectionResetError):
                return True
            return got[-1] == b""

        eventually(ended, 5)
        assert got[0].startswith(b"HTTP/1.1 408")


def test_a_second_head_has_to_come_in_time_as_well(serve: Any) -> None:
    with serve().open() as wire:
        wire.ask("/who")
        assert wire.one().status == 200
        wire.send("\r\nGET /who HTTP/1.1\r\n")
        assert wire.answer().status == 408


def test_empty_lines_keep_no_connection_open(serve: Any) -> None:
    with serve().open() as wire:
        wire.ask("/who")
        assert wire.one().status == 200
        wire.send("\r\n")
        assert wire.answer().raw == b""


def test_what_follows_an_answered_request_slowly_keeps_no_connection_open(serve: Any) -> None:
    with serve().open() as wire:
        wire.ask("/who", "Content-Length: 0")
        wire.one()
        wire.send("POST /deaf HTTP/1.1\r\nHost: localhost\r\n")
        assert wire.answer().status == 408


def test_a_connection_that_rests_is_kept(serve: Any) -> None:
    with serve().open() as wire:
        for _ in range(3):
            wire.ask("/who")
            assert wire.one().status == 200


def test_requests_one_behind_the_other_are_answered_in_order(serve: Any) -> None:
    with serve().open() as wire:
        wire.ask("/who", "X-Request-Id: one")
        wire.ask("/who", "X-Request-Id: two", "Connection: close")
        found = wire.answer().raw
        assert found.index(b'"id":"one"') < found.index(b'"id":"two"')


def test_a_slow_second_head_does_not_cost_the_first_answer(serve: Any, small: Any) -> None:
    with serve().open() as wire:
        wire.ask("/wait")
        wire.send("GET /who HTTP/1.1\r\nX: ")
        assert small.entered.acquire(timeout=10)
        wire.socket.settimeout(1.5)  # longer than a head may take
        with pytest.raises(TimeoutError):
            wire.socket.recv(1)
        wire.socket.settimeout(10)
        small.release.set()
        assert wire.answer().status == 200


@pytest.mark.parametrize("size", [33_000, 400_000])
def test_a_head_that_is_too_large_is_refused(size: int, serve: Any) -> None:
    with serve().open() as wire:
        wire.ask("/who", f"X-Large: {'x' * size}")
        answer = wire.answer()
        assert (answer.status, answer.json()["type"]) == (431, "urn:zenbeat:head-too-large")


def test_a_head_that_does_not_end_is_refused(serve: Any) -> None:
    with serve(api_timeout=30).open() as wire:
        wire.send("GET /who HTTP/1.1\r\nX-Large: ")
        wire.send("x" * 400_000)
        wire.send("x" * 40_000)
        assert wire.answer().status == 431


def test_a_path_that_is_too_long_is_refused(serve: Any) -> None:
    with serve().open() as wire:
        wire.ask(f"/{'x' * 40_000}")
        assert wire.answer().status == 431


def test_a_head_of_32_kib_is_taken(serve: Any) -> None:
    assert serve().get("/who", f"X-Large: {'x' * 32_000}").status == 200


@pytest.mark.parametrize(
    "text",
    [
        "\x16\x03\x01\x02\x00\x01\x00",
        "HELLO\r\n\r\n",
        "GET /who HTTP/9.9\r\nHost: a\r\n\r\n",
        "GET /who\r\n\r\n",
        "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 1e3\r\n\r\n",
        "POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "GET /who HTTP/1.1\r\nHost: a\r\n X-Folded: b\r\n\r\n",
        "GET /who HTTP/1.1\r\nHost : a\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused_and_ends_the_connection(text: str, serve: Any, small: Any) -> None:
    with serve().open() as wire:
        wire.send(text.encode("latin1"))
        answer = wire.answer()
        assert answer.status == 400, answer.raw
        assert answer.headers["connection"] == "close"
        assert small.bodies == []


@pytest.mark.parametrize("target", ["*", "localhost:80", "/%zz", "http://[", "//", "/\xff", "/a\x00b"])
def test_an_odd_path_does_no_harm(target: str, serve: Any) -> None:
    serving = serve()
    with serving.open() as wire:
        wire.send(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode("latin1"))
        assert wire.answer().status in {400, 404}
    assert serving.get("/who").status == 200


@pytest.mark.parametrize("upgrade", ["websocket", "h2c"])
def test_nobody_is_upgraded(upgrade: str, serve: Any) -> None:
    with serve().open() as wire:
        wire.ask("/who", "Connection: Upgrade", f"Upgrade: {upgrade}", "Sec-WebSocket-Version: 13")
        assert wire.one().status == 200
        wire.send(b"\x81\x05hello")
        assert wire.answer().status in {0, 400}


def test_nobody_is_connected_elsewhere(serve: Any) -> None:
    with serve().open() as wire:
        wire.ask("localhost:6379", method="CONNECT")
        assert wire.answer().status == 400


def test_a_fault_behind_a_request_does_not_get_into_its_answer(serve: Any, small: Any) -> None:
    with serve().open() as wire:
        wire.ask("/wait")
        assert small.entered.acquire(timeout=10)
        wire.send("NONSENSE\r\n\r\n")
        assert rest(wire) == b""


def test_who_does_not_read_is_not_waited_for(serve: Any, small: Any, eventually: Any) -> None:
    serving = serve()
    with serving.open(window=4096) as wire:
        wire.ask("/large")
        assert small.entered.acquire(timeout=10)
        eventually(lambda: not serving.server.server_state.connections, 10)
        assert len(rest(wire)) < 64 * 1024 * 1024


def test_who_reads_gets_all_of_it(serve: Any) -> None:
    with serve(api_timeout=5).open() as wire:
        wire.ask("/large", "Connection: close")
        assert wire.answer().body.count(b"x") == 64 * 1024 * 1024


def test_one_too_many_is_told_to_come_again(serve: Any, small: Any) -> None:
    serving = serve(connections=2)
    with serving.open() as one, serving.open() as two:
        for wire in (one, two):
            wire.ask("/wait")
            assert small.entered.acquire(timeout=10)
        busy = serving.get("/who")
        assert (busy.status, busy.headers["retry-after"]) == (503, "1")
        assert json.loads(busy.body)["type"] == "urn:zenbeat:busy"
        assert busy.headers["x-request-id"]
        small.release.set()
        assert two.one().status == 200
    assert serving.get("/who").status == 200


def test_connections_that_rest_make_room(serve: Any) -> None:
    serving = serve(connections=3, api_timeout=30)
    for _ in range(8):
        wire = serving.open()  # and it stays open
        wire.ask("/who")
        assert wire.one().status == 200


def test_it_ends_with_what_is_being_answered(serve: Any, small: Any, eventually: Any) -> None:
    serving = serve()
    with serving.open() as busy, serving.open() as resting:
        resting.ask("/who")
        assert resting.one().status == 200
        busy.ask("/wait")
        assert small.entered.acquire(timeout=10)
        serving.end()
        eventually(serving.closed.is_set, 5)
        assert resting.answer().raw == b"", "it is closed at once"
        small.release.set()
        answer: Answer = busy.answer()
        assert answer.status == 200
        assert answer.headers["connection"] == "close"
