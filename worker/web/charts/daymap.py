"""The past as a map: a tile for each day of a year, or for each hour of a fortnight, with the worst that came of it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from worker.web.states import Look, Tone, look_of

GRAVEST = (Tone.BAD, Tone.WARN, Tone.BUSY, Tone.GOOD, Tone.QUIET)
"""Which of several outcomes a tile shows: what was left out on purpose only where nothing else was."""

OFTEN = timedelta(hours=6)
"""What is due more often than this is shown by the hour."""

MOST_WEEKS = 53
LEAST_WEEKS = 18
MOST_DAYS = 14
LEAST_DAYS = 3

EDGE = 15
"""The side of a day's tile."""

HOUR = 36
"""The width of an hour's tile: its count has to find room."""

GAP = 2
LEFT = 34
TOP = 16
WIDE_LEFT = 76

NOTHING = Look(Tone.QUIET, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """What came of one fire time."""

    at: datetime
    word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A day, or an hour of one; without a shape, nothing was decided then."""

    x: int
    y: int
    width: int
    height: int
    look: Look
    text: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A text beside the tiles; `x` and `y` are where its first letter stands."""

    x: int
    y: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What came of a day, for who reads it as a table."""

    day: date
    counts: Mapping[str, int]
    worst: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DayMap:
    """The map: where everything stands, in pixels, and the same as a table."""

    width: int
    height: int
    tiles: Sequence[Tile]
    labels: Sequence[Label]
    days: Sequence[Day]
    """Those on which something was decided, the newest first."""
    counts: Mapping[str, int]
    """Over all of it."""
    begin: date
    end: date
    hourly: bool
    right: bool
    """The newest tiles stand in its right half."""


def worst(words: Iterable[str]) -> str:
    """Give the gravest of some outcomes; of equals, the first. There has to be one."""
    return min(words, key=lambda word: GRAVEST.index(look_of(word).tone))


def told(counts: Mapping[str, int]) -> str:
    """Count outcomes: `12 completed, 1 failed`."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {word.replace('_', ' ')}" for word, count in ordered)


def is_frequent(fires: Sequence[datetime], period: timedelta | None) -> bool:
    """Tell whether the hours of a day say more than the days: by what was due, else by the distance of what will be."""
    if len(fires) < 3:
        return period is not None and period < OFTEN
    ordered = sorted(fires)
    gaps = sorted(after - before for before, after in pairwise(ordered))
    return gaps[len(gaps) // 2] < OFTEN


def year_map(past: Sequence[Happened], zone: ZoneInfo, now: datetime) -> DayMap:
    """Lay out the days: a column for each week, the newest at the right, Monday on top."""
    today = now.astimezone(zone).date()
    days = _by_day(past, zone)
    monday = today - timedelta(days=today.weekday())
    weeks = _within((monday - min(days, default=today)).days // 7 + 2, LEAST_WEEKS, MOST_WEEKS)
    begin = monday - timedelta(weeks=weeks - 1)
    tiles = []
    for number in range((today - begin).days + 1):
        day = begin + timedelta(days=number)
        week, row = divmod(number, 7)
        x, y = LEFT + week * (EDGE + GAP), TOP + row * (EDGE + GAP)
        tiles.append(_tile(x, y, EDGE, f"{day:%a} {day}", days.get(day, Counter()), counted=False))
    rows = [
        Label(x=0, y=TOP + row * (EDGE + GAP) + 12, text=name) for row, name in ((0, "Mon"), (2, "Wed"), (4, "Fri"))
    ]
    return DayMap(
        width=LEFT + weeks * (EDGE + GAP),
        height=TOP + 7 * (EDGE + GAP),
        tiles=tiles,
        labels=[*rows, *_months(begin, weeks)],
        hourly=False,
        right=True,
        **_summary(days, begin, today),  # type: ignore[arg-type]
    )


def fortnight_map(past: Sequence[Happened], zone: ZoneInfo, now: datetime) -> DayMap:
    """Lay out the hours of a zone: a row for each day, the newest on top; an hour that came twice is one."""
    today = now.astimezone(zone).date()
    days = _by_day(past, zone)
    rows = _within((today - min(days, default=today)).days + 1, LEAST_DAYS, MOST_DAYS)
    hours: dict[tuple[date, int], Counter[str]] = {}
    for each in past:
        local = each.at.astimezone(zone)
        hours.setdefault((local.date(), local.hour), Counter())[each.word] += 1
    tiles, labels = [], []
    for row in range(rows):
        day, y = today - timedelta(days=row), TOP + row * (EDGE + 4 + GAP)
        labels.append(Label(x=0, y=y + 13, text=f"{day:%a %d %b}"))
        for hour in range(24):
            x, name = WIDE_LEFT + hour * (HOUR + GAP), f"{day:%a} {day} {hour:02}:00"
            tiles.append(_tile(x, y, HOUR, name, hours.get((day, hour), Counter()), counted=True))
    labels += [Label(x=WIDE_LEFT + hour * (HOUR + GAP), y=11, text=f"{hour:02}") for hour in range(24)]
    return DayMap(
        width=WIDE_LEFT + 24 * (HOUR + GAP),
        height=TOP + rows * (EDGE + 4 + GAP),
        tiles=tiles,
        labels=labels,
        hourly=True,
        right=now.astimezone(zone).hour >= 12,
        **_summary(days, today - timedelta(days=rows - 1), today),  # type: ignore[arg-type]
    )


def _by_day(past: Sequence[Happened], zone: ZoneInfo) -> dict[date, Counter[str]]:
    days: dict[date, Counter[str]] = {}
    for each in past:
        days.setdefault(each.at.astimezone(zone).date(), Counter())[each.word] += 1
    return days


def _tile(x: int, y: int, width: int, name: str, counts: Mapping[str, int], *, counted: bool) -> Tile:
    height = EDGE + 4 if counted else EDGE
    if not counts:
        return Tile(x=x, y=y, width=width, height=height, look=NOTHING, text="", title=f"{name}: nothing on record")
    word = worst(counts)
    look = look_of(word)
    # Of an hour in which some went wrong, how many they were is what counts.
    text = f"{look.shape}{_short(sum(counts.values()) if look.tone is Tone.GOOD else counts[word])}" if counted else ""
    return Tile(
        x=x, y=y, width=width, height=height, look=look, text=text or look.shape, title=f"{name}: {told(counts)}"
    )


def _short(count: int) -> str:
    return str(count) if count < 1000 else "999+"


def _months(begin: date, weeks: int) -> list[Label]:
    """Name each month over the first week that begins in it, where there is room."""
    found: list[Label] = []
    for week in range(weeks):
        monday = begin + timedelta(weeks=week)
        x = LEFT + week * (EDGE + GAP)
        if found and monday.month == (monday - timedelta(weeks=1)).month:
            continue
        if found and x - found[-1].x < 2 * EDGE:
            found.pop()  # the end of a month at the very left
        found.append(Label(x=x, y=11, text=f"{monday:%b %Y}" if monday.month == 1 else f"{monday:%b}"))
    return found


def _summary(days: Mapping[date, Counter[str]], begin: date, end: date) -> dict[str, object]:
    shown = {day: counts for day, counts in days.items() if begin <= day <= end}
    return {
        "days": [Day(day=day, counts=shown[day], worst=worst(shown[day])) for day in sorted(shown, reverse=True)],
        "counts": sum(shown.values(), Counter()),
        "begin": begin,
        "end": end,
    }


def _within(value: int, least: int, most: int) -> int:
    return max(least, min(most, value))
