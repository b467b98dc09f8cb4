"""What `sweep show` says above its trials: how far the sweep is, the best of it, a picture, and what counted."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from worker.cli.output import console, in_words, printable
from worker.cli.picture import HEIGHT, picture
from worker.cli.sweep_tables import cell
from worker.cli.sweeps import STYLES, told
from worker.domain.duration import length_in_words, roughly
from worker.domain.shortnames import short_names
from worker.domain.trial import TrialResult
from worker.domain.zones import find_zone
from worker.engine.runtime import clock
from worker.engine.sweepdigest import Digest
from worker.engine.sweepstanding import counts, done, standing_of
from worker.engine.sweepweights import FEWEST, weigh
from worker.engine.trialrows import Kept, KeptPoints
from worker.store.sweeprows import Kind, SweepRow

WIDEST = 100
"""Characters of a bar or picture, at the most."""

FRONT = 5
"""Trials of a front that are told."""

MARGIN = 12
"""Where what is told begins."""


def show_head(
    row: SweepRow,
    kept: Kept,
    digest: Digest,
    best: Sequence[Mapping[str, Any]],
    results: Sequence[TrialResult],
) -> None:
    """Print it."""
    screen = console()
    screen.print(_title(row, kept))
    screen.print(_standing(row))
    screen.print(_bar(row, min(WIDEST, screen.width)))
    screen.print(_counted(row))
    pace = _pace(row, digest)
    if pace:
        _print(screen, pace)
    for line in _best(digest, best):
        screen.print(line)
    if len(digest.metrics) == 1 and best and best[0]["url"]:
        # An address that is broken in two cannot be followed.
        screen.print(Text(printable(str(best[0]["url"])), style="dim"), soft_wrap=True)
    if len(digest.measured) >= FEWEST:
        screen.print()
        screen.print(_caption(digest))
        for line in picture(digest.points(), digest.steps(), min(WIDEST, screen.width), HEIGHT):
            screen.print(line, no_wrap=True)
        _show_importance(screen, kept, results)


def _print(screen: Console, text: str, style: str = "") -> None:
    screen.print(Text(printable(text), style=style))


def _title(row: SweepRow, kept: Kept) -> Text:
    what = row.kind.value
    if isinstance(kept, KeptPoints):
        what = f"{kept.definition.sweep.method} sweep of {kept.definition.target.pipeline}"
    elif row.kind is Kind.BACKFILL:
        what = f"backfill of {row.name}"
    return Text.assemble((row.name, "bold"), f"  {what}\n", (row.id, "dim"))


def _standing(row: SweepRow) -> Text:
    standing = Text(printable(told(row)), style=STYLES[standing_of(row)])
    by = f" by {printable(row.asked_by)}" if row.asked_by else ""
    return standing.append(f"  started {in_words(row.created, clock(), find_zone('UTC'))}{by}", style="dim")


def _bar(row: SweepRow, width: int) -> Text:
    """Draw how far it is: a part for each way in which trials end, and for those on their way."""
    tail = f"  {done(row):,} of {row.total:,}"
    room = max(10, width - len(tail))
    parts = [
        (row.completed + row.known, "━", "green"),
        (row.failed + row.dead, "━", "red"),
        (row.stopped + row.cancelled, "━", "yellow"),
        (row.running + row.open, "╍", "cyan"),
    ]
    text = Text()
    reached = 0
    for count, sign, style in parts:
        before = len(text)
        reached += count
        text.append(sign * max(0, min(room, round(room * reached / max(1, row.total))) - before), style=style)
    text.append("─" * (room - len(text)), style="dim")
    return text.append(tail)


SIGNS = {
    "completed": "green",
    "running": "cyan",
    "waiting": "",
    "failed": "red",
    "stopped": "yellow",
    "cancelled": "yellow",
}


def _counted(row: SweepRow) -> Text:
    text = Text()
    for word, count in counts(row).items():
        if count:
            text.append(f"{count:,} ", style="bold")
            text.append(f"{'had their run before' if word == 'known' else word}   ", style=SIGNS.get(word, ""))
    text.rstrip()
    return text if text else Text("no trial is recorded yet", style="dim")


def _pace(row: SweepRow, digest: Digest) -> str:
    rate, left, usual = digest.rate, digest.left(row), digest.usual
    told_of = [f"{rate:.3g} trials a minute" if rate >= 1 else f"{rate * 60:.3g} trials an hour"] if rate else []
    told_of += [f"about {roughly(left)} left"] if left is not None and not row.paused and not row.ended else []
    told_of += [f"a run takes {length_in_words(usual)}"] if usual is not None else []
    return " · ".join(told_of)


def _best(digest: Digest, best: Sequence[Mapping[str, Any]]) -> list[Text]:
    """Tell the best trial, or the first ones of the front."""
    several = len(digest.metrics) > 1
    lines = []
    for index, row in enumerate(best[:FRONT]):
        head = ("front" if several else "best") if index == 0 else ""
        metrics = {key.partition(".")[2]: value for key, value in row.items() if key.startswith("metrics.")}
        params = {key.partition(".")[2]: value for key, value in row.items() if key.startswith("params.")}
        short = short_names(params)
        text = Text(f"{head:<{MARGIN}}", style="bold").append(f"trial {row['trial']}", style="bold green")
        values = "  ".join(f"{name} {cell(value)}" for name, value in metrics.items() if value is not None)
        text.append(f"  {printable(values)}", style="green")
        given = "  ".join(f"{short[name]}={cell(value)}" for name, value in params.items() if value is not None)
        lines += [text, Text(f"{'':<{MARGIN}}{printable(given)}")] if given else [text]
    if len(best) > FRONT:
        lines.append(Text(f"{'':<{MARGIN}}and {len(best) - FRONT} more", style="dim"))
    return lines


def _caption(digest: Digest) -> Text:
    names = [f"{metric.name} ({metric.goal})" for metric in digest.metrics]
    if len(names) == 2:
        return Text.assemble((names[1], "bold"), " over ", (names[0], "bold"), "; the line is the front")
    line = "; the line is the best so far" if len(names) == 1 else ""
    return Text.assemble((names[0], "bold"), f", trial by trial{line}")


def _show_importance(screen: Console, kept: Kept, results: Sequence[TrialResult]) -> None:
    """Tell which parameters mattered for the first metric, as far as that can be told."""
    if not isinstance(kept, KeptPoints) or len(kept.names) < 2:
        return
    weights = weigh(kept, results)
    if weights.why:
        screen.print(Text(f"\n{printable(weights.why)}", style="dim"))
        return
    found = weights.shares
    short = short_names(found)
    widest = max(map(len, short.values()), default=0)
    screen.print(Text("\nimportance of parameters", style="bold"))
    for name, share in found.items():
        text = Text(f"{short[name]:>{widest}} ").append("█" * round(24 * share), style="cyan")
        screen.print(text.append(f" {share:.2f}"), no_wrap=True)
