"""A picture of metrics: each trial as a dot, the best so far as a line; or one metric over another, with the front."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, isfinite, log10
from typing import Any

from worker.domain.sweepparts import Goal, Metric
from worker.domain.trial import TrialResult

WIDTH, HEIGHT = 960, 270
LEFT, RIGHT, TOP, BOTTOM = 64, 14, 14, 34
"""Room for what stands around."""

LOST_AT = HEIGHT - BOTTOM - 8
"""Where trials stand that have no value."""

MOST_DOTS = 1_000
"""More cannot be told apart; of more trials every so-manieth is drawn, and those that were the best."""

FEW = 20
"""Trials of which none is called far out."""

SPREAD = 1.0
"""What lies further out than so many times the middle nine tenths is drawn at the edge: the rest is to be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A trial in the picture. `shape` is `dot`, `best`, `edge` (beyond the picture) or `lost` (without a value)."""

    x: float
    y: float
    shape: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark at an axis."""

    at: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialChart:
    """The picture, in the units of its SVG."""

    about: str
    """It in a sentence."""
    down: str
    across: str
    """What the axes are."""
    dots: Sequence[Dot]
    line: str
    """The best so far, or the front: an SVG path; "" for none."""
    ticks_down: Sequence[Tick]
    ticks_across: Sequence[Tick]
    target: float | None = None
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to places along an axis; what lies outside is put at its end."""

    low: float
    high: float
    begin: float
    end: float

    def at(self, value: float) -> float:
        """Give the place of a value."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return round(self.begin + min(1.0, max(0.0, share)) * (self.end - self.begin), 1)

    def holds(self, value: float) -> bool:
        """Tell whether a value lies inside."""
        return self.low <= value <= self.high

    def ticks(self, count: int, *, whole: bool = False) -> list[Tick]:
        """Give round values inside, about so many."""
        return [Tick(at=self.at(value), text=f"{value:.6g}") for value in round_values(self, count, whole=whole)]


def round_values(scale: Scale, count: int, *, whole: bool = False) -> list[float]:
    """Give values of 1, 2 or 5 times a power of ten apart that lie inside a scale."""
    span = scale.high - scale.low
    if span <= 0 or not isfinite(span):
        return [scale.low]
    power = 10.0 ** floor(log10(span / count))
    step = min((factor * power for factor in (1, 2, 5, 10)), key=lambda step: abs(span / step - count))
    step = max(1.0, step) if whole else step
    return [index * step for index in range(ceil(scale.low / step - 1e-9), floor(scale.high / step + 1e-9) + 1)]


def bounds_of(values: Sequence[float], more: float | None = None) -> tuple[float, float]:
    """Give the least and greatest value that are drawn; a target (`more`) is drawn too, unless it is far out."""
    ordered = sorted(values)
    low, high = ordered[0], ordered[-1]
    if len(ordered) > FEW:
        cut = len(ordered) // 20
        inner_low, inner_high = ordered[cut], ordered[-1 - cut]
        room = SPREAD * (inner_high - inner_low)
        if room > 0:
            low, high = max(low, inner_low - room), min(high, inner_high + room)
    span = high - low or abs(high) or 1.0
    if more is not None and low - 2 * span <= more <= high + 2 * span:
        low, high = min(low, more), max(high, more)
    margin = 0.06 * (high - low or abs(high) or 1.0)
    return low - margin, high + margin


def chart_of(metrics: Sequence[Metric], results: Sequence[TrialResult], front: Sequence[TrialResult]) -> Any:
    """Make the picture that fits the metrics; None where there is nothing to draw. `results` go by their numbers."""
    if len(metrics) == 1:
        return over_trials(metrics[0], results)
    return over_each_other(metrics[0], metrics[1], results, front) if metrics else None


def over_trials(metric: Metric, results: Sequence[TrialResult]) -> TrialChart | None:
    """Draw a metric over the numbers of the trials."""
    known = [(each.number, each.metrics[metric.name]) for each in results if _has(each, metric)]
    if not known:
        return None
    lost = [each for each in results if each.failed]
    low, high = bounds_of([value for _, value in known], metric.target)
    down = Scale(low, high, LOST_AT - 14 if lost else HEIGHT - BOTTOM, TOP)
    numbers = [each.number for each in results]
    across = Scale(min(numbers) - 0.5, max(numbers) + 0.5, LEFT, WIDTH - RIGHT)
    steps = best_so_far(metric, known)
    records = {number for number, _ in steps}
    every = ceil(len(known) / MOST_DOTS)
    drawn = [pair for place, pair in enumerate(known) if place % every == 0 or pair[0] in records]
    dots = [
        Dot(x=across.at(number), y=down.at(value), shape=_shape(down, value, number in records), title=title)
        for number, value in drawn
        for title in [f"trial {number}: {metric.name} {value:.6g}"]
    ]
    dots += [
        Dot(x=across.at(each.number), y=LOST_AT, shape="lost", title=f"trial {each.number}: {each.fate}")
        for each in lost[:: max(1, ceil(len(lost) / MOST_DOTS))]
    ]
    shown = metric.target is not None and down.holds(metric.target)
    return TrialChart(
        about=_about(metric, known, steps, len(lost), every),
        down=f"{metric.name} ({metric.goal})",
        across="trial",
        dots=dots,
        line=_stairs([(across.at(number), down.at(value)) for number, value in steps], across.end),
        ticks_down=down.ticks(5),
        ticks_across=across.ticks(8, whole=True),
        target=down.at(metric.target) if shown and metric.target is not None else None,
    )


def over_each_other(
    first: Metric, second: Metric, results: Sequence[TrialResult], front: Sequence[TrialResult]
) -> TrialChart | None:
    """Draw one metric over another; the line is the front, of just two metrics."""
    known = [each for each in results if _has(each, first) and _has(each, second)]
    if not known:
        return None
    across = Scale(*bounds_of([each.metrics[first.name] for each in known]), LEFT, WIDTH - RIGHT)
    down = Scale(*bounds_of([each.metrics[second.name] for each in known]), HEIGHT - BOTTOM, TOP)
    best = {each.number for each in front}
    every = ceil(len(known) / MOST_DOTS)
    dots = [
        Dot(x=across.at(one), y=down.at(two), shape=_shape(down, two, each.number in best), title=title)
        for place, each in enumerate(known)
        if place % every == 0 or each.number in best
        for one, two in [(each.metrics[first.name], each.metrics[second.name])]
        for title in [f"trial {each.number}: {first.name} {one:.6g}, {second.name} {two:.6g}"]
    ]
    edge = sorted((across.at(each.metrics[first.name]), down.at(each.metrics[second.name])) for each in front)
    return TrialChart(
        about=f"{second.name} ({second.goal}) over {first.name} ({first.goal}) of {len(known)} trials;"
        f" {len(best)} of them no other beats in every metric.",
        down=f"{second.name} ({second.goal})",
        across=f"{first.name} ({first.goal})",
        dots=dots,
        line=_stairs(edge, edge[-1][0] if edge else 0),
        ticks_down=down.ticks(5),
        ticks_across=across.ticks(6),
    )


def best_so_far(metric: Metric, known: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Give the trials that were better than all before: number and value."""
    sign = -1 if metric.goal is Goal.MAXIMIZE else 1
    steps: list[tuple[int, float]] = []
    for number, value in known:
        if not steps or sign * value < sign * steps[-1][1]:
            steps.append((number, value))
    return steps


def _has(result: TrialResult, metric: Metric) -> bool:
    return result.good and isfinite(result.metrics.get(metric.name, float("nan")))


def _shape(scale: Scale, value: float, best: bool) -> str:  # noqa: FBT001 - said in words
    if not scale.holds(value):
        return "edge"
    return "best" if best else "dot"


def _stairs(points: Sequence[tuple[float, float]], end: float) -> str:
    if not points:
        return ""
    moves = [f"M{points[0][0]} {points[0][1]}"]
    moves += [f"H{after[0]}V{after[1]}" for _, after in pairwise(points)]
    return "".join([*moves, f"H{end}"])


def _about(
    metric: Metric, known: Sequence[tuple[int, float]], steps: Sequence[tuple[int, float]], lost: int, every: int
) -> str:
    number, value = steps[-1]
    parts = [f"{metric.name} over {len(known)} trials: the best is {value:.6g}, of trial {number} (to {metric.goal})"]
    parts += [f"the target is {metric.target:g}"] if metric.target is not None else []
    parts += [f"{lost} failed"] if lost else []
    parts += [f"one in {every} is drawn, and those that were the best"] if every > 1 else []
    return f"{'; '.join(parts)}."
