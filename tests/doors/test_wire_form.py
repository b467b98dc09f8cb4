"""The documented messages, byte for byte, written by no library of Celery's."""

from collections.abc import Callable
from typing import Any

import amqp
import pytest

from worker.domain.trigger import Origin, trigger_id

from .conftest import Door
from .document import block

KNOWN = trigger_id(Origin.CELERY, "upload-4711")


def test_over_redis(over_redis: Door, eventually: Callable[..., None]) -> None:
    over_redis.stack.redis.lpush("zenbeat", block("Over Redis", "json"))
    eventually(lambda: over_redis.stack.outcomes("started"), what="a run")
    assert over_redis.stack.outcomes("started")[0]["trigger"] == KNOWN


def publish(door: Door, body: str, headers: dict[str, Any], **properties: Any) -> None:
    address = door.broker.removeprefix("amqp://guest:guest@").removesuffix("//")
    with amqp.Connection(address, confirm_publish=True) as connection:
        channel = connection.channel()
        channel.queue_declare("zenbeat", durable=True, auto_delete=False)
        message = amqp.Message(body, application_headers=headers, delivery_mode=2, **properties)
        channel.basic_publish_confirm(message, exchange="", routing_key="zenbeat")


def test_over_amqp(over_rabbitmq: Door, eventually: Callable[..., None]) -> None:
    publish(
        over_rabbitmq,
        block("Over AMQP", "json"),
        {"task": "worker.trigger", "id": "1"},
        content_type="application/json",
        content_encoding="utf-8",
        correlation_id="1",
    )
    eventually(lambda: over_rabbitmq.stack.outcomes("started"), what="a run")
    assert over_rabbitmq.stack.outcomes("started")[0]["trigger"] == KNOWN


@pytest.mark.parametrize(
    ("body", "headers", "content_type"),
    [
        ("not json", {"task": "worker.trigger", "id": "1"}, "application/json"),
        ("{}", {}, "application/json"),
        ("[[], {}, {}]", {"task": "no.such", "id": "1"}, "application/json"),
        ("[]", {"task": "worker.trigger", "id": "1"}, "application/json"),
        ("[[], {}, {}]", {"task": "worker.trigger"}, "application/json"),
        ("cos\nsystem\n(S'true'\ntR.", {"task": "worker.trigger", "id": "1"}, "application/x-python-serialize"),
    ],
    ids=["no-json", "no-headers", "unknown-task", "wrong-shape", "no-id", "pickle"],
)
def test_what_a_stranger_publishes_over_amqp_ends_no_worker_and_is_kept(
    body: str, headers: dict[str, Any], content_type: str, over_rabbitmq: Door, eventually: Callable[..., None]
) -> None:
    publish(over_rabbitmq, body, headers, content_type=content_type, content_encoding="utf-8")
    test_over_amqp(over_rabbitmq, eventually)
    assert over_rabbitmq.stack.redis.xlen("zenbeat:unreadable") == 1
    assert over_rabbitmq.stack.processes[0].poll() is None
