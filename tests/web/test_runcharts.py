"""The charts of how long runs took, and how late they started."""

from datetime import UTC, datetime
from typing import Any

from worker.domain.results import Result
from worker.web.charts.runcharts import durations, lateness
from worker.web.states import Tone

AT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)


def result(fate: str = "completed", **more: Any) -> Result:
    return Result(trigger="t", fate=fate, ended=AT, **more)


def test_bars_are_as_high_as_runs_are_long_and_the_newest_is_at_the_right() -> None:
    made = durations([result("failed", seconds=50.0), result(seconds=100.0), result(seconds=80.0)])
    assert made
    oldest, middle, newest = made.bars
    assert oldest.x < middle.x < newest.x
    assert middle.y == made.ceiling
    assert round(newest.height * 2) == round(middle.height)
    assert all(round(bar.y + bar.height) == made.ground for bar in made.bars)
    assert newest.x + newest.width <= made.width
    assert (newest.look.tone, newest.look.shape, newest.good, middle.good) == (Tone.BAD, "✗", False, True)
    assert newest.title == "2026-03-02 01:30:00 UTC: failed, 50s"
    assert made.top == "1m40s"


def test_the_usual_line_is_the_median_of_those_that_completed() -> None:
    made = durations([result(seconds=10.0), result(seconds=30.0), result("failed", seconds=300.0)])
    assert made
    assert made.usual_text == "usual: 20s"
    assert made.usual is not None
    share = (made.ground - made.usual) / (made.ground - made.ceiling)
    assert round(share, 2) == round(20 / 300, 2)
    assert made.sentence == "The last 3 runs took 10s to 5m, usually 20s; 1 did not complete."


def test_what_had_no_run_stands_among_them_with_its_mark() -> None:
    made = durations([result("dead"), result("failed", seconds=5.0)])
    assert made
    assert made.bars[1].title == "2026-03-02 01:30:00 UTC: dead, no run"
    assert made.bars[1].height == 1.0
    assert (made.usual, made.usual_text) == (None, "")


def test_fifty_runs_fit_and_do_not_touch() -> None:
    made = durations([result(seconds=float(number)) for number in range(50)])
    assert made
    assert all(after.x >= before.x + before.width for before, after in zip(made.bars, made.bars[1:], strict=False))


def test_without_a_length_or_a_lateness_there_is_no_chart() -> None:
    assert durations([result("dead")]) is None
    assert durations([]) is None
    assert lateness([result("dead")]) is None


def test_lateness_is_counted_in_bins() -> None:
    late = [-5, 0, 999, 1000, 5000, 29_999, 30_000, 300_000, 3_599_999, 3_600_000]
    made = lateness([result(lateness_ms=each) for each in late])
    assert made
    assert [(each.name, each.count) for each in made.bins] == [
        ("< 1 s", 3),
        ("1 to 5 s", 1),
        ("5 to 30 s", 2),
        ("30 s to 5 min", 1),
        ("5 min to 1 h", 2),
        ("> 1 h", 1),
    ]
    assert made.bins[0].width == max(each.width for each in made.bins)
    assert [each.late for each in made.bins] == [False, False, False, True, True, True]
    assert made.bins[-1].y + made.thick <= made.height
    assert made.sentence.endswith("The latest: 1h.")
    assert "so late: < 1 s: 3, 1 to 5 s: 1" in made.sentence
