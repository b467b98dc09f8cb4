"""A folder of schedule files, and a look at what is wrong with a text."""

from collections.abc import Callable
from pathlib import Path

import pytest

from worker.source import lint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for schedule files, with one for config templates in it."""
    made = tmp_path / "schedules"
    (made / "templates").mkdir(parents=True)
    return made


@pytest.fixture
def faults(folder: Path) -> Callable[[str], list[str]]:
    """Give the lines about a text that is written to a.yaml, without the folder."""

    def check(text: str) -> list[str]:
        (folder / "a.yaml").write_text(text)
        return [
            str(fault).replace(f"{folder}/", "", 1).replace(str(folder), "FOLDER") for fault in lint([folder]).faults
        ]

    return check


@pytest.fixture
def warnings(folder: Path, faults: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """Give the warnings about a text without faults."""

    def check(text: str) -> list[str]:
        assert faults(text) == []
        return [str(warning).replace(f"{folder}/", "") for warning in lint([folder]).warnings]

    return check
