"""`zenbeat sweep list`: the sweeps and backfills that were started, and how far they are."""

from typing import Any

import click
from rich.text import Text

from worker.cli.doors import with_engine
from worker.cli.output import Words, in_words, output_option, show
from worker.cli.sweeps import STYLES
from worker.domain.zones import find_zone
from worker.engine.runtime import clock
from worker.engine.sweepstanding import SweepStanding, done, in_figures, standing_of
from worker.store.sweeprows import SweepRow

COLUMNS = ("sweep", "name", "kind", "state", "trials", "failed", "started")
SPARE = ("started", "kind", "failed")
WIDE = 10


@click.command("list")
@click.option("-n", "--limit", default=20, show_default=True, help="The most to list.")
@output_option
def list_sweeps(limit: int, output: str) -> None:
    """List the sweeps and backfills that were started, newest first."""
    found = with_engine(lambda engine: engine.sweeps.newest(limit))
    if output == "table":
        show(
            [_told(row) for row in found],
            COLUMNS,
            output,
            words=WORDS,
            empty="No sweeps were started yet.",
            spare=SPARE,
        )
    else:
        rows = [{"sweep": row.id, **in_figures(row)} for row in found]
        show(rows, list(rows[0]) if rows else ["sweep", "name"], output)


# --- for people


def _told(row: SweepRow) -> dict[str, Any]:
    return {
        "sweep": row.id,
        "name": row.name,
        "kind": row.kind.value,
        "state": standing_of(row).value,
        "trials": row,
        "failed": (row.failed + row.dead) or None,
        "started": in_words(row.created, clock(), find_zone("UTC")),
    }


def _bar(row: SweepRow) -> Text:
    filled = round(WIDE * min(1.0, done(row) / row.total)) if row.total else WIDE
    return Text.assemble(("━" * filled, "green"), ("─" * (WIDE - filled), "dim"), f" {done(row)}/{row.total}")


WORDS: Words = {
    "state": lambda word: Text(word, style=STYLES[SweepStanding(word)]),
    "trials": _bar,
    "failed": lambda count: Text(str(count), style="red"),
}
