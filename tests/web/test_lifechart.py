"""Where the bars of a life are drawn."""

from datetime import UTC, datetime, timedelta

import pytest

from worker.engine.lives import Span, Stage
from worker.web.charts.lifechart import IDLE_SHARE, NARROWEST, WIDTH, bars_of, precisely
from worker.web.states import Tone

T0 = datetime(2030, 1, 1, tzinfo=UTC)


def span(stage: Stage, begin: float, end: float | None, word: str = "", attempt: int | None = None) -> Span:
    return Span(
        stage=stage,
        begin=T0 + timedelta(seconds=begin),
        end=None if end is None else T0 + timedelta(seconds=end),
        word=word,
        attempt=attempt,
    )


def test_bars_lie_one_behind_the_other_and_fill_the_width() -> None:
    bars = bars_of([span(Stage.ANSWER, 0, 5, "started", 1), span(Stage.RUNNING, 5, 20, "failed")], T0)
    assert [(bar.x, bar.width) for bar in bars] == [(0, 250), (250, 750)]
    assert [bar.tone for bar in bars] == [Tone.BUSY, Tone.BAD]
    assert [(bar.after, bar.took, bar.open) for bar in bars] == [("+0 ms", "5.0 s", False), ("+5.0 s", "15s", False)]


def test_days_of_waiting_leave_room_for_what_was_done() -> None:
    day = 86_400
    bars = bars_of([span(Stage.DUE, 0, day), span(Stage.RUNNING, day, day + 10, "completed")], T0)
    assert bars[0].width == pytest.approx(WIDTH * IDLE_SHARE)
    assert [bar.shortened for bar in bars] == [True, False]
    assert bars[0].took == "1d"
    (alone,) = bars_of([span(Stage.DUE, 0, day)], T0)
    assert (alone.width, alone.shortened, alone.open) == (WIDTH, False, True)


def test_what_took_no_time_is_seen_and_stays_inside() -> None:
    bars = bars_of([span(Stage.READY, 0, 10), span(Stage.ENDED, 10, 10, "cancelled")], T0)
    assert (bars[1].x, bars[1].width) == (WIDTH - NARROWEST, NARROWEST)
    assert bars[1].took == ""


def test_what_goes_on_reaches_to_now() -> None:
    bars = bars_of([span(Stage.READY, 0, 10), span(Stage.QUEUED, 10, None)], T0 + timedelta(seconds=40))
    assert (bars[1].x, bars[1].width, bars[1].open, bars[1].took) == (250, 750, True, "30s")


def test_a_life_of_no_time_at_all_and_none_can_be_drawn() -> None:
    assert bars_of([], T0) == []
    (bar,) = bars_of([span(Stage.READY, 0, None)], T0)
    assert (bar.x, bar.width) == (0, NARROWEST)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "0 ms"), (0.0123, "12 ms"), (0.9999, "1.0 s"), (9.94, "9.9 s"), (9.96, "10s"), (90, "1m30s")],
)
def test_lengths_are_told_as_precisely_as_is_of_use(seconds: float, told: str) -> None:
    assert precisely(timedelta(seconds=seconds)) == told
