"""What kombu's Redis transport needs to come back by itself, and to outlive what strangers write into its queues."""

from collections.abc import Callable
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

PutAway = Callable[[Exception, object], None]
"""Keeps what could not be read, with the reason."""

_keepers: list[PutAway] = []


def keep_unreadable(keeper: PutAway) -> None:
    """Let what cannot be read as a message at all be kept; without a keeper, it ends the process, as kombu has it."""
    _keepers[:] = [keeper]


class _Outlives:
    """Mixed into kombu's channels."""

    connection: Any

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002 - kombu's signature
        """Say that the connection is gone in words that Celery knows how to go on from.

        A channel without one that gives its unacknowledged messages back would end the worker process over a missing
        address (kombu 5.7.0).
        """
        if self.connection is None or self.connection.client is None:
            raise RedisConnectionError("the connection to the broker is closed")
        params: dict[str, Any] = super()._connparams(asynchronous=asynchronous)  # type: ignore[misc]
        return params

    def _brpop_read(self, **options: Any) -> Any:
        """Read a message, and go on after one that is none."""
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]
        except (RedisError, OSError, Empty):  # kombu counts KeyError among the errors of a connection
            raise
        except Exception as error:
            if not _keepers:
                raise
            _keepers[0](error, getattr(error, "doc", ""))
            return True


class Channel(_Outlives, redis.Channel):
    """A channel over one Redis."""


class Transport(redis.Transport):
    """Redis as broker."""

    Channel = Channel


class SentinelChannel(_Outlives, redis.SentinelChannel):
    """A channel over the primary that Sentinel names."""


class SentinelTransport(redis.SentinelTransport):
    """Redis as broker, found by Sentinel."""

    Channel = SentinelChannel


def register() -> None:
    """Let broker addresses lead here."""
    TRANSPORT_ALIASES.update(
        redis="worker.broker:Transport", rediss="worker.broker:Transport", sentinel="worker.broker:SentinelTransport"
    )
