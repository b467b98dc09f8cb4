"""By when a run has to be done, when people may be told, how results are read, and how soon to look again."""

from datetime import UTC, datetime, time, timedelta
from random import Random

import pytest

from worker.domain.deadline import Deadline
from worker.domain.notify import Notify
from worker.domain.results import Result, streak, usual_duration, usual_lateness
from worker.domain.retry import RunRetry
from worker.domain.trigger import (
    AGAIN,
    SHORT,
    Origin,
    Trigger,
    again,
    attempt_id,
    complete_body,
    run_name,
    tags,
    trigger_id,
)
from worker.engine.pace import LATEST_CHECK, QUICKEST, SLOWEST, SOONEST_CHECK, check_after, pace

BERLIN = "Europe/Berlin"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "fire", "by"),
    [
        ("06:00", "2026-03-01T01:00", "2026-03-01T05:00"),
        ("06:00", "2026-03-01T05:00", "2026-03-02T05:00"),  # the very moment is no deadline for itself
        ("06:00", "2026-03-28T06:00", "2026-03-29T04:00"),  # over the night in which an hour is left out
        ("06:00", "2026-10-24T05:00", "2026-10-25T05:00"),  # and over the one in which an hour comes twice
        ("02:30", "2026-03-28T12:00", "2026-03-29T01:00"),  # it does not come: the first moment after the gap
        ("02:30", "2026-10-25T00:15", "2026-10-25T00:30"),  # it comes twice: the next of them
        ("02:30", "2026-10-25T00:45", "2026-10-25T01:30"),
        ("02:30", "2026-10-25T01:45", "2026-10-26T01:30"),
    ],
)
def test_a_deadline_at_a_time_of_day_is_the_next_one_in_its_zone(at: str, fire: str, by: str) -> None:
    assert Deadline(at=time.fromisoformat(at)).instant(utc(fire), BERLIN) == utc(by)


def test_a_deadline_after_the_fire_is_a_length_of_time() -> None:
    before_the_gap = utc("2026-03-29T00:30")
    assert Deadline(after=timedelta(hours=2)).instant(before_the_gap, BERLIN) == utc("2026-03-29T02:30")


@pytest.mark.parametrize(
    ("quiet", "now", "loud"),
    [
        ("22:00-06:00", "2026-03-01T12:00", "2026-03-01T12:00"),
        ("22:00-06:00", "2026-03-01T21:00", "2026-03-02T05:00"),
        ("22:00-06:00", "2026-03-01T03:00", "2026-03-01T05:00"),
        ("22:00-06:00", "2026-03-01T05:00", "2026-03-01T05:00"),  # its end is not within
        ("12:00-13:00", "2026-03-01T11:30", "2026-03-01T12:00"),
        ("22:00-06:00", "2026-03-28T22:00", "2026-03-29T04:00"),
        ("22:00-06:00", "2026-10-24T21:00", "2026-10-25T05:00"),
        ("22:00-02:30", "2026-10-25T01:10", "2026-10-25T01:30"),  # the second 02:10: the second 02:30
        ("06:00-06:00", "2026-03-01T12:00", "2026-03-01T12:00"),
    ],
)
def test_quiet_hours_end_on_the_clock_of_the_schedule(quiet: str, now: str, loud: str) -> None:
    begin, end = map(time.fromisoformat, quiet.split("-"))
    assert Notify(to=("ops",), quiet=(begin, end)).loud_at(utc(now), BERLIN) == utc(loud)


def test_nobody_is_quiet_who_does_not_say_so() -> None:
    assert Notify(to=("ops",)).loud_at(NOON, BERLIN) == NOON


def result(fate: str, **more: object) -> Result:
    given: dict[str, object] = {"trigger": "t", "fate": fate, "ended": NOON, **more}
    return Result(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fates", "count"),
    [
        ("", 0),
        ("failed", 1),
        ("failed dead stuck", 3),
        ("failed stopped vanished failed", 2),  # what somebody has ended says nothing
        ("failed completed failed", 1),
        ("completed failed", 0),
    ],
)
def test_a_streak_goes_back_to_the_last_success(fates: str, count: int) -> None:
    assert streak([result(fate) for fate in fates.split()]) == count


def test_the_usual_is_the_median_of_what_is_known() -> None:
    completed = [result("completed", seconds=float(seconds), lateness_ms=seconds) for seconds in (10, 20, 90)]
    failed = result("failed", seconds=1.0)
    assert usual_duration([*completed, failed]) == timedelta(seconds=20)
    assert usual_lateness([*completed, failed]) == timedelta(milliseconds=20)
    assert usual_duration([failed]) is None
    assert usual_lateness([failed]) is None


def test_a_result_is_newer_by_its_fire_time() -> None:
    early, late = result("completed", fire_time=NOON), result("completed", fire_time=NOON + timedelta(hours=1))
    assert late.newer_than(early)
    assert not early.newer_than(late)
    assert early.newer_than(None)
    assert not result("completed").newer_than(None), "what a person asked for says nothing of the fires"


def test_a_young_run_is_looked_at_often_and_an_old_one_seldom() -> None:
    minute = timedelta(minutes=1)
    assert pace(timedelta(), None, stopping=False) == QUICKEST
    assert pace(minute, None, stopping=False) == timedelta(seconds=6)
    assert pace(10 * 60 * minute, None, stopping=False) == SLOWEST
    assert pace(10 * 60 * minute, None, stopping=True) == QUICKEST


def test_a_run_is_looked_at_more_often_when_it_is_about_to_end() -> None:
    usual = timedelta(minutes=10)
    assert pace(timedelta(minutes=8, seconds=50), usual, stopping=False) == timedelta(seconds=10), "not past 90 %"
    assert pace(timedelta(minutes=9, seconds=30), usual, stopping=False) == timedelta(seconds=12)
    assert pace(timedelta(minutes=12), usual, stopping=False) == timedelta(minutes=1)
    ages = [timedelta(seconds=seconds) for seconds in range(0, 36000, 7)]
    assert {QUICKEST <= pace(age, usual, stopping=False) <= SLOWEST for age in ages} == {True}


def test_a_run_itself_is_asked_for_ever_more_seldom() -> None:
    assert check_after(timedelta(seconds=1)) == SOONEST_CHECK
    assert check_after(timedelta(minutes=5)) == timedelta(minutes=5)
    assert check_after(timedelta(days=1)) == LATEST_CHECK


def trigger(source: str, **config: object) -> Trigger:
    identity = trigger_id(Origin.SCHEDULE, source)
    name = run_name("nightly", identity, NOON)
    body = complete_body(config, name, tags(identity, schedule="nightly"))
    return Trigger(
        id=identity,
        origin=Origin.SCHEDULE,
        source=source,
        pipeline="p",
        run_name=name,
        body=body,
        due=NOON,
        fire_time=NOON,
    )


def test_a_run_once_more_is_the_same_but_for_its_name_and_tag() -> None:
    first = trigger("nightly@1.000", steps={"a": 1}, tags=["mine", {"name": "x"}, "zenbeat:trigger=somebody's"])
    second = again(first, NOON + timedelta(minutes=1))
    third = again(second, NOON + timedelta(minutes=5))
    assert [one.attempt for one in (first, second, third)] == [1, 2, 3]
    assert [one.source for one in (second, third)] == [f"nightly@1.000{AGAIN}2", f"nightly@1.000{AGAIN}3"]
    assert len({one.id for one in (first, second, third)}) == 3
    assert second.fire_time == third.fire_time == NOON
    assert third.run_name[:-SHORT] == first.run_name[:-SHORT]
    for one in (second, third):
        kept = ["mine", {"name": "x"}, "zenbeat:trigger=somebody's", "zenbeat", "zenbeat:schedule=nightly"]
        assert one.body == {**first.body, "run_name": one.run_name, "tags": [*kept, f"zenbeat:trigger={one.id}"]}
        assert list(one.body) == list(first.body)
    for one in (first, second, third):
        assert [attempt_id(one, number) for number in (1, 2, 3)] == [first.id, second.id, third.id]


def test_the_keys_of_callers_may_hold_our_mark() -> None:
    one, other = (again(trigger(f"key{AGAIN}{word}"), NOON) for word in ("a", "b"))
    assert one.id != other.id
    assert attempt_id(one, 1) == trigger(f"key{AGAIN}a").id


def test_the_wait_before_a_run_once_more_doubles_and_is_half_random() -> None:
    retry = RunRetry(max_attempts=20, initial=timedelta(minutes=1), max=timedelta(minutes=5))
    for number, longest in ((1, 1), (2, 2), (3, 4), (4, 5), (19, 5), (200, 5)):
        waits = [retry.delay(number, Random(seed)) / timedelta(minutes=longest) for seed in range(200)]
        assert min(waits) >= 0.5
        assert max(waits) <= 1
        assert max(waits) - min(waits) > 0.4
