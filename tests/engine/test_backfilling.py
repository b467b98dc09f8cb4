"""From a range to a backfill: which fire times, in which order, how many at once, under which key."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from worker.domain.errors import InvalidInput
from worker.domain.moments import read_end
from worker.domain.schedule import Overlap, Schedule
from worker.engine.backfilling import Found, Order, Wish, find_fires, key_of, make_backfill
from worker.engine.definitions import Backfill, decode_backfill, encode_backfill
from worker.source import lint

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def schedule(tmp_path: Path) -> Any:
    """Make a schedule that is due each hour, with more lines in its file."""

    def make(*lines: str, when: str = 'cron: "0 * * * *"') -> Schedule:
        given = (
            "schedules:",
            "  - name: s",
            "    pipeline: training",
            f"    {when}",
            *(f"    {line}" for line in lines),
        )
        (tmp_path / "s.yaml").write_text("\n".join([*given, ""]))
        found = lint([tmp_path])
        assert not found.faults, found.faults
        return found.schedules[0]

    return make


def wish(hours: float = 3, **more: Any) -> Wish:
    return Wish(begin=BEGIN, end=BEGIN + hours * HOUR, **more)


def hours(found: Found) -> list[int]:
    return [fire.hour for fire in found.fires]


def backfill(schedule: Schedule, wanted: Wish) -> Backfill:
    return make_backfill(schedule, wanted, find_fires(schedule, wanted).fires)


def test_both_ends_of_a_range_belong_to_it(schedule: Any) -> None:
    assert hours(find_fires(schedule(), wish(3))) == [0, 1, 2, 3]
    assert hours(find_fires(schedule(), wish(2.9))) == [0, 1, 2]


def test_what_the_schedule_itself_leaves_out_is_left_out_and_said(schedule: Any) -> None:
    found = find_fires(schedule("start_time: 2026-03-01T02:00:00", "end_time: 2026-03-01T04:00:00"), wish(9))
    assert hours(found) == [2, 3, 4]
    assert [each[:30] for each in found.left_out] == [
        "what lies before its start_tim",
        "what lies after its end_time, ",
    ]
    found = find_fires(schedule("skip_dates: [2026-03-02]"), wish(48))
    assert len(found.fires) == 25
    assert found.left_out == ["24 fire times on days among skip_dates"]
    assert find_fires(schedule("skip_dates: [2026-04-02]"), wish(48)).left_out == []


def test_a_length_counts_from_the_beginning_and_what_is_left_out_stays_so(schedule: Any) -> None:
    found = find_fires(schedule("skip_dates: [2026-03-02]"), wish(30, every=10 * HOUR))
    assert hours(found) == [0, 10, 20]
    assert found.left_out == ["1 fire time on days among skip_dates"]


def test_a_range_is_bounded(schedule: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.engine.backfilling.MOST", 3)
    assert len(find_fires(schedule(), wish(2)).fires) == 3
    for wanted in (wish(3), wish(3, every=HOUR)):
        with pytest.raises(InvalidInput, match="more than 3 fire times"):
            find_fires(schedule(), wanted)


@pytest.mark.parametrize(
    ("own", "asked", "at_once"),
    [
        ("allow", {}, None),
        ("allow", {"max_parallel": 3}, 3),
        ("allow", {"overlap": Overlap.BUFFER_ALL}, 1),
        ("skip", {}, 1),
        ("buffer_one", {}, 1),
        ("cancel_other", {}, 1),
        ("skip", {"overlap": Overlap.ALLOW}, None),
        ("skip", {"max_parallel": 2}, 2),
        ("skip", {"overlap": Overlap.BUFFER_ALL, "max_parallel": 1}, 1),
    ],
)
def test_how_many_run_at_once(own: str, asked: dict[str, Any], at_once: int | None, schedule: Any) -> None:
    assert backfill(schedule(f"overlap: {own}"), wish(**asked)).max_parallel == at_once


@pytest.mark.parametrize("overlap", [Overlap.SKIP, Overlap.BUFFER_ONE, Overlap.CANCEL_OTHER])
def test_a_policy_that_lets_fires_go_is_none_for_a_backfill(overlap: Overlap, schedule: Any) -> None:
    with pytest.raises(InvalidInput, match=f"overlap {overlap} would let all but one go"):
        backfill(schedule(), wish(overlap=overlap))


def test_it_goes_behind_what_is_due_now(schedule: Any) -> None:
    assert backfill(schedule("priority: 3"), wish()).priority == -7
    assert backfill(schedule("priority: 3"), wish(priority=5)).priority == 5


def test_coalesced_it_is_the_newest_over_the_window_from_the_fire_before_the_first(schedule: Any) -> None:
    found = backfill(schedule(), wish(coalesce=True))
    assert (list(found.fires), found.window_start) == ([BEGIN + 3 * HOUR], BEGIN - HOUR)
    assert list(found.coalesced) == [BEGIN, BEGIN + HOUR, BEGIN + 2 * HOUR]
    assert found.mark
    found = backfill(schedule(), wish(4, coalesce=True, every=2 * HOUR))
    assert (list(found.fires), found.window_start) == ([BEGIN + 4 * HOUR], BEGIN - 2 * HOUR)
    alone = backfill(schedule(), wish(0, coalesce=True))
    assert (list(alone.fires), alone.window_start, alone.mark) == ([BEGIN], None, "")


def test_the_same_range_and_options_have_the_same_key(schedule: Any) -> None:
    keys = [
        key_of(backfill(schedule(), wanted))
        for wanted in (
            wish(),
            wish(),
            wish(3.5),
            wish(4),
            wish(order=Order.NEWEST),
            wish(priority=1),
            wish(coalesce=True),
        )
    ]
    assert keys[0] == keys[1] == keys[2]
    assert len(set(keys)) == 5


def test_forced_it_has_a_mark_that_is_the_same_for_the_same_key(schedule: Any) -> None:
    marks = [backfill(schedule(), wish(force=True, key=key)).mark for key in (None, None, "a", "b")]
    assert marks[0] == marks[1] != ""
    assert marks[2:] == ["a", "b"]


def test_a_backfill_survives_the_way_through_redis(schedule: Any) -> None:
    for wanted in (wish(), wish(coalesce=True), wish(force=True, max_parallel=2)):
        made = backfill(schedule(), wanted)
        assert decode_backfill(encode_backfill(made)) == made


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("2026-03-28", "2026-03-28T22:59:59.999999+00:00"),
        ("2026-03-29", "2026-03-29T21:59:59.999999+00:00"),
        ("2026-03-29T12:00", "2026-03-29T10:00:00+00:00"),
        ("2026-03-29T12:00Z", "2026-03-29T12:00:00+00:00"),
    ],
)
def test_the_end_of_a_range_is_the_last_instant_of_its_day(text: str, last: str) -> None:
    assert read_end(text, "Europe/Berlin").astimezone(UTC).isoformat() == last
