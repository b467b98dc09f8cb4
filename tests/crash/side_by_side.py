"""Runs cells on several installations at once: most of a cell is waiting for a lease to run out."""

import itertools
import queue
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from .cells import Cell, Result, run
from .site import Site


class Running:
    """Cells under way."""

    def __init__(self, begun: dict[str, Future[Result]]) -> None:
        self._begun = begun

    def result(self, cell: Cell) -> Result:
        """Wait for a cell; raises what went wrong in it."""
        return self._begun[cell.name].result()

    def results(self) -> dict[str, Result]:
        """Give the results of those cells that came to an end."""
        return {name: cell.result() for name, cell in self._begun.items() if not cell.exception()}


@contextmanager
def side_by_side(cells: Sequence[Cell], at_once: int, make_site: Callable[[ExitStack], Site]) -> Iterator[Running]:
    """Begin all cells."""
    with ExitStack() as stack:
        free: queue.Queue[Site] = queue.Queue()
        for _ in range(min(at_once, len(cells))):
            free.put(make_site(stack))
        numbers = itertools.count()

        def go(cell: Cell) -> Result:
            site = free.get()
            try:
                return run(cell, site, next(numbers))
            finally:
                free.put(site)

        pool = ThreadPoolExecutor(at_once)
        # When the tests are given up, so are the cells that have not begun.
        stack.callback(pool.shutdown, cancel_futures=True)
        yield Running({cell.name: pool.submit(go, cell) for cell in cells})
