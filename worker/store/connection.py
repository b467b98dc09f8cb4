"""The connection to Redis."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from redis.asyncio import Redis, Sentinel
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from worker.domain.errors import StoreUnavailable
from worker.store.address import SCHEME, Sentinels

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 5.0


def connect(url: str, *, answer_seconds: float = ANSWER_SECONDS, again: int = 3) -> Redis:
    """Make a client for `url`; it connects at its first command.

    A command whose answer was lost is sent `again` times, so every write must be one that may be applied twice.
    """
    options: dict[str, Any] = {
        "decode_responses": False,
        "socket_connect_timeout": min(CONNECT_SECONDS, answer_seconds),
        "socket_timeout": answer_seconds,
        "health_check_interval": 10,
        "retry": Retry(ExponentialBackoff(cap=0.5, base=0.05), again),
        "retry_on_error": [BusyLoadingError],
        "client_name": "zenbeat",
    }
    if url.startswith(SCHEME):
        return _of_sentinels(Sentinels.parse(url), options)
    if not url.startswith("unix:"):
        options["socket_keepalive"] = True
    return Redis.from_url(url, **options)


def _of_sentinels(places: Sentinels, options: dict[str, Any]) -> Redis:
    """Make a client that asks the sentinels, at each connection, which Redis is the primary."""
    patience = {name: options[name] for name in ("socket_connect_timeout", "socket_timeout")}
    sentinel = Sentinel(list(places.hosts), sentinel_kwargs=patience)  # type: ignore[no-untyped-call]
    login: dict[str, Any] = {"username": places.username, "password": places.password, "db": places.db}
    client: Redis = sentinel.master_for(places.service, **login, **options)
    return client


async def redis_time(redis: Redis) -> datetime:
    """Read the one clock that all go by. Raises StoreUnavailable."""
    async with translated():
        return of_time(await redis.time())


def of_time(answer: tuple[int, int]) -> datetime:
    """Read what Redis answers to TIME."""
    seconds, microseconds = answer
    return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)


def text(value: object) -> str:
    """Give a name or number that Redis answered as text; redis-py's types allow for both forms."""
    return value.decode() if isinstance(value, bytes) else str(value)


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Turn what redis-py raises into `StoreUnavailable` with a sentence that says what to do."""
    try:
        yield
    except AuthenticationError as error:
        raise StoreUnavailable(f"Redis refuses the password or user in REDIS_URL ({error})") from error
    except OutOfMemoryError as error:
        raise StoreUnavailable("Redis is out of memory: raise maxmemory, or shorten the retention") from error
    except ReadOnlyError as error:
        raise StoreUnavailable("Redis is a read-only replica: point REDIS_URL at the primary") from error
    except (RedisConnectionError, RedisTimeoutError, OSError) as error:
        raise StoreUnavailable(f"Redis cannot be reached ({error})") from error
    except ResponseError as error:
        raise StoreUnavailable(f"Redis refuses a command ({error})") from error
    except RedisError as error:
        raise StoreUnavailable(f"Redis does not work ({error})") from error
