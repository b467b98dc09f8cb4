"""The map of days and hours: where tiles stand, and what they say."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from worker.web.charts.daymap import Happened, Tile, fortnight_map, is_frequent, told, worst, year_map
from worker.web.states import Tone

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
"""A Thursday."""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def happened(text: str, word: str = "completed") -> Happened:
    return Happened(at=at(text), word=word)


def tile_of(tiles: "list[Tile]", name: str) -> Tile:
    (found,) = [tile for tile in tiles if tile.title.startswith(name)]
    return found


def test_of_several_outcomes_the_gravest_is_shown() -> None:
    assert worst(["completed", "failed", "missed_downtime"]) == "failed"
    assert worst(["completed", "missed_downtime"]) == "missed_downtime"
    assert worst(["completed", "skipped_overlap"]) == "completed"
    assert worst(["skipped_overlap"]) == "skipped_overlap"


def test_outcomes_are_counted_in_words() -> None:
    assert told({"failed": 1, "skipped_overlap": 12}) == "12 skipped overlap, 1 failed"


def test_a_week_is_a_column_and_monday_is_on_top() -> None:
    made = year_map([happened("2026-11-23T12:00"), happened("2026-11-25T12:00", "failed")], BERLIN, NOW)
    monday, wednesday = (tile_of(list(made.tiles), name) for name in ("Mon 2026-11-23", "Wed 2026-11-25"))
    before = tile_of(list(made.tiles), "Mon 2026-11-16")
    assert (monday.x, monday.y) == (wednesday.x, wednesday.y - 2 * (monday.height + 2))
    assert (before.y, before.x) == (monday.y, monday.x - monday.width - 2)
    assert (wednesday.look.tone, wednesday.text, wednesday.title) == (Tone.BAD, "✗", "Wed 2026-11-25: 1 failed")
    assert before.text == ""
    assert max(tile.x + tile.width for tile in made.tiles) <= made.width
    assert max(tile.y + tile.height for tile in made.tiles) <= made.height
    assert made.tiles[-1].title.startswith("Thu 2026-11-26"), "what is to come has no tile"


def test_a_day_is_a_day_in_the_zone_of_the_schedule() -> None:
    made = year_map([happened("2026-11-24T23:30", "failed")], BERLIN, NOW)
    assert tile_of(list(made.tiles), "Wed 2026-11-25").text == "✗"
    assert [each.day for each in made.days] == [date(2026, 11, 25)]


@pytest.mark.parametrize(("begin", "weeks"), [("2026-11-25", 18), ("2026-03-02", 40), ("2020-01-01", 53)])
def test_the_year_reaches_as_far_as_the_ledger(begin: str, weeks: int) -> None:
    made = year_map([happened(f"{begin}T12:00")], BERLIN, NOW)
    assert len({tile.x for tile in made.tiles}) == weeks
    assert bool(made.days) is (begin != "2020-01-01"), "what is not shown is not counted"


def test_months_are_named_where_they_begin_and_never_on_top_of_each_other() -> None:
    for day in range(400):
        made = year_map([happened("2020-01-01T12:00")], BERLIN, NOW + timedelta(days=day))
        months = [label for label in made.labels if label.y == 11]
        assert 12 <= len(months) <= 13
        assert all(after.x - before.x >= 30 for before, after in pairwise(months))


def test_the_hours_of_a_day_are_a_row_and_today_is_on_top() -> None:
    past = [happened("2026-11-26T11:20", "failed"), *[happened("2026-11-26T11:40")] * 2, happened("2026-11-25T00:00")]
    made = fortnight_map(past, BERLIN, NOW)
    noon, early = (tile_of(list(made.tiles), name) for name in ("Thu 2026-11-26 12:00", "Wed 2026-11-25 01:00"))
    assert noon.y < early.y
    assert noon.x - early.x == 11 * (noon.width + 2)
    assert (noon.text, noon.title) == ("✗1", "Thu 2026-11-26 12:00: 2 completed, 1 failed")
    assert early.text == "✓1"
    assert len(made.tiles) == 24 * 3
    assert (made.counts, made.hourly) == ({"completed": 3, "failed": 1}, True)
    assert max(tile.x + tile.width for tile in made.tiles) <= made.width


def test_a_fortnight_has_fourteen_days_at_the_most() -> None:
    made = fortnight_map([happened("2026-01-01T00:00")], BERLIN, NOW)
    assert len(made.tiles) == 24 * 14
    assert not made.days


def test_an_hour_that_the_clocks_show_twice_is_one_tile() -> None:
    twice = [happened("2026-10-25T00:30"), happened("2026-10-25T01:30")]
    made = fortnight_map(twice, BERLIN, at("2026-10-25T12:00"))
    assert tile_of(list(made.tiles), "Sun 2026-10-25 02:00").text == "✓2"


def test_a_crowded_hour_keeps_its_count_short() -> None:
    made = fortnight_map([happened("2026-11-26T11:20")] * 1200, BERLIN, NOW)
    assert tile_of(list(made.tiles), "Thu 2026-11-26 12:00").text == "✓999+"


def test_what_is_due_often_is_shown_by_the_hour() -> None:
    minutes = [NOW + number * timedelta(minutes=1) for number in range(5)]
    days = [NOW + number * timedelta(days=1) for number in range(5)]
    assert is_frequent(minutes, timedelta(days=1))
    assert not is_frequent(days[::-1], timedelta(minutes=1))
    assert is_frequent([], timedelta(hours=5))
    assert not is_frequent([], timedelta(hours=6))
    assert not is_frequent([], None)
