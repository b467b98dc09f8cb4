"""Triggers from other applications: `send_task` from a Celery that knows nothing of zenbeat."""

import json
import signal
from collections.abc import Callable
from typing import Any

import pytest
import redis

from worker.demo.valkey import EmbeddedRedis
from worker.domain.trigger import Origin, trigger_id


def send(app: Any, **request: Any) -> None:
    app.send_task("worker.trigger", kwargs={"pipeline": "training", **request}, queue="zenbeat")


def test_a_message_starts_a_run(worker_ready: Any, bare_app: Any, eventually: Callable[..., None]) -> None:
    config = {"steps": {"model_trainer": {"parameters": {"model_type": "svm"}}}}
    send(bare_app, template="production", config=config, idempotency_key="upload-17")
    eventually(lambda: worker_ready.outcomes("started"), what="a run")
    (run,) = worker_ready.demo.state.runs.values()
    assert run.configuration["steps"] == config["steps"]
    (outcome,) = worker_ready.outcomes()
    assert outcome["origin"] == "celery"


def test_the_same_key_twice_is_one_run(worker_ready: Any, bare_app: Any, eventually: Callable[..., None]) -> None:
    for _ in range(5):
        send(bare_app, idempotency_key="same")
    send(bare_app, idempotency_key="other")
    eventually(lambda: len(worker_ready.outcomes("started")) == 2, what="two runs")
    eventually(lambda: worker_ready.logs().count("known already") == 4, what="four repeats noticed")
    assert len(worker_ready.demo.state.runs) == 2


def test_a_request_that_cannot_be_used_is_kept_with_its_reason(
    worker_ready: Any, bare_app: Any, eventually: Callable[..., None]
) -> None:
    send(bare_app, templat="production")
    bare_app.send_task("worker.trigger", args=["training"], queue="zenbeat")
    send(bare_app, idempotency_key="good")
    eventually(lambda: worker_ready.outcomes("started"), what="the good one")
    eventually(lambda: worker_ready.redis.xlen("zenbeat:unreadable") == 2, what="the bad ones put away")
    reasons = " ".join(entry["reason"] for _, entry in worker_ready.redis.xrange("zenbeat:unreadable"))
    assert "templat: unknown field; did you mean template?" in reasons
    assert "a request comes in kwargs, not in args" in reasons
    assert "Traceback" not in worker_ready.logs()


def test_only_our_own_messages_are_in_our_own_queue(
    worker_ready: Any, bare_app: Any, eventually: Callable[..., None]
) -> None:
    send(bare_app)
    eventually(lambda: worker_ready.outcomes("started"), what="a run")
    assert worker_ready.logs().count("queued") == 1
    assert "mingle" not in worker_ready.logs(), "no second is spent on neighbours"


def test_a_request_that_cannot_be_recorded_now_is_not_lost(
    worker_ready: Any, bare_app: Any, eventually: Callable[..., None]
) -> None:
    in_the_way = f"zenbeat:trigger:{trigger_id(Origin.CELERY, 'k')}"
    worker_ready.redis.set(in_the_way, "no hash")
    send(bare_app, idempotency_key="k")
    eventually(lambda: "given back to the broker" in worker_ready.logs(), what="the trouble told")
    worker_ready.redis.delete(in_the_way)
    eventually(lambda: worker_ready.outcomes("started"), what="a run")
    assert len(worker_ready.demo.state.runs) == 1


def test_a_slow_server_does_not_hold_up_the_next_request_and_is_waited_for_at_the_end(
    stack: Any, bare_app: Any, eventually: Callable[..., None]
) -> None:
    stack.demo.faults.add("hang_after_accept", match="POST .*/runs$", seconds=4, times=20)
    stack.redis.hset("zenbeat:limit:default", "window", 64)
    worker = stack.start("worker")
    eventually(lambda: stack.ready("worker"), what="a worker")
    for number in range(20):
        send(bare_app, idempotency_key=str(number))
    eventually(lambda: stack.demo.state.posts == 20, what="twenty POSTs on their way, more than there are threads")
    assert not stack.outcomes(), "none is answered yet"
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0
    assert len(stack.outcomes("started")) == 20


@pytest.mark.parametrize(
    "message",
    [
        {"body": "W10=", "headers": {"task": "no.such.task", "id": "1", "lang": "py"}},
        {"body": "W10=", "headers": {"task": 7, "id": "1"}},
        {"body": "eyJhIjogMX0=", "headers": {"task": "worker.execute", "id": "1"}},
        {"body": "W10=", "headers": {}},
        {"body": "W10=", "headers": {"task": "worker.execute", "id": "1", "timelimit": "soon"}},
        {"body": "gASVAgAAAAAAAABLAS4=", "content-type": "application/x-python-serialize", "headers": {"task": "x"}},
    ],
    ids=["unknown-task", "task-is-a-number", "wrong-shape", "no-headers", "bad-timelimit", "pickle"],
)
def test_a_message_that_cannot_be_read_does_not_end_the_worker(
    message: dict[str, Any], worker_ready: Any, bare_app: Any, eventually: Callable[..., None]
) -> None:
    properties = {
        "body_encoding": "base64",
        "correlation_id": "1",
        "delivery_info": {"exchange": "", "routing_key": "zenbeat"},
        "delivery_mode": 2,
        "delivery_tag": "1",
        "priority": 0,
        "reply_to": "x",
    }
    whole = {"content-encoding": "utf-8", "content-type": "application/json", "properties": properties, **message}
    worker_ready.redis.lpush("zenbeat", json.dumps(whole))
    send(bare_app)
    eventually(lambda: worker_ready.outcomes("started"), what="the message after it")
    assert worker_ready.processes[0].poll() is None


@pytest.mark.parametrize(
    "raw", ["not json", "7", "[1, 2]", "", "null", '{"body": "###", "headers": {"task": "x"}}', "{}"]
)
def test_what_is_no_message_at_all_does_not_end_the_worker(
    raw: str, worker_ready: Any, bare_app: Any, eventually: Callable[..., None]
) -> None:
    worker_ready.redis.lpush("zenbeat", raw)
    worker_ready.redis.lpush("zenbeat.doorbell", raw)
    send(bare_app)
    eventually(lambda: worker_ready.outcomes("started"), what="the message after it")
    eventually(lambda: worker_ready.redis.xlen("zenbeat:unreadable") == 2, what="both kept")
    assert worker_ready.processes[0].poll() is None
    assert "Unrecoverable" not in worker_ready.logs()
    assert worker_ready.redis.hlen("unacked") == 0, "never again"


def test_what_is_no_trigger_ends_no_worker_also_while_redis_is_away(
    stack: Any, eventually: Callable[..., None], tmp_path: Any
) -> None:
    with EmbeddedRedis(tmp_path / "broker", persist=False) as address, redis.Redis.from_url(address) as client:
        worker = stack.start("worker", CELERY_BROKER_URL=address, REDIS_URL="redis://127.0.0.1:9/0")
        client.lpush("zenbeat", json.dumps({"body": "W10=", "headers": {}, "properties": {}}))
        eventually(lambda: "message not kept" in stack.logs(), what="a sentence")
        assert worker.poll() is None
        stack.end()


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"pipeline": "training", "version": 2}, "this zenbeat knows version 1 of the message, not 2"),
        ({"pipeline": ["training"]}, "pipeline: Input should be a valid string"),
        ({"pipeline": "training", "priority": "high"}, "priority: Input should be a valid integer"),
        ({"pipeline": "training", "not_before": "soon"}, "not_before: Input should be a valid datetime"),
        ({"config": {}}, "pipeline: Field required"),
        ({"pipeline": "training", "schedule": "no-such"}, "schedule: unknown field"),
        ({"pipeline": "training", "config": {"x": "y" * 10_000_000}}, "config: is larger than 1 MiB"),
        ({"pipeline": "training", "config": {"extra": {"n": 10**30}}}, "config.extra.n: does not fit into 64 bits"),
        ({"pipeline": "training", "config": {"extra": {"s": "\ud800"}}}, "config.extra.s: is not valid Unicode"),
        ({"pipeline": "training", "config": {"tags": 5}}, "config.tags: has to be a list"),
    ],
    ids=["version", "list", "priority", "date", "empty", "schedule", "ten-megabytes", "large", "unicode", "tags"],
)
def test_bad_input_is_recorded_with_its_reason_and_never_comes_again(
    request_: dict[str, Any], reason: str, worker_ready: Any, bare_app: Any, eventually: Callable[..., None]
) -> None:
    bare_app.send_task("worker.trigger", kwargs=request_, queue="zenbeat")
    eventually(lambda: worker_ready.redis.xlen("zenbeat:unreadable"), what="a record of it")
    ((_, kept),) = worker_ready.redis.xrange("zenbeat:unreadable")
    assert reason in kept["reason"]
    assert len(kept["body"]) <= 2000
    (told,) = worker_ready.outcomes("rejected")
    assert reason in told["reason"]
    send(bare_app)
    eventually(lambda: worker_ready.outcomes("started"), what="the message after it")
    assert worker_ready.redis.hlen("unacked") == 0
