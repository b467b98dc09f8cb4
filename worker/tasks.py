"""The Celery tasks: one door for other applications, one doorbell of our own."""

import logging
import time
from typing import Any

from celery import Task
from celery.exceptions import Reject
from celery.signals import setup_logging, worker_process_init, worker_process_shutdown, worker_ready, worker_shutdown

from worker.celery import app
from worker.domain.errors import InvalidInput, StoreUnavailable
from worker.domain.trigger import Origin
from worker.engine.enqueue import accept_all
from worker.engine.halting import Point, reached
from worker.engine.requests import Requests, TriggerRequest, parse_requests
from worker.engine.runtime import process_name
from worker.engine.working import Worker
from worker.process import close_runtime, configure_logs, runtime

logger = logging.getLogger("zenbeat.tasks")

PAUSE_SECONDS = 1.0
"""Before a request goes back to the broker: Redis does not come back faster for being asked again at once."""


@app.task(name="worker.execute")
def execute(ids: list[str]) -> None:
    """Start the runs of these triggers. What cannot be done now is rung again by the beat."""
    reached(Point.DELIVERED)
    engine = runtime().engine
    runtime().run(Worker(engine).execute(ids))


@app.task(name="worker.trigger", bind=True, acks_late=True)
def trigger(self: "Task[Any, Any]", *positional: Any, **request: Any) -> None:
    """Record a trigger that another application asked for, and execute it as soon as the limits allow.

    Safe to send twice with the same `idempotency_key`; without one, the message's own id stands in for it. So it may
    be delivered twice, and is acknowledged only when it is on record.
    """
    reached(Point.BEFORE_ACCEPT)
    try:
        runtime().run(_take_in(positional, request, str(self.request.id)))
    except StoreUnavailable as error:
        logger.error("request given back to the broker", extra={"task": self.request.id, "reason": error})
        time.sleep(PAUSE_SECONDS)
        raise Reject(error, requeue=True) from error
    reached(Point.BEFORE_ACK)


async def _take_in(positional: tuple[Any, ...], request: dict[str, Any], task_id: str) -> None:
    """Record what was asked for, or why it is refused."""
    try:
        if positional:
            raise InvalidInput("a request comes in kwargs, not in args: kwargs={'pipeline': …}")
        await _accept(request, task_id)
    except InvalidInput as error:
        logger.error("request refused", extra={"task": task_id, "reason": error})
        engine = runtime().engine
        body = repr(positional or request)
        await engine.unreadable.keep(str(error), engine.clock(), headers=f"task {task_id}", body=body)


async def _accept(request: dict[str, Any], task_id: str) -> None:
    engine = runtime().engine
    wanted = _keyed(parse_requests(request), task_id)
    for accepted in await accept_all(engine.requests, Origin.CELERY, wanted, engine.clock()):
        logger.info("queued" if accepted.new else "known already", extra={"trigger": accepted.trigger.id})
    ids = await engine.dispatcher.take()
    if ids:
        # Not waited for: a slow server must not hold up those who come after this one.
        runtime().hand_over(Worker(engine).execute(ids))


def _keyed(requests: Requests, task_id: str) -> list[tuple[TriggerRequest, str]]:
    """Give each request its key: the caller's, else one that is derived from the message."""
    stem = f"task:{task_id}"
    return [
        (request, request.idempotency_key or (f"{stem}#{number}" if requests.many else stem))
        for number, request in enumerate(requests.triggers)
    ]


@setup_logging.connect
def _log(**_: Any) -> None:
    configure_logs()


@worker_ready.connect
@worker_process_init.connect
def _open(**_: Any) -> None:
    """Connect before the first trigger comes, not with it."""
    runtime().start(Worker(runtime().engine).live(process_name()))


@worker_shutdown.connect
@worker_process_shutdown.connect
def _close(**_: Any) -> None:
    close_runtime()
