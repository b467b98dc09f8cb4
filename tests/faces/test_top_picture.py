"""What `zenbeat top` draws, from what is known: cells, figures and lines, in any size."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.cells import cell_len

from worker.cli import topcells
from worker.cli.keyboard import Key, read_keys
from worker.cli.toppicture import Known, View, draw
from worker.domain.standing import Standing
from worker.domain.zones import find_zone
from worker.engine.overview import Line, Overview
from worker.engine.timelines import Mark
from worker.store.figures import Figures

NOW = datetime(2026, 11, 26, 12, 30, tzinfo=UTC)
WIDTH = 25  # twelve cells of half an hour on either side


def ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


def line(*marks: Mark, **more: Any) -> Line:
    return Line(name="nightly", standing=Standing.OK, marks=marks, **more)


def drawn(*marks: Mark, **more: Any) -> str:
    return topcells.row(line(*marks, **more), NOW, WIDTH).plain


def overview(lines: Sequence[Line] = (), **more: Any) -> Overview:
    return Overview(at=NOW, standings=Counter(each.standing for each in lines), lines=lines, **more)


def picture(known: Known, width: int = 80, height: int | None = 24, **more: Any) -> list[str]:
    return [each.plain for each in draw(known, View(width=width, height=height, zone=UTC, **more))]


# --- cells


@pytest.mark.parametrize(
    ("word", "shape"),
    [
        ("completed", "·"),
        ("failed", "✗"),
        ("dead", "✗"),
        ("rejected", "✗"),
        ("stopped", "■"),
        ("vanished", "?"),
        ("missed_downtime", "▲"),
        ("skipped_paused", "–"),
        ("running", "▶"),
        ("waiting", "○"),
        ("something new", "–"),
    ],
)
def test_each_end_has_a_shape_of_its_own(word: str, shape: str) -> None:
    assert drawn(Mark(at=ago(1), word=word)) == " " * 9 + shape + "  |" + " " * 12


def test_what_is_to_come_is_right_of_now() -> None:
    assert drawn(coming=[NOW + timedelta(hours=hours) for hours in (0.1, 3, 6)]) == " " * 12 + "|○     ○    ○"


def test_of_several_in_one_cell_the_worst_is_shown() -> None:
    marks = [
        Mark(at=ago(0.9 - number / 100), word=word) for number, word in enumerate(("completed", "failed", "running"))
    ]
    assert drawn(*marks).strip(" |") == "✗"
    assert drawn(*marks[::-1]).strip(" |") == "✗"


def test_a_run_that_takes_longer_than_a_cell_is_as_long_as_it_was() -> None:
    ended = Mark(at=ago(5), word="completed", begin=ago(5), end=ago(3.9))
    going = Mark(at=ago(1), word="running", begin=ago(1))
    assert drawn(ended, going)[:13] == " ·───    ▶──|"


def test_what_was_not_read_is_told() -> None:
    assert drawn(Mark(at=ago(2), word="completed"), cut=True)[:13] == "      …·    |"


def test_what_is_older_than_the_picture_is_at_its_edge() -> None:
    assert drawn(Mark(at=ago(9), word="failed"))[0] == "✗"
    assert drawn(Mark(at=NOW + timedelta(seconds=1), word="failed"))[11] == "✗"


@pytest.mark.parametrize(
    ("zone", "told"),
    [
        ("UTC", ["08:00", "10:00", "now", "14:00", "16:00", "18:00"]),
        ("Asia/Kolkata", ["14:00", "16:00", "now", "20:00", "22:00"]),
    ],
)
def test_the_axis_has_whole_hours_of_the_clock(zone: str, told: list[str]) -> None:
    clock = find_zone(zone)
    assert topcells.axis(NOW, 51, lambda moment: moment.astimezone(clock)).plain.split() == told


def test_an_hour_stands_over_its_cell() -> None:
    axis = topcells.axis(NOW, 99, lambda moment: moment).plain
    cells = topcells.row(line(Mark(at=NOW.replace(hour=9, minute=0), word="failed")), NOW, 99).plain
    assert axis.index("09:00") + 2 == cells.index("✗")


# --- the picture

MANY = [Line(name=f"schedule-{number:03}", standing=Standing.OK) for number in range(40)]
OUTCOME = {"id": "1-0", "at": NOW.isoformat(), "status": "failed", "schedule": "nightly", "reason": "out of memory"}


def test_it_has_five_figures_and_a_sentence() -> None:
    known = overview(
        [Line(name="nightly", standing=Standing.FAILING, next=NOW + timedelta(hours=2))],
        figures=Figures(ready=2, delayed=3, inflight=1, following=7, dead=4),
        next=("nightly", NOW + timedelta(hours=2)),
    )
    lines = picture(Known(at=NOW, overview=known, outcomes=[OUTCOME]))
    assert lines[0] == "zenbeat  Thu 2026-11-26 12:30:00 UTC"
    assert lines[1] == "1 schedule is failing, and 4 dead letters wait for somebody."
    assert lines[3].split() == ["Need", "a", "look", "Running", "Waiting", "Dead", "letters", "Next"]
    assert [each.strip() for each in lines[4].split("   ") if each.strip()] == [
        "1 of 1",
        "7",
        "5",
        "4",
        "in 2 h nightly",
    ]
    assert lines[-1] == "12:30:00  failed     nightly               out of memory"


@pytest.mark.parametrize("width", [20, 40, 59, 60, 80, 109, 110, 160, 300])
@pytest.mark.parametrize("height", [5, 12, 24, 50])
def test_it_fits_any_size(width: int, height: int) -> None:
    wide = [Line(name="ﾃﾞｰﾀ資料" * 9, standing=Standing.BROKEN, next=NOW), *MANY]
    known = Known(at=NOW, overview=overview(wide, held_back="a reason " * 40), outcomes=[OUTCOME] * 30)
    lines = picture(known, width, height)
    assert len(lines) < height, "the last line is for the keys"
    assert max(map(cell_len, lines)) <= width


@pytest.mark.parametrize(("outcomes", "rows"), [(0, 14), (3, 11), (30, 8)])
def test_timeline_and_outcomes_share_the_height(outcomes: int, rows: int) -> None:
    lines = picture(Known(at=NOW, overview=overview(MANY), outcomes=[OUTCOME] * outcomes))
    assert sum(each.startswith("schedule-") for each in lines) == rows
    assert len(lines) == 23 or outcomes == 0


def test_it_moves_along_the_schedules_and_not_beyond() -> None:
    known = Known(at=NOW, overview=overview(MANY), outcomes=[OUTCOME] * 30)
    assert any(each.startswith("SCHEDULES 4-11 of 40") for each in picture(known, first=3))
    assert any(each.startswith("SCHEDULES 33-40 of 40") for each in picture(known, first=99))


def test_a_narrow_one_leaves_columns_out() -> None:
    known = Known(at=NOW, overview=overview([Line(name="nightly", standing=Standing.FAILING, next=NOW)]))
    (wide,) = [each for each in picture(known, 80) if each.startswith("nightly")]
    (narrow,) = [each for each in picture(known, 50) if each.startswith("nightly")]
    assert "failing" in wide
    assert wide.endswith("now")
    assert "failing" not in narrow
    assert "|" in narrow


def test_no_data_moves_the_cursor() -> None:
    evil = "\x1b[2J\x1b]0;owned\x07\u202eback\nlines"
    outcome = {**OUTCOME, "schedule": evil, "reason": evil, "status": evil, "run_name": evil}
    known = overview(
        [Line(name=evil, standing=Standing.OK, next=NOW)],
        held_back=evil,
        next=(evil, NOW),
        checks={"beat": evil},
    )
    lines = picture(Known(at=NOW, overview=known, outcomes=[outcome], trouble=evil), 120)
    assert all(each.isprintable() for each in lines)
    assert any("owned" in each for each in lines)


def test_what_is_not_known_any_more_is_not_told_as_if_it_were() -> None:
    known = Known(at=NOW + timedelta(minutes=5), overview=overview(MANY), trouble="Redis cannot be reached")
    lines = picture(known)
    assert lines[1:3] == ["Redis cannot be reached", "As it was at 12:30:00: All is well."]


def test_help_explains_keys_and_cells() -> None:
    lines = picture(Known(at=NOW, overview=overview(MANY)), help=True)
    assert {"KEYS", "CELLS", *topcells.LEGEND} <= set(lines)
    assert not any(each.startswith("schedule-") for each in lines)


def test_without_schedules_it_says_where_to_begin() -> None:
    assert "There are no schedules yet: see docs/schedules.md." in picture(Known(at=NOW, overview=overview()))


# --- keys


@pytest.mark.parametrize(
    ("sent", "keys"),
    [
        (b"q", [Key.QUIT]),
        (b"jk", [Key.DOWN, Key.UP]),
        (b"\x1b[A\x1b[B\x1bOA\x1bOB", [Key.UP, Key.DOWN, Key.UP, Key.DOWN]),
        (b"\x1b[5~\x1b[6~\x1b[H", [Key.PAGE_UP, Key.PAGE_DOWN, Key.HOME]),
        (b"p?", [Key.PAUSE, Key.HELP]),
        (b"\x1b", [Key.ESCAPE]),
        (b"xyz\xff", []),
        (b"\x1b[1;5q\x1b[15~j", [Key.DOWN]),
        (b"\x1b[", []),
    ],
)
def test_keys_are_read_as_terminals_send_them(sent: bytes, keys: list[Key]) -> None:
    assert list(read_keys(sent)) == keys
