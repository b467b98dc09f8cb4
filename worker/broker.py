"""What kombu's Redis transport needs to come back by itself when Redis was away."""

from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis
from redis.exceptions import ConnectionError as RedisConnectionError


class _Outlives:
    """Mixed into kombu's channels.

    A channel whose connection is gone tries to give its unacknowledged messages back, and ends the worker process over
    a missing address (kombu 5.7.0). As an error of the connection, it is what Celery knows how to go on from.
    """

    connection: Any

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002 - kombu's signature
        if self.connection is None or self.connection.client is None:
            raise RedisConnectionError("the connection to the broker is closed")
        params: dict[str, Any] = super()._connparams(asynchronous=asynchronous)  # type: ignore[misc]
        return params


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
