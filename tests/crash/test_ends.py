"""The ends of runs, with the beat killed while it sees to them: each is told once, and what follows happens once."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from .ends import CELLS, End, EndCell, Receiver, strike
from .site import Site
from .table import write_ends

DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Site]:
    with Site(
        tmp_path_factory.mktemp("ends") / "site", settings={"ZENBEAT_RECEIVERS": json.dumps({"ops": receiver.url})}
    ) as site:
        yield site


@pytest.fixture(scope="module")
def results(request: pytest.FixtureRequest) -> Iterator[dict[str, End]]:
    found: dict[str, End] = {}
    yield found
    write_ends(request.config.getoption("--crash-table"), CELLS, found)


def test_the_document_has_a_row_for_each_cell() -> None:
    document = DOCUMENT.read_text()
    for cell in CELLS:
        assert f"| {cell.point} | {cell.killed} | " in document, "--crash-table writes it"


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_each_end_is_told_once_and_what_follows_happens_once(
    cell: EndCell, site: Site, receiver: Receiver, results: dict[str, End]
) -> None:
    end = results[cell.name] = strike(cell, site, CELLS.index(cell), receiver)
    assert (end.runs, end.told, end.followers, end.again, end.at_once) == (end.runs, end.runs, 1, 1, 1)
    assert end.letters >= 1
