"""How late the last runs started, as a small chart: a bar below the cell of each run, the newest at the right."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from worker.domain.duration import length_in_words
from worker.domain.results import Result

SHOWN = 30

STEP, HEIGHT = 8.5, 14
"""Width of a cell with its gap (see schedules.css), and height of the chart."""

BAR = 5.0

LEAST = 1.0
"""Height of the lowest bar: what started at once is seen too."""

FULL = 1_000
"""Milliseconds that a chart reaches to at least: tenths of a second are not to look like much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lateness:
    """The chart, and what it says."""

    bars: str
    """All of them as the path of an SVG."""
    count: int
    median: str
    worst: str
    width: float = SHOWN * STEP
    height: int = HEIGHT

    @property
    def sentence(self) -> str:
        """Say it."""
        runs = f"the last {self.count} runs" if self.count > 1 else "the last run"
        return f"How late {runs} started: {self.median} in the middle, {self.worst} at the worst"


def lateness_of(results: Sequence[Result]) -> Lateness | None:
    """Draw it; `results` are newest first. None where nothing is known, as of runs that a person asked for."""
    late = [each.lateness_ms for each in results[:SHOWN][::-1]]
    known = [each for each in late if each is not None]
    if not known:
        return None
    most = max(FULL, *known)
    return Lateness(
        bars="".join(_bar(number * STEP, each, most) for number, each in enumerate(late) if each is not None),
        count=len(known),
        median=in_words(median(known)),
        worst=in_words(max(known)),
    )


def in_words(milliseconds: float) -> str:
    """Tell a length that may be short: `180 ms`, `1.2 s`, `3m20s`."""
    if milliseconds < 1_000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1_000
    return f"{seconds:.1f} s" if seconds < 60 else length_in_words(seconds)


def _bar(left: float, late: float, most: float) -> str:
    height = max(LEAST, max(0.0, late) / most * HEIGHT)
    return f"M{left + (STEP - BAR) / 2:g} {HEIGHT}v-{height:.3g}h{BAR:g}v{height:.3g}z"
