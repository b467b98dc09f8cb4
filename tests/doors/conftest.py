"""An installation behind each broker and behind HTTP, and callers that are no part of it."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.crash.rabbitmq import RabbitMQ

from .document import RABBITMQ, REDIS

HERE = Path(__file__).parent
PATIENCE = 300
"""The first test of a fresh checkout installs Celery and the packages of Node."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder: it needs programs that not every machine has."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.doors)
            item.add_marker(pytest.mark.timeout(PATIENCE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """An installation with a worker, and the broker that leads to it."""

    stack: Any
    broker: str
    example: str
    """The address that stands for it in the document."""

    @property
    def addresses(self) -> dict[str, str]:
        """Give the real address for the document's."""
        return {self.example: self.broker}


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A RabbitMQ of our own for the whole run."""
    with RabbitMQ(tmp_path_factory.mktemp("rabbitmq") / "node") as node:
        yield node


@pytest.fixture
def over_redis(stack: Any, redis_url: str, eventually: Callable[..., None]) -> Door:
    """A worker behind Redis."""
    stack.start("worker")
    eventually(lambda: stack.ready("worker"), what="a worker")
    return Door(stack=stack, broker=redis_url, example=REDIS)


@pytest.fixture
def over_rabbitmq(stack: Any, rabbitmq: RabbitMQ, eventually: Callable[..., None]) -> Door:
    """A worker behind RabbitMQ."""
    stack.start("worker", CELERY_BROKER_URL=rabbitmq.url)
    eventually(lambda: stack.ready("worker"), what="a worker")
    return Door(stack=stack, broker=rabbitmq.url, example=RABBITMQ)


@pytest.fixture(params=["redis", "rabbitmq"])
def door(request: pytest.FixtureRequest) -> Door:
    """A worker behind either."""
    made: Door = request.getfixturevalue(f"over_{request.param}")
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An installation with its HTTP API, and a key for it that may start runs of `training` and no more."""

    stack: Any
    url: str
    key: str


@pytest.fixture
def site(stack: Any, eventually: Callable[..., None]) -> Site:
    """A beat, a worker and the API, as users start them."""
    log = stack.folder / "api.log"
    with log.open("wb") as said:
        command = [sys.executable, "-m", "worker", "api", "--port", "0"]
        environment = {**stack.environment, "LOG_FORMAT": "json"}
        stack.processes.append(subprocess.Popen(command, env=environment, cwd=stack.folder, stdout=said, stderr=said))
    roles = ("worker", "beat")
    for role in roles:
        stack.start(role)
    found: list[str] = []

    def listens() -> bool:
        found[:] = re.findall(r'"url":"(http[^"]+)"', log.read_text())
        return bool(found) and all(map(stack.ready, roles))

    eventually(listens, what="an API, a worker and a beat", seconds=60)
    key = stack.zenbeat("key", "create", "caller", "--scope", "trigger:training")
    return Site(stack=stack, url=found[0], key=key)
