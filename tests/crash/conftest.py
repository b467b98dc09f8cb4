"""Real processes, killed at named points."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
PATIENCE = 900


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder: it takes minutes, and programs that not every machine has."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.crash)
            item.add_marker(pytest.mark.timeout(PATIENCE))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the table of the crash matrix be written into a document."""
    parser.addoption("--crash-table", metavar="FILE", help="document to write the crash matrix into")
