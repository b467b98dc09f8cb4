"""What the API has accepted is started once, whatever is killed: its own process, the workers, or Valkey."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .doors import HOOK, DoorCell, Doors, Passed, cells, run
from .site import Site
from .table import write_doors

CELLS = list(cells())
LATEST = 30.0


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    with Site(tmp_path_factory.mktemp("doors") / "site") as site:
        site.define(HOOK)
        site.complete()
        opened = Doors(site)
        opened.start()
        opened.listens()
        yield opened
        opened.end()


@pytest.fixture(scope="module")
def results(request: pytest.FixtureRequest) -> Iterator[dict[str, Passed]]:
    found: dict[str, Passed] = {}
    yield found
    write_doors(request.config.getoption("--crash-table"), CELLS, found)


def test_the_document_has_a_row_for_each_cell() -> None:
    document = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text()
    for cell in CELLS:
        assert f"| {cell.point} | {cell.killed} | " in document, "--crash-table writes it"


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_what_was_accepted_is_started_once(cell: DoorCell, doors: Doors, results: dict[str, Passed]) -> None:
    passed = results[cell.name] = run(cell, doors, CELLS.index(cell))
    assert (passed.runs, passed.doubled, passed.lost) == (passed.accepted, 0, 0)
    assert passed.lateness <= LATEST
