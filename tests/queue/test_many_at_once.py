"""Many triggers in one message: all of them, or none."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from worker.domain.trigger import Origin, trigger_id


def send(app: Any, *triggers: dict[str, Any], task_id: str | None = None, **more: Any) -> None:
    kwargs = {"triggers": list(triggers), **more}
    app.send_task("worker.trigger", kwargs=kwargs, queue="zenbeat", task_id=task_id)


def of(key: str) -> str:
    return trigger_id(Origin.CELERY, key)


def started(stack: Any) -> set[str]:
    return {outcome["trigger"] for outcome in stack.outcomes("started")}


def test_each_is_known_by_its_own_key(worker_ready: Any, bare_app: Any, eventually: Callable[..., None]) -> None:
    one, two = ({"pipeline": "training", "idempotency_key": key} for key in ("one", "two"))
    three = {"pipeline": "scoring", "idempotency_key": "three"}
    send(bare_app, one, two, version=1)
    send(bare_app, two, three)
    eventually(lambda: started(worker_ready) == {of("one"), of("two"), of("three")}, what="three runs")
    eventually(lambda: worker_ready.logs().count("known already") == 1, what="the repeat noticed")
    assert len(worker_ready.demo.state.runs) == 3


def test_without_a_key_the_message_and_the_place_in_it_stand_in(
    worker_ready: Any, bare_app: Any, eventually: Callable[..., None]
) -> None:
    same = {"pipeline": "training"}
    for _ in range(2):  # delivered twice
        send(bare_app, same, {**same, "idempotency_key": "named"}, same, task_id="m-1")
    known = {of("task:m-1#0"), of("named"), of("task:m-1#2")}
    eventually(lambda: worker_ready.logs().count("known already") == 3, what="the second delivery")
    eventually(lambda: started(worker_ready) == known, what="three runs")
    assert len(worker_ready.demo.state.runs) == 3


@pytest.mark.parametrize(
    ("triggers", "more", "reason"),
    [
        ([{"pipeline": "training"}, {"pipelin": "training"}], {}, "triggers.1.pipelin: unknown field; did you mean"),
        ([{"pipeline": "training"}, {"pipeline": 7}], {}, "triggers.1.pipeline: Input should be a valid string"),
        ([{"pipeline": "training"}, "training"], {}, "triggers.1: Input should be"),
        ([], {}, "triggers: List should have at least 1 item"),
        ([{"pipeline": "training"}] * 1001, {}, "triggers: List should have at most 1000 items"),
        ([{"pipeline": "training"}], {"pipeline": "training"}, "pipeline: unknown field"),
        ([{"pipeline": "training"}], {"version": 2}, "this zenbeat knows version 1 of the message, not 2"),
        ([{"pipeline": "training", "triggers": []}], {}, "triggers.0.triggers: unknown field"),
        (
            [{"pipeline": "training", "idempotency_key": "k"}, {"pipeline": "training", "idempotency_key": "used"}],
            {},
            "idempotency key used was used before for another request",
        ),
        (
            [{"pipeline": "training", "idempotency_key": "k"}, {"pipeline": "other", "idempotency_key": "k"}],
            {},
            "idempotency key k stands here twice, for different requests",
        ),
    ],
    ids=["field", "type", "text", "none", "too-many", "both", "version", "nested", "used", "twice"],
)
def test_one_fault_refuses_the_whole_message(
    triggers: list[Any],
    more: dict[str, Any],
    reason: str,
    worker_ready: Any,
    bare_app: Any,
    eventually: Callable[..., None],
) -> None:
    send(bare_app, {"pipeline": "scoring", "idempotency_key": "used"})
    eventually(lambda: started(worker_ready) == {of("used")}, what="what the key is used for")
    send(bare_app, *triggers, **more)
    eventually(lambda: worker_ready.redis.xlen("zenbeat:unreadable"), what="a record of it")
    ((_, kept),) = worker_ready.redis.xrange("zenbeat:unreadable")
    assert reason in kept["reason"]
    (told,) = worker_ready.outcomes("rejected")
    assert reason in told["reason"]
    send(bare_app, {"pipeline": "training", "idempotency_key": "after"})
    eventually(lambda: started(worker_ready) == {of("used"), of("after")}, what="the message after it")
    assert len(worker_ready.redis.keys("zenbeat:trigger:*")) == 2, "nothing of it is on record"


def test_what_is_no_list_is_refused(worker_ready: Any, bare_app: Any, eventually: Callable[..., None]) -> None:
    bare_app.send_task("worker.trigger", kwargs={"triggers": {"pipeline": "training"}}, queue="zenbeat")
    eventually(lambda: worker_ready.redis.xlen("zenbeat:unreadable"), what="a record of it")
    assert "triggers: Input should be a valid list" in worker_ready.redis.xrange("zenbeat:unreadable")[0][1]["reason"]


def test_a_thousand_go_in_at_once(worker_ready: Any, bare_app: Any, eventually: Callable[..., None]) -> None:
    later = "2100-01-01T00:00:00Z"
    send(bare_app, *({"pipeline": "training", "not_before": later} for _ in range(1000)), task_id="big")
    eventually(lambda: worker_ready.redis.zcard("zenbeat:delayed:default") == 1000, what="all of them on record")
    eventually(lambda: worker_ready.redis.hlen("unacked") == 0, what="the message acknowledged")
    data = json.loads(worker_ready.redis.hget(f"zenbeat:trigger:{of('task:big#999')}", "data"))
    assert data["pipeline"] == "training"
