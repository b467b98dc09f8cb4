"""The Celery application. `celery -A worker worker` and `celery -A worker beat` find it by themselves.

A message is only a doorbell: it carries ids, the truth is in Redis, and what is lost is rung again. Each setting below
was chosen with that in mind; `celery -A worker` must be right without flags.
"""

import asyncio
import sys
from collections.abc import Sequence

from celery import Celery
from kombu.entity import Exchange, Queue
from kombu.exceptions import OperationalError

from worker import broker
from worker.domain.errors import BrokerUnavailable, InvalidInput
from worker.settings import Settings, load_settings
from worker.store.address import SCHEME, Sentinels

DOOR = "zenbeat"
"""Queue for other applications: `send_task("worker.trigger", queue="zenbeat", …)`."""

DOORBELL = "zenbeat.doorbell"
"""Queue for our own messages with ids, so that a flood at the door does not hold them up."""

PUBLISH_SECONDS = 2.0


def _queue(name: str) -> Queue:
    """Name a queue just as Celery does for a sender that knows nothing but `queue=name`: both may declare it."""
    return Queue(name, Exchange(name, type="direct"), routing_key=name, durable=True)


ALWAYS: dict[str, object] = {
    # Nobody reads Celery's results: outcomes are in our own stream.
    "result_backend": None,
    "task_ignore_result": True,
    # Acknowledged when delivered: with late acknowledgement a blip of the connection runs a task twice.
    "task_acks_late": False,
    # One at a time: what a worker holds in advance waits for it when it dies.
    "worker_prefetch_multiplier": 1,
    # A publish whose answer was lost would be doubled by a retry; the reconciler rings again anyway.
    "task_publish_retry": False,
    # With it, a Celery 5.7.0 worker ends when Redis restarts; and anyone on the broker could stop it.
    "worker_enable_remote_control": False,
    "worker_send_task_events": False,
    # Only the queues below: a misspelt one must fail at its sender.
    "task_create_missing_queues": False,
    "task_queues": [_queue(DOOR), _queue(DOORBELL)],
    "task_default_queue": DOOR,
    # JSON only; anything else never reaches a parser.
    "accept_content": ["json"],
    "task_serializer": "json",
    "worker_consumer": "worker.consumer:SafeConsumer",
    # Threads: the work is on one event loop; they only wait for it.
    "worker_pool": "threads",
    "worker_concurrency": 8,
    # Our own log lines, not Celery's.
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    "beat_scheduler": "worker.beat:Scheduler",
    # Come back by itself after whatever happened to the broker, however long it took.
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_channel_error_retry": True,
    "timezone": "UTC",
}


def make_app(settings: Settings) -> Celery:
    """Make the application for these settings."""
    address = settings.broker
    if address.startswith(SCHEME):
        address = Sentinels.parse(address).for_celery
    app = Celery("zenbeat", broker=address, include=["worker.tasks"])
    app.conf.update(
        ALWAYS,
        # A running POST may take as long as one call may take.
        worker_soft_shutdown_timeout=settings.http_timeout + 5,
        broker_transport_options=_transport_options(settings.broker),
    )
    return app


def _transport_options(address: str) -> dict[str, object]:
    if not address.startswith(("redis", "sentinel")):
        return {"confirm_publish": True}
    watched = {"master_name": Sentinels.parse(address).service} if address.startswith(SCHEME) else {}
    return {
        **watched,
        # Only requests of other applications are acknowledged late, and they may come twice: soon, then.
        "visibility_timeout": 6,
        "unacked_restore_interval": 2,
        "unacked_restore_throttle": 1,
        "socket_timeout": 5,
        "socket_connect_timeout": 3,
        "socket_keepalive": True,
        "health_check_interval": 10,
        "client_name": "zenbeat-celery",
    }


def _settings() -> Settings:
    try:
        return load_settings()
    except InvalidInput as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None


broker.register()
settings = _settings()
app = make_app(settings)


async def publish(ids: Sequence[str]) -> None:
    """Send one doorbell message. Raises BrokerUnavailable.

    It never expires: the clock that says so would be the worker's, and it may be wrong. In a thread, because Celery's
    publishing blocks; and not for long, because a beat has more to do.
    """
    try:
        async with asyncio.timeout(PUBLISH_SECONDS):
            await asyncio.to_thread(
                app.send_task, "worker.execute", kwargs={"ids": list(ids)}, queue=DOORBELL, retry=False
            )
    except Exception as error:
        if not isinstance(error, (OperationalError, TimeoutError, *app.connection_for_write().connection_errors)):
            raise
        raise BrokerUnavailable(f"Celery's broker cannot be reached ({error or 'no answer'})") from error
