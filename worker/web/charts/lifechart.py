"""The life of a trigger as a waterfall: where the bar of each stage begins, and how wide it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from worker.domain.duration import length_in_words
from worker.engine.lives import Span, Stage
from worker.web.states import Tone, look_of

WIDTH = 1000
"""Of the whole, in units of the drawing: it is stretched to the room that there is."""

NARROWEST = 8
"""What took no time is still seen."""

IDLE = frozenset({Stage.DUE, Stage.DEAD})
"""Stages that may take days in which nothing is done."""

AHEAD = frozenset({Stage.DUE, Stage.BACKOFF})
"""Stages whose end is known before it comes."""

IDLE_SHARE = 0.15
"""How much of the width they take at the most, each, beside others: what is done would not be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One stage of the drawing, and its numbers in words."""

    span: Span
    x: float
    width: float
    tone: Tone
    open: bool
    """It goes on, or is still to come."""
    shortened: bool
    """It took longer than it looks."""
    after: str
    """How long after the record it began."""
    took: str


def bars_of(spans: Sequence[Span], now: datetime) -> list[Bar]:
    """Lay out the stages of a life side by side; what happened meanwhile is a mark on its place."""
    if not spans:
        return []
    scale = _Scale(spans, now)
    return [_bar(span, scale, now) for span in spans]


class _Scale:
    """From an instant to its place: linear, but for idle stages, which are shortened."""

    def __init__(self, spans: Sequence[Span], now: datetime) -> None:
        self.begin = spans[0].begin
        instants = sorted({moment for span in spans for moment in (span.begin, _end(span, now))})
        idle = [span for span in spans if span.stage in IDLE]
        pieces = [
            ((end - begin).total_seconds(), any(span.begin <= begin < _end(span, now) for span in idle))
            for begin, end in pairwise(instants)
        ]
        busy = sum(length for length, waits in pieces if not waits)
        most = busy * IDLE_SHARE / (1 - IDLE_SHARE) if busy else float("inf")
        self.most = timedelta(seconds=most) if busy else timedelta.max
        shown = [min(length, most) if waits else length for length, waits in pieces]
        whole = sum(shown) or 1.0
        self._places = [(instants[0], 0.0)]
        for moment, length in zip(instants[1:], shown, strict=True):
            self._places.append((moment, self._places[-1][1] + length / whole * WIDTH))

    def place(self, moment: datetime) -> float:
        """Give the place of an instant at which a stage begins or ends."""
        return next(place for known, place in self._places if known == moment)


def _end(span: Span, now: datetime) -> datetime:
    return span.end if span.end is not None else max(now, span.begin)


def _bar(span: Span, scale: _Scale, now: datetime) -> Bar:
    end = _end(span, now)
    left, right = scale.place(span.begin), scale.place(end)
    width = max(right - left, NARROWEST)
    return Bar(
        span=span,
        x=round(min(left, WIDTH - width), 1),
        width=round(width, 1),
        tone=_tone(span),
        open=span.end is None or (span.stage in AHEAD and span.end > now),
        shortened=span.stage in IDLE and end - span.begin > scale.most,
        after=f"+{precisely(span.begin - scale.begin)}",
        took="" if span.end == span.begin and not span.attempt else precisely(end - span.begin),
    )


def _tone(span: Span) -> Tone:
    if span.word:
        return look_of(span.word).tone
    if span.stage is Stage.DEAD:
        return Tone.BAD
    return Tone.BUSY if span.stage in (Stage.ANSWER, Stage.TRIED, Stage.STARTING, Stage.RUNNING) else Tone.QUIET


def precisely(length: timedelta) -> str:
    """Tell how long something took: in milliseconds below a second, with a decimal below ten."""
    seconds = length.total_seconds()
    if seconds < 0.9995:
        return f"{round(seconds * 1000)} ms"
    return f"{seconds:.1f} s" if seconds < 9.95 else length_in_words(seconds)
