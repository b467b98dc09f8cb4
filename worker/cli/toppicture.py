"""What `zenbeat top` draws: everything that is known, as lines that fit a terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from rich.cells import cell_len
from rich.text import Text

from worker.cli import topcells
from worker.cli.cells import COLOURS
from worker.cli.outcome import coloured_status, origin_of
from worker.cli.output import printable
from worker.domain.moments import distance
from worker.engine.overview import Line, Overview
from worker.engine.verdict import find_wrong, tell_verdict

GAP = 2
NARROW, WIDE = 60, 110
"""Below the one, rows have only name and cells; from the other on, they have room for why, and long names."""

HEAD = "SCHEDULES"
SHORT_NAME, NAME, LONG_NAME = 14, 20, 32
NEXT = 10

FEWEST_OUTCOMES = 5
APART_FIGURES = 5
APART = 3
"""Lines between and over the two tables."""
SHARE = 0.6
"""Of what is left of the height, the timeline's, where both it and the outcomes could have more."""

KEYS = "q quit   ↑↓ or j k move   p pause   ? help"

HELP = (
    ("q", "quit"),
    ("↑ ↓  or  k j", "move the timeline by a schedule"),
    ("Page Up, Page Down", "by as many as have room; Home goes back to the first"),
    ("p", "keep the picture as it is, and go on"),
    ("?", "this help, and back"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known at one instant."""

    at: datetime
    overview: Overview | None = None
    outcomes: Sequence[Mapping[str, str]] = ()
    """Newest first."""
    trouble: str = ""
    """Why nothing newer is known, in a sentence."""


@dataclass(slots=True, kw_only=True)
class View:
    """How somebody looks at it. `zone` is None for the zone of this machine, `height` None where there is no end."""

    width: int
    height: int | None
    zone: tzinfo | None = None
    first: int = 0
    """The schedule that the timeline begins with."""
    paused: bool = False
    help: bool = False
    keys: bool = True
    """There is a keyboard."""
    rows: int = field(default=0, init=False)
    """The schedules that had room, when it was drawn last."""

    def local(self, moment: datetime) -> datetime:
        """Put an instant on the clock of who looks."""
        return moment.astimezone(self.zone)


def draw(known: Known, view: View) -> list[Text]:
    """Draw it: as many lines as there is room for, none wider than that."""
    lines = _head(known, view)
    if view.help:
        lines += _help()
    elif known.overview is not None:
        lines += _figures(known.overview, view, known.at)
        lines += _body(known, known.overview, view, _left(view, lines))
    lines = lines if view.height is None else lines[: view.height - 1]
    for line in lines:
        line.rstrip()
        line.truncate(view.width, overflow="ellipsis")
    return lines


def footer(view: View) -> Text:
    """Give the last line of the screen."""
    told = KEYS if view.keys else "Ctrl-C ends it"
    line = Text(told, style="dim")
    line.truncate(view.width, overflow="ellipsis")
    return line


def _left(view: View, lines: Sequence[Text]) -> int | None:
    return None if view.height is None else view.height - 1 - len(lines)


def _head(known: Known, view: View) -> list[Text]:
    """Say when it was, and whether all is well."""
    clock = view.local(known.at)
    title = Text.assemble(("zenbeat", "bold"), f"  {clock:%a %Y-%m-%d %H:%M:%S} {clock.tzname() or ''}")
    if view.paused:
        title.append("  PAUSED: p goes on", style="bold yellow")
    lines = [title]
    if known.trouble:
        lines += _wrapped(_plain(known.trouble), "bold red", view.width)
    if known.overview is not None:
        lines += _verdict(known, known.overview, view)
    return [*lines, Text()]


def _verdict(known: Known, overview: Overview, view: View) -> list[Text]:
    told = _plain(tell_verdict(overview))
    if known.trouble:
        return _wrapped(f"As it was at {view.local(overview.at):%H:%M:%S}: {told}", "dim", view.width)
    lines = _wrapped(told, "bold red" if find_wrong(overview) else "bold green", view.width)
    if overview.held_back:
        lines += _wrapped(_plain(f"Held back: {overview.held_back}."), "yellow", view.width)
    return lines


def _wrapped(told: str, style: str, width: int) -> list[Text]:
    """Break a sentence into as many lines as it needs, but no more than two."""
    words = told.split(" ")
    first = ""
    while words and len(first) + 1 + len(words[0]) <= width:
        first = f"{first} {words.pop(0)}".strip()
    return [Text(line, style=style) for line in (first, " ".join(words)) if line]


def _figures(overview: Overview, view: View, now: datetime) -> list[Text]:
    """Give the five figures: in columns of two lines, or one after the other where that has no room."""
    figures = _five(overview, now)
    if view.width < NARROW:
        told = "  ".join(f"{label} {value}" for label, value, _ in figures)
        return [*_wrapped(told, "", view.width), Text()]
    heads, values = Text(), Text()
    for label, value, style in figures:
        room = max(len(label), len(value)) + APART_FIGURES
        heads.append(_cell(Text(label, style="dim"), room))
        values.append(_cell(Text(value, style=style), room))
    return [heads, values, Text()]


def _five(overview: Overview, now: datetime) -> list[tuple[str, str, str]]:
    """Give them with their styles: the same that the dashboard's page has."""
    figures, attention = overview.figures, overview.attention
    return [
        ("Need a look", f"{attention:,} of {overview.schedules:,}" if attention else "none", _look(overview)),
        ("Running", f"{figures.following:,}", "bold"),
        ("Waiting", f"{figures.waiting:,}", "bold yellow" if overview.held_back else "bold"),
        ("Dead letters", f"{figures.dead:,}", "bold red" if figures.dead else "bold"),
        ("Next", _next(overview, now), "bold"),
    ]


def _look(overview: Overview) -> str:
    if overview.troubled:
        return "bold red"
    return "bold yellow" if overview.attention else "bold"


def _next(overview: Overview, now: datetime) -> str:
    if overview.next is None:
        return "nothing"
    name, due = overview.next
    return f"{_in(due, now)} {_plain(name)}"


def _in(due: datetime, now: datetime) -> str:
    """Tell how far off a fire is; one that is due, and not seen to yet, is now."""
    return distance(max(due - now, timedelta()))


def _body(known: Known, overview: Overview, view: View, left: int | None) -> list[Text]:
    """Draw the timeline, and the outcomes below it."""
    view.rows = _rows(len(overview.lines), overview.schedules, len(known.outcomes), left)
    view.first = max(0, min(view.first, overview.schedules - view.rows))
    lines = _timeline(overview, view, known.at)
    outcomes = known.outcomes if left is None else known.outcomes[: max(0, left - len(lines) - 2)]
    lines += [Text(), Text("OUTCOMES", style="bold")]
    lines += [_outcome(each, view) for each in outcomes] or [Text("nothing yet", style="dim")]
    return lines


def _rows(known: int, count: int, outcomes: int, left: int | None) -> int:
    """Give the schedules that have room: what the outcomes do not need, and their share where both need more."""
    if left is None:
        return known
    room = left - APART
    return max(1, min(count, max(room - outcomes, min(room - FEWEST_OUTCOMES, int(room * SHARE)))))


def _timeline(overview: Overview, view: View, now: datetime) -> list[Text]:
    if not overview.lines:
        return [Text("There are no schedules yet: see docs/schedules.md.", style="dim")]
    shown = overview.lines[view.first : view.first + view.rows]
    part = f"{view.first + 1}-{view.first + len(shown)} of {overview.schedules:,}"
    head = HEAD if overview.schedules == len(shown) else f"{HEAD} {part}" if view.width >= NARROW else part
    columns = _columns(overview, view.width, len(head))
    lines = [_joined([_cell(Text(head, style="bold"), columns.label), topcells.axis(now, columns.cells, view.local)])]
    return lines + [_schedule(line, columns, now) for line in shown]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """The widths of a row's parts; 0 leaves one out."""

    name: int
    standing: int
    cells: int
    next: int

    @property
    def label(self) -> int:
        """What is left of the cells."""
        return self.name + (GAP + self.standing if self.standing else 0)


def _columns(overview: Overview, width: int, head: int) -> _Columns:
    standing, coming = 0, 0
    if width >= NARROW:
        standing, coming = max(len(line.standing) for line in overview.lines), NEXT
        head -= GAP + standing
    name = min(_name(width), max(head, *(cell_len(_plain(line.name)) for line in overview.lines)))
    taken = name + GAP + (standing + GAP if standing else 0) + (coming + GAP if coming else 0)
    return _Columns(name=name, standing=standing, cells=max(9, width - taken), next=coming)


def _name(width: int) -> int:
    if width >= WIDE:
        return LONG_NAME
    return NAME if width >= NARROW else SHORT_NAME


def _schedule(line: Line, columns: _Columns, now: datetime) -> Text:
    parts = [_cell(Text(_plain(line.name)), columns.name)]
    if columns.standing:
        parts.append(_cell(Text(line.standing.value, style=COLOURS[line.standing]), columns.standing))
    parts.append(topcells.row(line, now, columns.cells))
    if columns.next:
        parts.append(Text(_in(line.next, now) if line.next else "", style="dim"))
    return _joined(parts)


def _outcome(outcome: Mapping[str, str], view: View) -> Text:
    """Tell an outcome in a line."""
    told = outcome.get("reason") or outcome.get("run_name", "")
    at = view.local(datetime.fromisoformat(outcome["at"])) if outcome.get("at") else None
    return _joined(
        [
            _cell(Text(f"{at:%H:%M:%S}" if at else "", style="dim"), 8),
            _cell(coloured_status(outcome.get("status", "")), 9),
            _cell(Text(_plain(origin_of(outcome))), _name(view.width)),
            Text(_plain(told), style="dim"),
        ]
    )


def _help() -> list[Text]:
    width = max(len(keys) for keys, _ in HELP)
    lines = [Text("KEYS", style="bold")]
    lines += [Text.assemble((f"{keys:<{width}}", "bold"), f"   {what}") for keys, what in HELP]
    lines += [Text(), Text("CELLS", style="bold"), *map(Text, topcells.LEGEND)]
    return lines


def _cell(text: Text, width: int) -> Text:
    text.truncate(width, overflow="ellipsis", pad=True)
    return text


def _joined(parts: Sequence[Text]) -> Text:
    return Text(" " * GAP).join(parts)


def _plain(told: str) -> str:
    """Give foreign text as one line without anything that moves the cursor."""
    return " ".join(printable(told).split())
