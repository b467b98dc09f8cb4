"""Real Celery processes: beat and workers as users start them, a real Redis, and the demo ZenML server."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from worker.demo.zenml import DEMO_API_KEY, DemoServer


@pytest.fixture
def demo() -> Iterator[DemoServer]:
    """A demo ZenML server that takes any number of launches at once."""
    with DemoServer(capacity=None, failure_rate=0) as server:
        yield server


@pytest.fixture
def stack(make_stack: Callable[..., Any], demo: DemoServer) -> Any:
    """An installation with nothing started yet."""
    installation = make_stack(demo.url, DEMO_API_KEY)
    installation.demo = demo
    return installation


@pytest.fixture
def worker_ready(stack: Any, eventually: Callable[..., None]) -> Any:
    """An installation with one worker at work."""
    stack.start("worker")
    eventually(lambda: stack.ready("worker"), what="a worker")
    return stack
