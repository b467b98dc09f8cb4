"""The command as people and scripts run it: a process, with its exit code and its two streams."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from worker.demo.zenml import DEMO_API_KEY, DemoServer

Command = Callable[..., "subprocess.CompletedProcess[str]"]


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
def zenbeat(stack: Any) -> Command:
    """Run the command in the installation's folder."""

    def run(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "worker", *words],
            env={**stack.environment, **environment},
            cwd=stack.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
