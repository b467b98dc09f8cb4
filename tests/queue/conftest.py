"""Real Celery processes: beat and workers as users start them, a real Redis, and the demo ZenML server."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def worker_ready(stack: Any, eventually: Callable[..., None]) -> Any:
    """An installation with one worker at work."""
    stack.start("worker")
    eventually(lambda: stack.ready("worker"), what="a worker")
    return stack
