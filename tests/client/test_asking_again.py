"""The client asks again when that may help, says the same each time, and waits as long as it is told."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from zenbeat_client import Conflict, InvalidRequest, NotFound, NotLetIn, Refused, Retry, Unavailable, Zenbeat
from zenbeat_client.retrying import told

from .conftest import QUEUED, SHOWN

GOOD = (202, QUEUED, {"Location": QUEUED["url"]})


@pytest.mark.parametrize(
    "trouble",
    [
        (429, {}, {}),
        (502, b"<html>", {}),
        (503, {}, {}),
        (504, b"", {}),
        None,
        (202, b'{"id"', {"Content-Length": "4711"}),
    ],
    ids=["429", "502", "503", "504", "cut-before", "cut-within"],
)
def test_the_same_is_asked_again_under_the_same_key(
    trouble: Any, failing: Any, connect: Callable[..., Zenbeat]
) -> None:
    failing.will(trouble, trouble, GOOD)
    queued = connect(timeout=2).trigger("training", config={"tags": ["a"]})
    assert queued.id == "t-1"
    assert queued.new
    assert len(failing.asked) == 3
    assert len({asked.headers["Idempotency-Key"] for asked in failing.asked}) == 1
    assert [asked.body for asked in failing.asked] == [{"pipeline": "training", "config": {"tags": ["a"]}}] * 3
    assert failing.asked[0].headers["Authorization"] == "Bearer zb_key"


def test_each_call_without_a_key_draws_its_own(failing: Any, connect: Callable[..., Zenbeat]) -> None:
    failing.will(GOOD)
    client = connect()
    client.trigger("training")
    client.trigger("training")
    client.trigger("training", idempotency_key="mine")
    keys = [asked.headers["Idempotency-Key"] for asked in failing.asked]
    assert len(set(keys)) == 3
    assert keys[2] == "mine"


def test_nobody_there_is_told_after_the_last_attempt() -> None:
    with (
        Zenbeat("http://127.0.0.1:9", retry=Retry(attempts=3, first=0.001)) as client,
        pytest.raises(Unavailable) as told,
    ):
        client.trigger("training")
    assert "attempt 3" in str(told.value)


def test_what_the_server_says_is_waited_for(failing: Any, connect: Callable[..., Zenbeat]) -> None:
    failing.will((429, {}, {"Retry-After": "1"}), GOOD)
    begin = time.monotonic()
    connect().trigger("training")
    assert time.monotonic() - begin >= 1


def test_a_wait_beyond_all_patience_is_told_at_once(failing: Any, connect: Callable[..., Zenbeat]) -> None:
    failing.will((503, {}, {"Retry-After": "86400"}))
    with pytest.raises(Unavailable, match="HTTP 503"):
        connect().trigger("training")
    assert len(failing.asked) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequest),
        (401, NotLetIn),
        (403, NotLetIn),
        (404, NotFound),
        (409, Conflict),
        (413, InvalidRequest),
        (422, InvalidRequest),
        (500, Refused),
        (302, Refused),
    ],
)
def test_a_no_is_no(status: int, kind: type[Refused], failing: Any, connect: Callable[..., Zenbeat]) -> None:
    problem = {
        "type": "urn:zenbeat:invalid",
        "status": status,
        "detail": "pipelin: unknown field",
        "request_id": "r-1",
        "errors": [{"pointer": "/pipelin", "detail": "unknown field; did you mean pipeline?"}],
    }
    failing.will((status, problem, {"Content-Type": "application/problem+json"}))
    with pytest.raises(kind, match="unknown field") as told:
        connect().trigger("training")
    assert type(told.value) is kind
    assert (told.value.status, told.value.request_id) == (status, "r-1")
    assert told.value.faults[0].pointer == "/pipelin"
    assert len(failing.asked) == 1


def test_a_no_that_is_no_problem_json_is_told_too(failing: Any, connect: Callable[..., Zenbeat]) -> None:
    failing.will((404, b"<h1>nothing here</h1>", {"Content-Type": "text/html"}))
    with pytest.raises(NotFound, match="nothing here"):
        connect().get("t-1")


def test_a_withdrawal_whose_answer_was_lost_is_no_conflict(failing: Any, connect: Callable[..., Zenbeat]) -> None:
    gone = {**SHOWN, "state": "cancelled"}
    failing.will(None, (409, {"detail": "the trigger is cancelled", "state": "cancelled"}, {}), (200, gone, {}))
    assert connect().cancel("t-1").state == "cancelled"
    failing.will((409, {"detail": "the trigger is started", "state": "started"}, {}))
    with pytest.raises(Conflict):
        connect().cancel("t-1")


def test_the_waits_grow_to_the_longest_and_are_spread() -> None:
    retry = Retry(first=1, longest=8)
    rng = random.Random(1)
    waits = [retry.wait(attempt, rng) for attempt in range(1, 9)]
    for wait, whole in zip(waits, [1, 2, 4, 8, 8, 8, 8, 8], strict=True):
        assert whole / 2 <= wait <= whole
    assert len(set(waits[3:])) == 5
    assert retry.wait(5000, rng) <= 8


NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0.0),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float | None) -> None:
    assert told(httpx.Response(503, headers={"Retry-After": text}), NOW) == seconds
