"""What comes back: results that say what they are, lists page by page, and a stream that is taken up again."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest
from zenbeat_client import NotLetIn, Trigger, Unavailable, Zenbeat

from .conftest import QUEUED, SHOWN


def test_what_was_on_record_already_is_not_new(failing: Any, connect: Callable[..., Zenbeat]) -> None:
    failing.will((202, QUEUED, {"Idempotent-Replayed": "true"}))
    queued = connect().trigger("training", idempotency_key="k")
    assert not queued.new
    assert queued.due == datetime(2026, 11, 26, 12, 0, 0, 250_000, UTC)


def test_many_are_asked_for_at_once(failing: Any, connect: Callable[..., Zenbeat]) -> None:
    failing.will((202, {"triggers": [QUEUED, {**QUEUED, "id": "t-2"}]}, {}))
    later = datetime(2030, 1, 1, tzinfo=UTC)
    wanted = [{"pipeline": "training", "idempotency_key": "a"}, {"pipeline": "training", "not_before": later}]
    assert [queued.id for queued in connect().trigger_many(wanted)] == ["t-1", "t-2"]
    assert failing.asked[0].body == {
        "triggers": [
            {"pipeline": "training", "idempotency_key": "a"},
            {"pipeline": "training", "not_before": "2030-01-01T00:00:00+00:00"},
        ]
    }


def test_the_end_is_waited_for_over_several_answers(failing: Any, connect: Callable[..., Zenbeat]) -> None:
    states = [{**SHOWN, "state": state} for state in ("waiting", "claimed", "started", "completed")]
    failing.will(*((200, state, {}) for state in states))
    ended = connect().wait("t-1")
    assert (ended.state, ended.succeeded, ended.raw["later"]) == ("completed", True, "than we know")
    assert all("wait=30.000&until=ended" in asked.path for asked in failing.asked)
    failing.will(*((200, state, {}) for state in states))
    assert connect().wait("t-1", until="started").state == "started"


def test_the_end_is_not_waited_for_longer_than_asked(failing: Any, connect: Callable[..., Zenbeat]) -> None:
    failing.will((200, {**SHOWN, "state": "started"}, {}))
    with pytest.raises(TimeoutError, match=r"t-1 is started after 0\.2 s"):
        connect().wait("t-1", timeout=0.2)


@pytest.mark.parametrize(
    ("state", "stage"),
    [("waiting", 0), ("dispatched", 0), ("claimed", 0), ("started", 1)]
    + [(state, 2) for state in ("completed", "failed", "stopped", "dead", "cancelled", "a-word-of-the-future")],
)
def test_a_trigger_says_how_far_it_is(state: str, stage: int, failing: Any, connect: Callable[..., Zenbeat]) -> None:
    failing.will((200, {**SHOWN, "state": state}, {}))
    found: Trigger = connect().get("t-1/../x?")
    assert found.started + found.ended == stage
    assert failing.asked[0].path == "/api/v1/triggers/t-1%2F..%2Fx%3F"


def test_schedules_come_page_by_page(failing: Any, connect: Callable[..., Zenbeat]) -> None:
    one, two = ({"name": name, "pipeline": "training", "status": "active"} for name in ("one", "two"))
    failing.will((200, {"items": [one], "next": "c1"}, {}), (200, {"items": [two], "next": None}, {}))
    assert [schedule.name for schedule in connect().schedules(pipeline="training")] == ["one", "two"]
    assert failing.asked[1].path == "/api/v1/schedules?limit=200&pipeline=training&cursor=c1"


STREAM = {"Content-Type": "text/event-stream"}


def test_a_stream_that_breaks_off_is_taken_up_after_the_last_that_came(
    failing: Any, connect: Callable[..., Zenbeat]
) -> None:
    first = b'retry: 2000\n\nid: 5-0\nevent: outcome\ndata: {"status": "started"}\n\nid: 7-0\n: keep-alive\n\n'
    second = b'event: gap\ndata: {"after": "7-0"}\n\nid: 9-0\nevent: outcome\ndata: {"status":\ndata:  "completed"}\n\n'
    failing.will((200, first, STREAM), None, (503, {}, {"Retry-After": "0"}), (200, second, STREAM))
    found = list(islice(connect().events(after="1-0", statuses=["started", "completed"], pipeline="training"), 3))
    assert [(event.id, event.kind) for event in found] == [("5-0", "outcome"), ("", "gap"), ("9-0", "outcome")]
    assert found[2].data == {"status": "completed"}
    assert [asked.headers["Last-Event-ID"] for asked in failing.asked] == ["1-0", "7-0", "7-0", "7-0"]
    assert failing.asked[0].path == "/api/v1/events?status=started&status=completed&pipeline=training"


def test_a_stream_that_is_refused_is_not_asked_for_again(failing: Any, connect: Callable[..., Zenbeat]) -> None:
    failing.will((401, {"detail": "the key is not known"}, {}))
    with pytest.raises(NotLetIn, match="not known"):
        next(connect().events())
    assert len(failing.asked) == 1


def test_a_stream_that_never_comes_is_told(failing: Any, connect: Callable[..., Zenbeat]) -> None:
    failing.will((503, {}, {}))
    with pytest.raises(Unavailable, match="HTTP 503"):
        next(connect().events())
    assert len(failing.asked) == 4
