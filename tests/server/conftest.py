"""A server in front of a small application."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.server.living import Living
from tests.server.serving import Serving, Small
from worker.settings import load_settings


@pytest.fixture
def small() -> Small:
    return Small()


@pytest.fixture
def serve(small: Small) -> Iterator[Callable[..., Serving]]:
    """Start a server in front of the small application; settings by keyword."""
    with ExitStack() as opened:

        def start(**settings: Any) -> Serving:
            return opened.enter_context(Serving(small.app, **settings))

        yield start
        small.release.set()


@pytest.fixture
def live(redis_url: str, tmp_path: Path) -> Iterator[Callable[..., Living]]:
    """Start the API on a Redis of its own; settings by their variables."""
    with ExitStack() as opened:

        def start(**variables: str) -> Living:
            environment = {"REDIS_URL": redis_url, "SCHEDULES_DIR": str(tmp_path), **variables}
            return opened.enter_context(Living(load_settings(environment, tmp_path)))

        yield start
