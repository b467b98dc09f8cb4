"""The hours around now as a row of cells: what became of each fire, which runs go on, and what is to come."""

from collections.abc import Callable
from datetime import datetime, timedelta

from rich.text import Text

from worker.cli.cells import CELLS
from worker.domain.outcome import Decision, Status
from worker.domain.results import DEAD
from worker.domain.trigger import TriggerState
from worker.engine.overview import REACH, Line
from worker.engine.timelines import Mark

Cell = tuple[str, str]
"""A character and its style."""

Clock = Callable[[datetime], datetime]
"""Puts an instant on the clock of who looks."""

EMPTY: Cell = (" ", "")
NOW: Cell = ("|", "bold")
DUE: Cell = ("○", "cyan")
RUNNING: Cell = ("▶", "bold cyan")
WENT_ON: Cell = ("─", "dim cyan")
MISSED: Cell = ("▲", "yellow")
LEFT_OUT: Cell = ("–", "dim")
MORE: Cell = ("…", "dim")

SHAPES: dict[str, Cell] = {
    **CELLS,
    **dict.fromkeys((Decision.REJECTED, Decision.EXHAUSTED), CELLS[DEAD]),
    **dict.fromkeys((Decision.MISSED_DOWNTIME, Decision.EXPIRED, Decision.THROTTLED), MISSED),
    **dict.fromkeys((Status.RUNNING, TriggerState.STARTED), RUNNING),
    **dict.fromkeys((TriggerState.WAITING, TriggerState.DISPATCHED, TriggerState.CLAIMED, Decision.FIRED), DUE),
}
"""What became of a fire -> its cell; everything else was left out on purpose."""

URGENCY = "✗▲?■▶○·–"
"""Of several fires in one cell the first of these is shown."""

LEGEND = (
    "· completed  ✗ failed, stuck or dead  ■ stopped  ? vanished  ▲ missed",
    "– skipped  ▶ running  ─ its run went on  | now  ○ due, or waiting  … more before",
)

HOURS = (1, 2, 3, 6)
LABEL = 5
"""A time on the axis: `14:00`."""


def row(line: Line, now: datetime, width: int) -> Text:
    """Draw the hours around now of one schedule."""
    before, after = _halves(width)
    past, ahead = [EMPTY] * before, [EMPTY] * after
    for mark in line.marks:
        begin, end = mark.begin or mark.at, _end(mark, now)
        for place in range(_behind(begin, now, before) + 1, _behind(end, now, before) + 1):
            past[place] = WENT_ON
    for mark in line.marks:
        place, shape = _behind(mark.at, now, before), SHAPES.get(mark.word, LEFT_OUT)
        if past[place][0] not in URGENCY or URGENCY.index(shape[0]) < URGENCY.index(past[place][0]):
            past[place] = shape
    if line.cut and line.marks:
        past[max(0, _behind(line.marks[0].at, now, before) - 1)] = MORE
    for fire in line.coming:
        ahead[_place(fire - now, after)] = DUE
    return Text.assemble(*past, NOW, *ahead)


def axis(now: datetime, width: int, clock: Clock) -> Text:
    """Write whole hours where their cells are, and where now is."""
    before, after = _halves(width)
    drawn = [" "] * width
    drawn[before - 1 : before + 2] = "now"
    for hour in _hours(now, width, clock):
        place = _behind(hour, now, before) if hour < now else before + 1 + _place(hour - now, after)
        begin = place - LABEL // 2
        free = drawn[max(0, begin - 1) : begin + LABEL + 1]
        if 0 <= begin <= width - LABEL and not "".join(free).strip():
            drawn[begin : begin + LABEL] = f"{clock(hour):%H:%M}"
    return Text("".join(drawn), style="dim")


def _halves(width: int) -> tuple[int, int]:
    """Give how many cells are before now, and how many after it: one is now itself."""
    before = (width - 1) // 2
    return before, width - 1 - before


def _end(mark: Mark, now: datetime) -> datetime:
    if mark.begin is None:
        return mark.at
    return mark.end or now


def _behind(moment: datetime, now: datetime, cells: int) -> int:
    """Give the cell of an instant before now; what is older than all of them is in the first."""
    return cells - 1 - _place(now - moment, cells)


def _place(distance: timedelta, cells: int) -> int:
    return max(0, min(cells - 1, int(distance / REACH * cells)))


def _hours(now: datetime, width: int, clock: Clock) -> list[datetime]:
    """Give whole hours of the clock within reach, as many as have room."""
    room = width // (LABEL + 3)
    step = next((hours for hours in HOURS if timedelta(hours=hours) * room >= 2 * REACH), HOURS[-1])
    begin = now - REACH
    on_clock = clock(begin)
    first = begin + timedelta(hours=1) - timedelta(minutes=on_clock.minute, seconds=on_clock.second)
    found = [first + timedelta(hours=hour) for hour in range(int(2 * REACH / timedelta(hours=1)))]
    return [hour for hour in found if clock(hour).hour % step == 0]
