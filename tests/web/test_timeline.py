"""Where the timeline draws what, and what it says."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from worker.domain.fate import Fate
from worker.domain.outcome import Decision
from worker.domain.standing import Standing
from worker.domain.trigger import TriggerState
from worker.engine.overview import REACH, Line, Overview
from worker.engine.timelines import Mark
from worker.web.charts.timeline import BIN, FEW, LANES, SYMBOLS, UNITS, Row, draw, overlaps
from worker.web.states import LOOKS

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def row(*marks: Mark, **about: Any) -> Row:
    line = Line(**{"name": "s", "standing": Standing.OK, "marks": marks, **about})
    return draw(Overview(at=NOW, standings={Standing.OK: 1}, lines=[line])).rows[0]


def mark(hours: float, word: str = "completed", begin: float | None = None, end: float | None = None) -> Mark:
    at, begun, ended = (NOW + each * HOUR if each is not None else None for each in (hours, begin, end))
    assert at is not None
    return Mark(at=at, word=word, begin=begun, end=ended)


def places(drawn: Row, symbol: str) -> list[str]:
    return [spot.x for group in drawn.groups if group.symbol == symbol for spot in group.spots]


def rectangles(drawn: Row, kind: str) -> list[tuple[int, int, int]]:
    """Left, height and width of everything of a kind."""
    found: list[tuple[int, int, int]] = []
    paths = "".join(shape.path for shape in drawn.shapes if shape.kind == kind)
    each = r"([Mm])(-?\d+) (\d+)h(\d+)(?:v6h-\4z)?"
    assert re.sub(each, "", paths) == ""
    for move, left, top, width in re.findall(each, paths):
        x, y = (0, 0) if move == "M" else (found[-1][0] + found[-1][2], found[-1][1])
        found.append((x + int(left), y + int(top), int(width)))
    return found


def test_now_is_in_the_middle() -> None:
    drawn = row(mark(-6), mark(-3, "failed"), mark(0, "running"), coming=[NOW + 3 * HOUR, NOW + REACH])
    assert places(drawn, "o") == ["0"]
    assert places(drawn, "x") == ["25"]
    assert places(drawn, "g") == ["50"]
    assert places(drawn, "d") == ["75", "100"]


def test_hours_have_a_tick_but_where_there_is_no_room_for_it() -> None:
    ticks = draw(Overview(at=NOW + 20 * MINUTE, standings={})).ticks
    assert [tick.at.hour for tick in ticks] == [5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
    assert (ticks[0].x, ticks[5].x) == ("5.56", "47.22")
    ticks = draw(Overview(at=NOW, standings={})).ticks
    assert [tick.at.hour for tick in ticks] == list(range(5, 16))


@pytest.mark.parametrize("word", sorted({*map(str, LOOKS), *Fate, *Decision, *TriggerState, "never heard of"}))
def test_every_state_has_a_symbol(word: str) -> None:
    (group,) = row(mark(-1, word)).groups
    assert group.symbol in SYMBOLS.values()


def test_what_is_good_bad_and_left_out_differs_by_more_than_colour() -> None:
    words = ("completed", "failed", "missed_downtime", "running", "stopped", "skipped_overlap", "skipped_paused")
    symbols = [row(mark(-1, word)).groups[0].symbol for word in words]
    assert len(set(symbols)) == len(words)


def test_a_symbol_says_when_what_and_why() -> None:
    failed = Mark(at=NOW - HOUR, word="failed", reason="bad luck " * 20, begin=NOW - HOUR, end=NOW - 58 * MINUTE)
    by_hand = Mark(at=NOW - HOUR, word="completed", reason="not told", by_hand=True)
    (bad,), (good,) = (group.spots for group in row(failed, by_hand).groups)
    assert bad.told.startswith("09:00 UTC failed after 2m: bad luck bad luck")
    assert len(bad.told) < 100
    assert good.told == "09:00 UTC completed, started by hand"


def test_a_row_says_in_a_sentence_what_there_is_to_be_seen() -> None:
    marks = [mark(-3), mark(-2), mark(-1, "skipped_overlap")]
    told = row(*marks, next=NOW + HOUR).sentence
    assert told == "s, ok. In the last 6 hours 2 completed, 1 skipped overlap; due next at 11:00 UTC."
    assert row(next=NOW + 9 * HOUR).sentence == "s, ok. Nothing in the last 6 hours; not due within 6 hours."
    assert row(mark(-1), cut=True).sentence == (
        "s, ok. In the last 6 hours 1 completed and more before that; not due within 6 hours."
    )
    overlapping = [mark(-3, begin=-3, end=-1), mark(-2, begin=-2, end=-1)]
    assert "2 completed; runs overlap;" in row(*overlapping).sentence


def test_a_run_is_a_bar_from_its_beginning_to_its_end() -> None:
    drawn = row(mark(-3, begin=-3, end=-2), mark(-1, "running", begin=-1))
    assert rectangles(drawn, "runs") == [(UNITS // 4, 22, 120), (600, 22, 120)]
    assert [shape.tone for shape in drawn.shapes] == ["good", "busy"]


def test_what_began_before_begins_at_the_edge_and_has_no_symbol() -> None:
    drawn = row(mark(-20, begin=-20, end=-5), mark(-20, begin=-20, end=-7))
    assert rectangles(drawn, "runs") == [(0, 22, 120)]
    assert drawn.groups == []


def test_a_run_that_took_no_time_can_be_seen() -> None:
    assert rectangles(row(mark(-3, begin=-3, end=-3)), "runs") == [(360, 22, 1)]


def test_runs_that_overlap_are_below_each_other() -> None:
    runs = [mark(-3 + 0.1 * each, begin=-3 + 0.1 * each, end=-1) for each in range(LANES + 1)]
    tops = [top for _, top, _ in rectangles(row(*runs), "runs")]
    assert tops == [22, 26, 30, 30], "the last lane takes all that has no lane of its own"
    after = row(mark(-3, begin=-3, end=-2), mark(-2, begin=-2, end=-1))
    assert rectangles(after, "runs") == [(360, 22, 240)], "what follows takes the same lane, and is joined"


def test_overlapping_is_told_from_following() -> None:
    assert not overlaps([mark(-3, begin=-3, end=-2), mark(-2, begin=-2, end=-1), mark(-1)], NOW)
    assert overlaps([mark(-2, begin=-2), mark(-1, begin=-1, end=-0.5)], NOW)


def test_many_marks_are_a_band_and_what_was_not_well_stands_out() -> None:
    marks = [Mark(at=NOW - each * MINUTE, word="failed" if each == 60 else "completed") for each in range(1, 361)]
    drawn = row(*marks)
    assert [group.symbol for group in drawn.groups] == ["x"]
    assert len(places(drawn, "x")) == 1
    assert rectangles(drawn, "band") == [(0, 9, UNITS // 2)]
    assert not drawn.groups[0].spots[0].told


def test_a_gap_in_many_marks_is_a_gap_in_the_band() -> None:
    marks = [Mark(at=NOW - each * MINUTE, word="completed") for each in range(1, 361) if not 100 < each < 200]
    left, right = rectangles(row(*marks), "band")
    assert right[0] - left[2] > 10 * BIN
    assert left[0] == 0
    assert right[0] + right[2] == UNITS // 2


def test_a_bin_shows_the_worst_in_it() -> None:
    words = ["completed", "skipped_overlap", "running", "missed_downtime", "failed"]
    for number in range(1, len(words)):
        marks = [Mark(at=NOW - HOUR, word=word) for word in words[: number + 1] * FEW]
        (group,) = row(*marks).groups
        assert group == row(*marks[::-1]).groups[0]
        assert (group.symbol, len(group.spots)) == (["", "l", "g", "t", "x"][number], 1)


def test_few_marks_have_a_symbol_each_unless_they_lie_upon_each_other() -> None:
    spread = [mark(-5 + 0.2 * each) for each in range(FEW)]
    assert len(places(row(*spread), "o")) == FEW
    assert row(*spread, mark(-0.1)).groups == []
    close = [Mark(at=NOW - each * timedelta(seconds=10), word="completed") for each in range(1, 7)]
    assert row(*close).groups == []
    assert rectangles(row(*close), "band")


def test_on_a_crowded_row_short_runs_are_left_out() -> None:
    short = [mark(-5 + 0.1 * each, begin=-5 + 0.1 * each, end=-5 + 0.1 * each + 0.001) for each in range(FEW + 1)]
    assert rectangles(row(*short), "runs") == []
    assert rectangles(row(*short[:3]), "runs")
    assert rectangles(row(*short, mark(-0.5, "running", begin=-0.5)), "runs")


def test_many_coming_fires_are_a_band() -> None:
    coming = [NOW + each * 9 * MINUTE for each in range(1, 41)]
    drawn = row(coming=coming)
    assert drawn.groups == []
    ((left, _, width),) = rectangles(drawn, "band")
    assert (left, left + width) == (UNITS // 2 + BIN, UNITS)
    broken = [*coming[:15], *coming[25:]]
    assert len(rectangles(row(coming=broken), "band")) == 2


def test_a_reason_is_cut_where_it_is_long() -> None:
    drawn = row(reason="no " * 200, trigger="t")
    assert (len(drawn.why), drawn.why_trigger) == (160, "t")
    assert row(reason="short").why == "short"


def test_a_full_row_is_small() -> None:
    words = ("failed", "completed", "missed_downtime")
    marks = [
        Mark(at=NOW - each * MINUTE, word=words[each % 3], begin=NOW - each * MINUTE, end=NOW - (each - 2) * MINUTE)
        for each in range(1, 361)
    ]
    drawn = row(*marks)
    assert sum(len(group.spots) for group in drawn.groups) <= FEW
    assert len(drawn.groups) <= len(SYMBOLS)
