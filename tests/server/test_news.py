"""The news of the dashboard on the wire: who hears them, and for how long."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.server.living import Living, Stream
from worker.engine import keychanges
from worker.store.sessions import LONGEST


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at every 15 s is looked at often."""
    monkeypatch.setattr("worker.api.events.KEEP_ALIVE_SECONDS", 0.05)


def cookie(api: Living, key: str) -> str:
    """Log in; gives the header with the cookie."""
    wire, body = api.open(), f"key={key}"
    kind = "Content-Type: application/x-www-form-urlencoded"
    wire.ask("/login", kind, f"Content-Length: {len(body)}", "Connection: close", method="POST")
    wire.send(body)
    found = re.match(r"zenbeat=[^;]+", wire.answer().headers["set-cookie"])
    assert found
    return f"Cookie: {found[0]}"


def news(api: Living, *headers: str, query: str = "") -> Stream:
    wire = api.open()
    wire.ask(f"/live{query}", "Connection: close", *headers)
    return Stream(wire)


def test_a_row_comes_in_one_line_and_its_words_are_no_markup(live: Callable[..., Living]) -> None:
    api = live()
    stream = news(api, query="?schedule=nightly")
    api.tell(status="started", schedule="other")
    api.tell(status="completed", schedule="nightly", reason="<b>\n\ndata: x</b>", trigger="t1")
    row = stream.next()
    assert row["event"] == "outcome"
    assert row["data"].startswith("<tr>")
    assert "&lt;b&gt; data: x&lt;/b&gt;" in row["data"]


def test_without_a_session_there_are_no_news(live: Callable[..., Living]) -> None:
    api = live()
    key = api.key("read")
    for headers in ((), ("Cookie: zenbeat=x",), (f"Authorization: Bearer {key}",)):
        assert api.get("/live", *headers).status == 303


def test_who_may_not_look_hears_nothing(live: Callable[..., Living]) -> None:
    api = live()
    assert api.get("/live", cookie(api, api.key("trigger:training"))).status == 403


@pytest.mark.usefixtures("brief")
def test_who_is_logged_out_hears_no_more_news(live: Callable[..., Living]) -> None:
    api = live()
    told = cookie(api, api.key("read"))
    stream = news(api, told)
    assert stream.head.status == 200
    api.ask(api.engine.sessions.end(told.partition("=")[2]))
    assert stream.next() == {}


@pytest.mark.usefixtures("brief")
def test_a_session_that_is_over_hears_no_more_news(
    live: Callable[..., Living], monkeypatch: pytest.MonkeyPatch
) -> None:
    api = live()
    stream = news(api, cookie(api, api.key("read")))
    monkeypatch.setattr("worker.store.sessions.LONGEST", -LONGEST + timedelta(hours=1))
    assert stream.next() == {}


@pytest.mark.usefixtures("brief")
def test_whose_key_is_taken_back_hears_no_more_news(live: Callable[..., Living]) -> None:
    api = live()
    stream = news(api, cookie(api, api.key("read", name="ada")))
    api.ask(keychanges.revoke(api.engine, "ada", by="test"))
    assert stream.next() == {}


def test_one_page_too_many_is_told_to_come_again(live: Callable[..., Living]) -> None:
    api = live(ZENBEAT_API_STREAMS="1")
    news(api)
    full = api.get("/live")
    assert (full.status, full.headers["retry-after"]) == (503, "10")
