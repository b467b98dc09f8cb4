"""For each point and each victim: as many runs as were due, none doubled, none lost, each with its decision."""

import itertools
import queue
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from .cells import Cell, Result, cells, run
from .site import Site
from .table import write_table

AT_ONCE = 3
"""Installations side by side: most of a cell is waiting for a lease to run out."""

LATEST = 10.0

CELLS = list(cells())

Matrix = Callable[[Cell], Result]


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Matrix]:
    """Begin all cells that are selected, side by side; gives a function that waits for the result of one."""
    chosen = [item.callspec.params["cell"] for item in request.session.items if item.module is request.module]
    with ExitStack() as stack:
        free: queue.Queue[Site] = queue.Queue()
        for _ in range(min(AT_ONCE, len(chosen))):
            free.put(stack.enter_context(Site(tmp_path_factory.mktemp("crash") / "site")))
        numbers = itertools.count()

        def go(cell: Cell) -> Result:
            site = free.get()
            try:
                return run(cell, site, next(numbers))
            finally:
                free.put(site)

        pool = stack.enter_context(ThreadPoolExecutor(AT_ONCE))
        begun: dict[str, Future[Result]] = {cell.name: pool.submit(go, cell) for cell in chosen}
        yield lambda cell: begun[cell.name].result()
        ended = {name: result.result() for name, result in begun.items() if not result.exception()}
    write_table(request.config.getoption("--crash-table"), "matrix", CELLS, ended)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_one_due_instant_one_run(cell: Cell, matrix: Matrix) -> None:
    result = matrix(cell)
    assert (result.runs, result.doubled, result.lost, result.undecided) == (result.due, 0, 0, 0)
    assert result.lateness <= LATEST
