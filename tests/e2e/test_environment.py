"""The environment of the server is made once, and a fault in making it is told, never skipped."""

import time
from pathlib import Path

import pytest

from .environment import EnvironmentBroken, prepare

pytestmark = pytest.mark.e2e


def test_an_environment_that_is_there_is_taken_as_it_is() -> None:
    python = prepare()
    made = python.lstat().st_mtime_ns
    started = time.monotonic()
    assert prepare() == python
    assert time.monotonic() - started < 5
    assert python.lstat().st_mtime_ns == made


def test_what_cannot_be_installed_is_told_with_the_reason_and_tried_again(tmp_path: Path) -> None:
    wheel = tmp_path / "zenml-0-py3-none-any.whl"
    for _ in range(2):
        with pytest.raises(EnvironmentBroken, match=r"could not be made(.|\n)*zenml-0-py3-none-any\.whl"):
            prepare(home=tmp_path, requirements=[str(wheel)])
