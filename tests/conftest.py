"""What tests of every floor share: a real Redis, emptied for each test, and a way to wait for a condition."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
import redis

from worker.demo.valkey import EmbeddedRedis


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis of our own for the whole run; gives its address."""
    server = EmbeddedRedis(tmp_path_factory.mktemp("redis"), persist=False)
    url = server.start()
    yield url
    server.stop()


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """The address of a Redis that is empty."""
    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Wait for a condition with a deadline; the condition's truth is what counts, not the time it took."""

    def wait(condition: Callable[[], object], seconds: float = 30.0, what: str = "") -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"not within {seconds} s: {what or condition}")
            time.sleep(0.02)

    return wait


@pytest.fixture
def start_of_test() -> datetime:
    """An instant shortly before the test."""
    return datetime.now(UTC)  # noqa: TID251 - a test has a clock
