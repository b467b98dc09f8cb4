"""A backfill that goes on while beats, workers or Valkey are killed: each fire time has one run, counted once."""

from collections.abc import Iterator

import pytest

from .fans import Fan, FanCell, cells, strike
from .site import Site
from .table import write_fans

CELLS = list(cells("backfill"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("backfills") / "site") as site:
        yield site


@pytest.fixture(scope="module")
def results(request: pytest.FixtureRequest) -> Iterator[dict[str, Fan]]:
    found: dict[str, Fan] = {}
    yield found
    write_fans(request.config.getoption("--crash-table"), "backfills", CELLS, found)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_each_fire_time_has_one_run(cell: FanCell, site: Site, results: dict[str, Fan]) -> None:
    fan = results[cell.name] = strike(cell, site, CELLS.index(cell))
    row = fan.row
    assert (fan.runs, fan.distinct) == (fan.trials, fan.trials)
    assert (row.total, row.recorded, row.started, row.completed, row.runs) == (fan.trials,) * 5
    assert (row.open, row.running, row.measuring, row.failed, row.dead, row.cancelled, row.known) == (0,) * 7
