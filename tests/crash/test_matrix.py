"""For each point and each victim: as many runs as were due, none doubled, none lost, each with its decision."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .cells import Cell, broker_cells, cells
from .rabbitmq import RabbitMQ
from .side_by_side import Running, side_by_side
from .site import Site
from .table import write_table

LATEST = 10.0

AT_ONCE = 4
"""Installations side by side: most of a cell is waiting."""

CELLS = list(cells())
BROKER_CELLS = list(broker_cells())


def _selected(request: pytest.FixtureRequest, test: str) -> list[Cell]:
    return [item.callspec.params["cell"] for item in request.session.items if item.originalname == test]


@pytest.fixture(scope="module")
def over_redis(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Running]:
    """All selected cells, with Valkey as broker, too."""

    def make(stack: ExitStack) -> Site:
        return stack.enter_context(Site(tmp_path_factory.mktemp("crash") / "site"))

    with side_by_side(_selected(request, "test_one_due_instant_one_run"), AT_ONCE, make) as running:
        yield running
        results = running.results()
    write_table(request.config.getoption("--crash-table"), "matrix", CELLS, results)


@pytest.fixture(scope="module")
def over_rabbitmq(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Running]:
    """Those cells that differ, with RabbitMQ as broker."""

    def make(stack: ExitStack) -> Site:
        folder = tmp_path_factory.mktemp("crash")
        broker = stack.enter_context(RabbitMQ(folder / "rabbitmq"))
        return stack.enter_context(Site(folder / "site", broker=broker.url))

    with side_by_side(_selected(request, "test_one_due_instant_one_run_over_rabbitmq"), 2, make) as running:
        yield running
        results = running.results()
    write_table(request.config.getoption("--crash-table"), "rabbitmq", BROKER_CELLS, results)


def _holds(cell: Cell, running: Running) -> None:
    result = running.result(cell)
    assert (result.runs, result.doubled, result.lost, result.undecided) == (result.due, 0, 0, 0)
    assert result.lateness <= LATEST


def test_the_document_has_a_row_for_each_cell() -> None:
    document = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text()
    for cell in (*CELLS, *BROKER_CELLS):
        assert f"| {cell.point} | {cell.killed} | " in document, "--crash-table writes it"


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_one_due_instant_one_run(cell: Cell, over_redis: Running) -> None:
    _holds(cell, over_redis)


@pytest.mark.parametrize("cell", BROKER_CELLS, ids=lambda cell: cell.name)
def test_one_due_instant_one_run_over_rabbitmq(cell: Cell, over_rabbitmq: Running) -> None:
    _holds(cell, over_rabbitmq)
