"""The timeline as it is drawn: `now` in the middle, for each schedule a row of symbols, bands and bars.

Symbols have their place in percent of the width, so that they keep their form however wide the page is. Bands and bars
are paths over `UNITS`, which are stretched. Where a row has more marks than can be told apart, those that are well are
a band, and of the others there is one in each bin.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.domain.duration import length_in_words
from worker.domain.standing import Standing
from worker.engine.overview import REACH, Line, Overview
from worker.engine.timelines import Mark
from worker.web.states import BAD, BUSY, COMING, GONE, GOOD, HELD, LEFT_OUT, STOPPED, WARN, Look, Tone, look_of

UNITS = 1440
"""Of the width of a row: 30 s each."""

BIN = 15
"""Units in which a crowded row has one symbol; twice as many, where it would have more than `FEW`."""

FEW = 24
"""Marks that have a symbol each; what has more, or several in most bins, is crowded."""

LANES = 3
"""Runs that are drawn below each other; more at a time lie upon each other in the last lane."""

TOP = 22
LANE = 4
"""Where the middle of the first lane is, and how far it is to the next."""

SHORTEST = 30
"""Seconds that a run has to take to be drawn on a crowded row."""

LONGEST_REASON = 160

HOUR = timedelta(hours=1)

EDGE = 0.02
"""So near to an end, the label of an hour has no room."""

SYMBOLS = {
    GOOD.shape: "o",
    BAD.shape: "x",
    WARN.shape: "t",
    BUSY.shape: "g",
    COMING.shape: "d",
    HELD.shape: "b",
    STOPPED.shape: "s",
    LEFT_OUT.shape: "l",
    GONE.shape: "q",
}
"""The symbol for the shape that stands for a state elsewhere; they are drawn in `_timeline.html`. There are hundreds of
them on a page: hence the short names."""

SEVERITY = {tone: number for number, tone in enumerate((Tone.BAD, Tone.WARN, Tone.BUSY, Tone.QUIET, Tone.GOOD))}
"""What a bin shows is the worst in it."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A symbol on a row: where, in percent, and what it says when the mouse is on it."""

    x: str
    told: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """The symbols of one kind on a row."""

    tone: str
    symbol: str
    spots: Sequence[Spot]


@dataclass(frozen=True, slots=True)
class Shape:
    """A path over `UNITS`; `kind` is what it is drawn as."""

    kind: str
    tone: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One schedule."""

    name: str
    standing: Standing
    sentence: str
    """What there is to be seen, in words."""
    why: str
    """Why it stands so, where that is known."""
    why_trigger: str | None
    groups: Sequence[Group]
    shapes: Sequence[Shape]
    next: datetime | None


@dataclass(frozen=True, slots=True)
class Tick:
    """A whole hour."""

    x: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """All of it."""

    at: datetime
    ticks: Sequence[Tick]
    rows: Sequence[Row]


def draw(overview: Overview) -> Timeline:
    """Give the timeline of an overview."""
    now = overview.at
    return Timeline(at=now, ticks=list(_ticks(now)), rows=[_row(line, now) for line in overview.lines])


def _ticks(now: datetime) -> Iterator[Tick]:
    at = (now - REACH).replace(minute=0, second=0, microsecond=0) + HOUR
    while at < now + REACH:
        if EDGE < _share(at, now) < 1 - EDGE:
            yield Tick(_percent(at, now), at)
        at += HOUR


def _row(line: Line, now: datetime) -> Row:
    shown = [mark for mark in line.marks if mark.at >= now - REACH]
    crowded = len(shown) > FEW or len(shown) > 2 * len(_bins((mark.at for mark in shown), now))
    groups = _binned(shown, now) if crowded else _each(shown, now)
    shapes = [Shape("band", Tone.GOOD, _cells(_bins(_well(shown), now), 1))] if crowded else []
    many = len(line.coming) > FEW
    coming = [Spot(_percent(at, now)) for at in line.coming]
    return Row(
        name=line.name,
        standing=line.standing,
        sentence=_sentence(line, shown, now),
        why=_cut(line.reason),
        why_trigger=line.trigger,
        groups=[*groups, *([Group("coming", SYMBOLS[COMING.shape], coming)] if coming and not many else [])],
        shapes=[
            *shapes,
            *([Shape("band", "coming", _cells(_bins(line.coming, now), 2))] if many else []),
            *_bars(_long(line.marks) if crowded else line.marks, now),
        ],
        next=line.next,
    )


# --- places


def _share(at: datetime, now: datetime) -> float:
    """Give the place of an instant between the beginning (0) and the end (1)."""
    return min(1.0, max(0.0, (at - now + REACH) / (2 * REACH)))


def _percent(at: datetime, now: datetime) -> str:
    return f"{100 * _share(at, now):.2f}".rstrip("0").rstrip(".")


def _unit(at: datetime, now: datetime) -> int:
    return int(UNITS * _share(at, now))


# --- symbols


def _each(marks: Iterable[Mark], now: datetime) -> list[Group]:
    found: dict[Look, list[Spot]] = {}
    for mark in marks:
        found.setdefault(look_of(mark.word), []).append(Spot(_percent(mark.at, now), _told(mark)))
    return [Group(look.tone, _symbol(look), spots) for look, spots in found.items()]


def _binned(marks: Sequence[Mark], now: datetime) -> list[Group]:
    """Give one symbol for each bin in which something was not well: the worst."""
    wrong = [mark for mark in marks if look_of(mark.word).tone is not Tone.GOOD]
    width = BIN if len(_bins((mark.at for mark in wrong), now)) <= FEW else 2 * BIN
    worst: dict[int, Look] = {}
    for mark in wrong:
        look, place = look_of(mark.word), _unit(mark.at, now) // width
        if place not in worst or SEVERITY[look.tone] < SEVERITY[worst[place].tone]:
            worst[place] = look
    found: dict[Look, list[Spot]] = {}
    for place, look in sorted(worst.items()):
        x = f"{100 * (place + 0.5) * width / UNITS:.1f}".removesuffix(".0")
        found.setdefault(look, []).append(Spot(x))
    return [Group(look.tone, _symbol(look), spots) for look, spots in found.items()]


def _symbol(look: Look) -> str:
    # States of other things than fires have shapes of their own; what is not known here is left out of what counts.
    return SYMBOLS.get(look.shape, SYMBOLS[LEFT_OUT.shape])


def _told(mark: Mark) -> str:
    """Say what a symbol means; the page's script puts the viewer's own time in."""
    took = f" after {length_in_words(mark.seconds)}" if mark.seconds else ""
    by_hand = ", started by hand" if mark.by_hand else ""
    reason = f": {_cut(mark.reason, 60)}" if mark.reason and look_of(mark.word).tone in {Tone.BAD, Tone.WARN} else ""
    return f"{_clock(mark.at)} {_plain(mark.word)}{took}{by_hand}{reason}"


# --- bands and bars


def _well(marks: Iterable[Mark]) -> list[datetime]:
    return [mark.at for mark in marks if look_of(mark.word).tone is Tone.GOOD]


def _bins(moments: Iterable[datetime], now: datetime) -> list[int]:
    return sorted({min(_unit(at, now) // BIN, UNITS // BIN - 1) for at in moments})


def _cells(bins: Sequence[int], reach: int) -> str:
    """Give the path around bins; those that are no further apart than `reach` are joined."""
    spans: list[tuple[int, int]] = []
    for place in bins:
        if spans and place - spans[-1][1] <= reach:
            spans[-1] = spans[-1][0], place
        else:
            spans.append((place, place))
    widths = ((first * BIN, (last + 1 - first) * BIN) for first, last in spans)
    return "".join(f"M{left} 9h{width}v6h-{width}z" for left, width in widths)


@dataclass(frozen=True, slots=True)
class _Bar:
    tone: str
    lane: int
    begin: int
    end: int


def _bars(marks: Iterable[Mark], now: datetime) -> list[Shape]:
    """Give the lengths of the runs: those that overlap below each other."""
    runs = sorted(((mark.begin, mark.end or now, mark.word) for mark in marks if mark.begin), key=lambda run: run[0])
    free = [runs[0][0]] * LANES if runs else []
    bars: list[_Bar] = []
    for begin, end, word in runs:
        lane = next((lane for lane, until in enumerate(free) if until <= begin), LANES - 1)
        free[lane] = max(free[lane], end)
        if end > now - REACH:
            left = _unit(begin, now)
            bars.append(_Bar(look_of(word).tone, lane, left, max(left + 1, _unit(end, now))))
    tones = dict.fromkeys(bar.tone for bar in bars)
    return [Shape("runs", tone, _lanes([bar for bar in bars if bar.tone == tone])) for tone in tones]


def _long(marks: Iterable[Mark]) -> list[Mark]:
    """Leave out the runs that are too short to be seen."""
    return [mark for mark in marks if mark.seconds is None or mark.seconds >= SHORTEST]


def _lanes(bars: Sequence[_Bar]) -> str:
    """Give bars as lines along their middle; where nothing overlaps, those that touch are joined."""
    found = []
    for lane in range(LANES):
        spans: list[tuple[int, int]] = []
        for bar in (bar for bar in bars if bar.lane == lane):
            if spans and bar.begin <= spans[-1][1] and lane < LANES - 1:
                spans[-1] = spans[-1][0], max(bar.end, spans[-1][1])
            else:
                spans.append((bar.begin, bar.end))
        found.append(_line(spans, TOP + lane * LANE))
    return "".join(found)


def _line(spans: Iterable[tuple[int, int]], top: int) -> str:
    """Give one lane: each bar from where the one before it has ended, which is short."""
    path, at = "", None
    for begin, end in spans:
        path += f"M{begin} {top}h{end - begin}" if at is None else f"m{begin - at} 0h{end - begin}"
        at = end
    return path


def overlaps(marks: Iterable[Mark], now: datetime) -> bool:
    """Tell whether a run was going on while another one began."""
    runs = sorted((mark.begin, mark.end or now) for mark in marks if mark.begin)
    until = None
    for begin, end in runs:
        if until is not None and begin < until:
            return True
        until = end
    return False


# --- words


def _sentence(line: Line, shown: Sequence[Mark], now: datetime) -> str:
    counts = Counter(_plain(mark.word) for mark in shown)
    told = ", ".join(f"{count} {word}" for word, count in counts.most_common())
    before = " and more before that" if line.cut else ""
    past = f"In the last 6 hours {told}{before}" if told else "Nothing in the last 6 hours"
    beside = "; runs overlap" if overlaps(line.marks, now) else ""
    coming = f"due next at {_clock(line.next)}" if line.next and line.next <= now + REACH else "not due within 6 hours"
    return f"{line.name}, {line.standing}. {past}{beside}; {coming}."


def _clock(at: datetime) -> str:
    return f"{at:%H:%M} UTC"


def _plain(word: str) -> str:
    return word.replace("_", " ")


def _cut(text: str, most: int = LONGEST_REASON) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
