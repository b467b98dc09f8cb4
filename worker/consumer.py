"""A Celery consumer that survives what it cannot read: such messages go to a stream, and the worker goes on.

Without it, a message whose body has the wrong shape ends the worker process, is put back at its end, and ends the next.
"""

import logging
from collections.abc import Callable
from typing import Any, ClassVar

from celery.utils.functional import noop
from celery.worker.consumer import Consumer
from celery.worker.state import maybe_shutdown
from kombu.utils.encoding import safe_repr

from worker.broker import keep_unreadable
from worker.domain.errors import StoreUnavailable
from worker.engine.trouble import Trouble
from worker.process import runtime
from worker.store.unreadable import LONGEST

logger = logging.getLogger("zenbeat.consumer")

AGAIN_SECONDS = 1

NEIGHBOURLY = ("Mingle", "Gossip", "Heart", "Events", "Control")
"""Steps of a consumer that talk with other workers, which ours have nothing to say to: a second at each connection."""

ALONE = {"without_mingle": True, "without_gossip": True, "without_heartbeat": True}
"""The same, in the words of the command line."""

LOOK_UP_SECONDS = 1


class SafeConsumer(Consumer):
    """Puts away every message that is no task of ours, and comes back at once when the broker does."""

    class Blueprint(Consumer.Blueprint):
        """What a consumer is made of."""

        default_steps: ClassVar = [
            step for step in Consumer.Blueprint.default_steps if step.rpartition(":")[2] not in NEIGHBOURLY
        ]

    def __init__(self, *args: Any, worker_options: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Leave the neighbourly steps out also where another step asks for them: that of the tasks wants Mingle."""
        super().__init__(*args, worker_options={**(worker_options or {}), **ALONE}, **kwargs)

    def register_with_event_loop(self, hub: Any) -> None:
        """Look up every second: a signal alone does not wake a loop that waits, and RabbitMQ sends nothing for long."""
        super().register_with_event_loop(hub)
        hub.call_repeatedly(LOOK_UP_SECONDS, noop)

    def ensure_connected(self, conn: Any) -> Any:
        """Wait for the broker, and look for it every second: Celery's own patience grows to half a minute."""
        trouble = Trouble(logger)
        conn.ensure_connection(
            lambda error, _: trouble.met(f"Celery's broker cannot be reached ({error})"),
            interval_start=AGAIN_SECONDS,
            interval_step=0,
            callback=maybe_shutdown,
        )
        trouble.over()
        return conn

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        """Guard Celery's own handler."""
        receive = super().create_task_handler(*args, **kwargs)

        def received(message: Any) -> None:
            try:
                receive(message)
            except self.connection_errors:
                raise
            except Exception as error:  # whatever a stranger wrote into the queue must not end the worker
                self._put_away(message, error)

        return received

    def on_unknown_message(self, body: Any, message: Any) -> None:
        """Put away what is no Celery message."""
        self._put_away(message, ValueError("not a Celery task message"))

    def on_unknown_task(self, body: Any, message: Any, exc: Exception) -> None:
        """Put away a task that we do not have."""
        self._put_away(message, ValueError(f"no such task: {exc}; zenbeat knows worker.trigger"))

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:
        """Put away a task whose message has the wrong shape or a content type that is refused."""
        self._put_away(message, exc)

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """Put away what is not JSON."""
        self._put_away(message, exc)

    def _put_away(self, message: Any, error: Exception) -> None:
        _keep(error, message.body, message.headers)
        message.ack_log_error(logger, self.connection_errors)


def _keep(error: Exception, body: object, headers: object = "") -> None:
    reason = f"{type(error).__name__}: {error}"[:LONGEST]
    logger.error("message not readable", extra={"reason": reason})
    engine = runtime().engine
    keeping = engine.unreadable.keep(reason, engine.clock(), headers=safe_repr(headers), body=safe_repr(body))
    try:
        runtime().run(keeping)
    except StoreUnavailable as unavailable:
        # With another broker than Redis. What is no trigger must not end the worker because of that.
        logger.error("message not kept", extra={"reason": unavailable, "message_headers": safe_repr(headers)})


keep_unreadable(_keep)
