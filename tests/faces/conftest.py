"""The command as people and scripts run it: a process, with its exit code and its two streams."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faces.place import Place
from tests.faces.started import Started

Command = Callable[..., "subprocess.CompletedProcess[str]"]


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


@pytest.fixture
def make_place(tmp_path: Path, redis_url: str) -> Callable[..., Place]:
    """Make a place with this schedule file; the words of a group of commands come before all others."""
    return lambda text, *group: Place(tmp_path, redis_url, text, *group)


@pytest.fixture
def make_started(tmp_path: Path, redis_url: str) -> Callable[..., Started]:
    """Make a place with this schedule file, where sweeps can be started; without a ZenML."""

    def make(text: str, **environment: str) -> Started:
        place = Started(tmp_path, redis_url, text, "sweep")
        place.environment |= {"ZENML_STORE_URL": "", **environment}
        return place

    return make
