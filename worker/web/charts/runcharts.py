"""How long runs took, and how late they started: where the bars stand, and what each of them says."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from worker.domain.duration import length_in_words
from worker.domain.results import Result, usual_duration
from worker.web.states import Look, look_of

WIDTH = 480
HEIGHT = 150
LEFT = 44
BOTTOM = 22
TOP = 18
THINNEST = 2
WIDEST = 22

LIMITS = (1, 5, 30, 300, 3600)
"""Seconds: where the bins of lateness begin anew."""

BIN = 24
BIN_LEFT = 92
BIN_ROOM = 270
"""How long the longest bar of a bin is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A run: its bar, and where the mark of how it ended stands."""

    x: float
    y: float
    width: float
    height: float
    middle: float
    mark: float
    look: Look
    good: bool
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """The bars of the last runs, the oldest at the left, and the line of what is usual."""

    bars: Sequence[Bar]
    top: str
    """How long the longest took, at the upper end of the scale."""
    usual: float | None
    usual_text: str
    sentence: str
    width: int = WIDTH
    height: int = HEIGHT
    ground: int = HEIGHT - BOTTOM
    ceiling: int = TOP
    left: int = LEFT


def durations(results: Sequence[Result]) -> Durations | None:
    """Lay out the last runs; `results` are newest first. None if of none it is known how long it took."""
    known = [result.seconds for result in results if result.seconds is not None]
    if not known:
        return None
    longest, room = max(*known, 1.0), HEIGHT - BOTTOM - TOP
    step = (WIDTH - LEFT) / len(results)
    width = min(WIDEST, max(THINNEST, step - 2))
    bars = []
    for number, result in enumerate(reversed(results)):
        height = max(1.0, (result.seconds or 0) / longest * room)
        x = LEFT + number * step + (step - width) / 2
        bars.append(_bar(result, x, width, height))
    usual = usual_duration(results)
    line = None if usual is None else HEIGHT - BOTTOM - usual.total_seconds() / longest * room
    return Durations(
        bars=bars,
        top=length_in_words(longest),
        usual=None if line is None else round(line, 1),
        usual_text="" if usual is None else f"usual: {length_in_words(usual.total_seconds())}",
        sentence=_about(results, known, usual),
    )


def _bar(result: Result, x: float, width: float, height: float) -> Bar:
    y = HEIGHT - BOTTOM - height
    lasted = f", {length_in_words(result.seconds)}" if result.seconds is not None else ", no run"
    return Bar(
        x=round(x, 1),
        y=round(y, 1),
        width=round(width, 1),
        height=round(height, 1),
        middle=round(x + width / 2, 1),
        mark=round(y - 4, 1),
        look=look_of(result.fate),
        good=result.good,
        title=f"{_when(result.fire_time or result.ended)}: {result.fate}{lasted}",
    )


def _about(results: Sequence[Result], known: Sequence[float], usual: timedelta | None) -> str:
    bad = sum(not result.good for result in results)
    ends = f"{length_in_words(min(known))} to {length_in_words(max(known))}"
    middle = f", usually {length_in_words(usual.total_seconds())}" if usual is not None else ""
    many = "The last run" if len(results) == 1 else f"The last {len(results)} runs"
    return f"{many} took {ends}{middle}; {'all completed' if not bad else f'{bad} did not complete'}."


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """How many runs started so late."""

    name: str
    count: int
    y: int
    width: float
    late: bool
    """It is later than an operator should find usual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lateness:
    """The bins, the most punctual on top."""

    bins: Sequence[Bin]
    sentence: str
    height: int
    width: int = BIN_LEFT + BIN_ROOM + 50
    left: int = BIN_LEFT
    thick: int = BIN - 8


def lateness(results: Sequence[Result]) -> Lateness | None:
    """Count how late runs started. None if it is known of none."""
    late = [result.lateness_ms / 1000 for result in results if result.lateness_ms is not None]
    if not late:
        return None
    edges = (0.0, *LIMITS, float("inf"))
    counts = [sum(low <= each < high for each in late) for low, high in pairwise(edges)]
    counts[0] += sum(each < 0 for each in late)  # clocks differ
    names = ("< 1 s", "1 to 5 s", "5 to 30 s", "30 s to 5 min", "5 min to 1 h", "> 1 h")
    most = max(counts)
    bins = [
        Bin(name=name, count=count, y=number * BIN, width=round(count / most * BIN_ROOM, 1), late=number >= 3)
        for number, (name, count) in enumerate(zip(names, counts, strict=True))
    ]
    parts = ", ".join(f"{each.name}: {each.count}" for each in bins if each.count)
    sentence = f"Of the last {len(late)} runs, so many started so late: {parts}. The latest: {_seconds(max(late))}."
    return Lateness(bins=bins, sentence=sentence, height=len(bins) * BIN)


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 60 else length_in_words(value)
