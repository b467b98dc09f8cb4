"""Real processes, killed at named points."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
PATIENCE = 900

LONGEST = ("test_sweeps.py", "test_ends.py", "test_backfills.py", "test_matrix.py")
"""Files that take six minutes each; side by side with the others they begin first, so that none is left for the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder: it takes minutes, and programs that not every machine has."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.crash)
            item.add_marker(pytest.mark.timeout(PATIENCE))
    items.sort(key=lambda item: HERE not in item.path.parents or item.path.name not in LONGEST)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the table of the crash matrix be written into a document."""
    parser.addoption("--crash-table", metavar="FILE", help="document to write the crash matrix into")
