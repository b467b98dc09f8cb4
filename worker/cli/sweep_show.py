"""`zenbeat sweep show`: how a sweep is doing, its best trials, and the others."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import isnan
from typing import Any

import click

from worker.cli.doors import with_engine
from worker.cli.output import console, output_option, say, show
from worker.cli.sweep_head import show_head
from worker.cli.sweep_tables import show_trials
from worker.domain.errors import InvalidInput
from worker.domain.nearest import did_you_mean
from worker.domain.sweepparts import Goal, Metric
from worker.domain.trial import TrialResult
from worker.engine.runtime import Engine, clock
from worker.engine.sweepdigest import Digest, read_digest
from worker.engine.sweeping import find
from worker.engine.sweepweights import MOST_WEIGHED
from worker.engine.trialfiles import CsvFile
from worker.engine.trialrows import AT_ONCE, Kept, KeptPoints, columns_of, read_kept, read_rows
from worker.store.sweeprows import SweepRow

TABLE_ROWS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which trials are asked for."""

    limit: int | None
    first: int
    failed: bool
    sort: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What there is to show."""

    row: SweepRow
    kept: Kept
    rows: Sequence[Mapping[str, Any]]
    digest: Digest | None = None
    best: Sequence[Mapping[str, Any]] = ()
    """The rows of the best trials."""
    results: Sequence[TrialResult] = ()
    """Those by which parameters are weighed."""


@click.command("show")
@click.argument("wanted", metavar="ID|NAME")
@click.option(
    "-n", "--limit", type=click.IntRange(min=0), help="How many trials to show.  [default: 20 in a table, else all]"
)
@click.option("--from", "first", default=1, show_default=True, help="The first trial to show.")
@click.option("--failed", is_flag=True, help="Only trials that failed.")
@click.option(
    "--sort", metavar="METRIC", help="Completed trials, the best first: by this metric, or `metric`, the first."
)
@output_option
def show_sweep(wanted: str, limit: int | None, first: int, sort: str | None, output: str, *, failed: bool) -> None:
    """Show how a sweep or backfill is doing, by its id, the beginning of that, or its name, which is the newest.

    A line shows the best so far over the trials; of two metrics, the front of those trials that no other beats in
    both. With -o json, yaml or csv there is one row for each trial, and nothing else.
    """
    if limit is None and output == "table":
        limit = TABLE_ROWS
    which = Wanted(limit=limit, first=max(1, first), failed=failed, sort=sort)
    seen = with_engine(partial(_look, wanted, which, output == "table"))
    columns = columns_of(seen.row, seen.kept)
    if output == "csv":
        CsvFile(sys.stdout.buffer, columns, seen.kept).write(seen.rows)
    elif output != "table":
        show(seen.rows, columns, output)
    elif seen.digest is not None:
        show_head(seen.row, seen.kept, seen.digest, seen.best, seen.results)
        if limit != 0:
            console().print()
            show_trials(seen.rows, "No trial failed." if failed else "There are no such trials.", reasons=failed)
            _tell_rest(seen, which)


def _tell_rest(seen: Seen, which: Wanted) -> None:
    """Say that there are more trials than those in the table."""
    next_one = which.first + len(seen.rows)
    if seen.rows and not which.failed and which.sort is None and next_one <= seen.row.total:
        say(f"There are {seen.row.total:,} trials; the next ones: --from {next_one}, or more of them: -n")


async def _look(wanted: str, which: Wanted, people: bool, engine: Engine) -> Seen:  # noqa: FBT001 - passed by partial
    row = await find(engine, wanted)
    kept = await read_kept(engine, row)
    numbers = await _numbers(engine, row, kept, which)
    rows = [each for chunk in _chunks(numbers) for each in await read_rows(engine, row, kept, chunk)]
    if not people:
        return Seen(row=row, kept=kept, rows=rows)
    digest = await read_digest(engine, row, kept, _metrics(kept), clock())
    best = await read_rows(engine, row, kept, [one.number for one in digest.best])
    weighed = [number for number, _ in digest.measured[-MOST_WEIGHED:]]
    results = await engine.sweeps.results(row.id, weighed)
    return Seen(row=row, kept=kept, rows=rows, digest=digest, best=best, results=list(results.values()))


def _chunks(numbers: Sequence[int]) -> list[Sequence[int]]:
    return [numbers[begin : begin + AT_ONCE] for begin in range(0, len(numbers), AT_ONCE)]


def _metrics(kept: Kept) -> tuple[Metric, ...]:
    return kept.definition.sweep.metrics if isinstance(kept, KeptPoints) else ()


async def _numbers(engine: Engine, row: SweepRow, kept: Kept, which: Wanted) -> Sequence[int]:
    """Give the numbers of the trials that are asked for, in their order."""
    end = None if which.limit is None else which.first + which.limit
    if not which.failed and which.sort is None:
        return range(which.first, min(row.total + 1, end or row.total + 1))
    metric = _sorted_by(kept, which.sort) if which.sort else None
    found: list[tuple[float, int]] = []
    for chunk in _chunks(range(which.first, row.next)):
        for number, result in (await engine.sweeps.results(row.id, chunk)).items():
            value = 0.0 if metric is None else _cost(result, metric)
            if value is not None and (result.failed or not which.failed):
                found.append((value, number))
    return [number for _, number in sorted(found)][: which.limit]


def _sorted_by(kept: Kept, word: str) -> Metric:
    metrics = {metric.name: metric for metric in _metrics(kept)}
    if word == "metric" and metrics and word not in metrics:
        return next(iter(metrics.values()))
    if word not in metrics:
        known = f"; its metrics are {', '.join(metrics)}" if metrics else "; it has none"
        raise InvalidInput(f'the sweep has no metric "{word}"{did_you_mean(word, metrics) or known}')
    return metrics[word]


def _cost(result: TrialResult, metric: Metric) -> float | None:
    value = result.metrics.get(metric.name)
    if value is None or isnan(value) or not result.good:
        return None
    return -value if metric.goal is Goal.MAXIMIZE else value
