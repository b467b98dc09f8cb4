"""Timing: unions, intervals and single instants, with start, end, skipped days and jitter."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.cron import Cron
from worker.domain.timing import Timing, TimingError
from worker.domain.zones import ZoneError

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EARLIEST, LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text if "+" in text else text + "+00:00")


def first(timing: Timing, after: str, count: int) -> list[str]:
    return [fire.strftime("%d %H:%M") for fire in islice(timing.between(at(after), LATEST), count)]


def test_several_crons_are_one_schedule() -> None:
    crons = (Cron("0 2 * * *", "Europe/Berlin"), Cron("0 */12 * * *", "UTC"), Cron("0 1 * * *", "UTC"))
    assert first(Timing(crons=crons), "2026-01-01T00:00", 4) == ["01 01:00", "01 12:00", "02 00:00", "02 01:00"]


def test_every_counts_from_the_epoch() -> None:
    timing = Timing(every=timedelta(seconds=7))
    fire = timing.next(at("2026-01-01T00:00"))
    assert fire is not None
    assert (fire - at("1970-01-01T00:00")) % timedelta(seconds=7) == timedelta()
    assert fire - at("2026-01-01T00:00") <= timedelta(seconds=7)


def test_every_counts_from_its_start() -> None:
    timing = Timing(every=timedelta(hours=5), start_time=at("2026-01-01T10:30+02:00"))
    assert first(timing, "2025-01-01T00:00", 3) == ["01 08:30", "01 13:30", "01 18:30"]
    assert timing.next(at("2026-01-01T13:30")) == at("2026-01-01T18:30")


def test_at_is_due_once_each() -> None:
    timing = Timing(at=(at("2026-01-03T00:00"), at("2026-01-01T02:00+02:00"), at("2026-01-01T00:00")))
    assert list(timing.between(EARLIEST, LATEST)) == [at("2026-01-01T00:00"), at("2026-01-03T00:00")]
    assert timing.next(at("2026-01-03T00:00")) is None


def test_start_and_end_are_included() -> None:
    timing = Timing(
        crons=(Cron("0 0 * * *", "UTC"),), start_time=at("2026-01-02T00:00"), end_time=at("2026-01-04T01:00+01:00")
    )
    assert first(timing, "2020-01-01T00:00", 9) == ["02 00:00", "03 00:00", "04 00:00"]


def test_days_are_skipped_by_the_calendar_of_the_zone() -> None:
    timing = Timing(
        crons=(Cron("0 0,12 * * *", "Asia/Tokyo"),),
        timezone="Asia/Tokyo",
        skip_dates=(date(2026, 1, 5), (date(2026, 1, 2), date(2026, 1, 3))),
    )
    # In UTC midnight in Tokyo is 15:00 of the day before.
    expected = ["31 15:00", "01 03:00", "03 15:00", "04 03:00", "05 15:00"]
    assert first(timing, "2025-12-31T14:00", 5) == expected


def test_a_skipped_year_of_seconds_takes_no_time() -> None:
    timing = Timing(every=timedelta(seconds=1), skip_dates=((date(2026, 1, 1), date(2126, 12, 31)),))
    assert timing.next(at("2026-01-01T00:00")) == at("2127-01-01T00:00")
    assert timing.last(at("2126-01-01T00:00"), at("2025-01-01T00:00")) == at("2025-12-31T23:59:59")


def test_a_day_that_comes_back_after_midnight() -> None:
    """St. John's went back at 00:01 from the 7th into the 6th: the 7th is skipped, the 6th's second last hour not."""
    timing = Timing(
        every=timedelta(minutes=20),
        timezone="America/St_Johns",
        skip_dates=(date(2010, 11, 7),),
        end_time=at("2010-11-08T04:00"),
    )
    # Midnight is 02:30 UTC at first and 03:30 an hour later; the 8th begins at 03:30.
    assert first(timing, "2010-11-07T02:00", 9) == [
        "07 02:20",
        "07 02:40",
        "07 03:00",
        "07 03:20",
        "08 03:40",
        "08 04:00",
    ]


@pytest.mark.parametrize("last", [date(9999, 12, 31), date(9998, 12, 31)])
def test_days_skipped_for_ever(last: date) -> None:
    timing = Timing(every=DAY, timezone="America/New_York", skip_dates=((date(9990, 1, 1), last),))
    assert timing.next(at("9989-12-31T12:00")) == at("9990-01-01T00:00")
    assert timing.next(at("9990-01-01T12:00")) is None


@pytest.mark.parametrize(
    "timing",
    [Timing(every=HOUR), Timing(crons=(Cron("0 * * * *", "UTC"),)), Timing(every=HOUR, skip_dates=(date(2026, 1, 1),))],
)
def test_the_ends_of_the_calendar(timing: Timing) -> None:
    assert timing.next(LATEST) is None
    assert timing.next(EARLIEST) is not None
    assert timing.last(LATEST, LATEST - DAY) is None
    assert timing.last(LATEST, EARLIEST) == at("9998-12-31T23:00")


@pytest.mark.parametrize(
    ("arguments", "around", "expected"),
    [
        ({"every": timedelta(seconds=90)}, "2026-01-01T00:00", timedelta(seconds=90)),
        ({"crons": (Cron("*/5 * * * *", "UTC"),)}, "2026-01-01T00:00", timedelta(minutes=5)),
        ({"crons": (Cron("0 9,17 * * *", "UTC"),)}, "2026-01-01T10:00", timedelta(hours=8)),
        ({"crons": (Cron("0 9,17 * * *", "UTC"),)}, "2026-01-01T17:00", timedelta(hours=16)),
        ({"crons": (Cron("0 9 * * *", "UTC"), Cron("0 10 * * *", "UTC"))}, "2026-01-01T09:00", HOUR),
        ({"crons": (Cron("0 0 1 1 *", "UTC"),)}, "2026-06-01T00:00", timedelta(days=365)),
        ({"crons": (Cron("0 * * * *", "UTC"),), "end_time": at("2026-01-01T00:00")}, "2026-01-01T00:00", HOUR),
        ({"at": (at("2026-01-01T00:00"), at("2026-01-03T00:00"))}, "2026-01-02T00:00", 2 * DAY),
        ({"at": (at("2026-01-01T00:00"), at("2026-01-03T00:00"))}, "2026-01-03T00:00", None),
        ({"at": (at("2026-01-01T00:00"), at("2026-01-03T00:00"))}, "2025-01-02T00:00", None),
    ],
)
def test_period(arguments: Mapping[str, Any], around: str, expected: timedelta | None) -> None:
    assert Timing(**arguments).period(at(around)) == expected


def test_a_year_of_seconds_is_counted_without_walking_through_it() -> None:
    timing = Timing(every=timedelta(seconds=1))
    after, until = at("2025-01-01T00:00"), at("2026-01-01T00:00:00.5")
    assert timing.last(until, after) == at("2026-01-01T00:00")
    assert timing.count_between(after, until, 10**9) == 365 * 86400
    assert timing.count_between(after, until, 1000) == 1000
    assert timing.count_between(after, after, 1000) == 0
    assert timing.count_between(LATEST - DAY, LATEST, 1000) == 0


def test_jitter_is_stable_and_within_its_bounds() -> None:
    timing = Timing(every=HOUR, jitter=timedelta(seconds=60))
    fire = at("2026-01-01T00:00")
    # This never changes: every process has to come to the same instant.
    assert timing.jittered(fire, "nightly").isoformat() == "2026-01-01T00:00:56.202985+00:00"
    assert timing.jittered(at("2026-01-01T01:00+01:00"), "nightly") == timing.jittered(fire, "nightly")
    shifts = [timing.jittered(fire, f"schedule-{number}") - fire for number in range(600)]
    assert timedelta() <= min(shifts) < timedelta(seconds=2)
    assert timedelta(seconds=58) < max(shifts) <= timedelta(seconds=60)
    assert timedelta(seconds=27) < sum(shifts, timedelta()) / 600 < timedelta(seconds=33)
    assert len({timing.jittered(fire + number * HOUR, "nightly") - number * HOUR for number in range(24)}) == 24


def test_no_jitter_moves_nothing() -> None:
    fire = at("2026-01-01T00:00")
    assert Timing(every=HOUR).jittered(fire, "nightly") == fire


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "a schedule needs exactly one of cron, every, at and after"),
        ({"every": HOUR, "at": (EARLIEST,)}, "a schedule needs exactly one of cron, every, at and after"),
        ({"every": timedelta(milliseconds=999)}, "every is too short; the shortest interval is 1s"),
        ({"every": HOUR, "jitter": -HOUR}, "jitter is negative; it can only make a start later"),
        ({"every": HOUR, "start_time": datetime(2026, 1, 1)}, "2026-01-01 00:00:00 has no time zone"),  # noqa: DTZ001
        ({"at": (datetime(2026, 1, 1),)}, "2026-01-01 00:00:00 has no time zone"),  # noqa: DTZ001
        (
            {"every": HOUR, "start_time": at("2026-01-02T00:00"), "end_time": at("2026-01-01T00:00")},
            "end_time is before start_time, so that nothing would ever be due",
        ),
        (
            {"every": HOUR, "skip_dates": ((date(2026, 1, 2), date(2026, 1, 1)),)},
            "skip_dates from 2026-01-02 to 2026-01-01 runs backwards",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(arguments: Mapping[str, Any], sentence: str) -> None:
    with pytest.raises(TimingError) as caught:
        Timing(**arguments)
    assert str(caught.value) == sentence


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(ZoneError, match='did you mean "Europe/Berlin"'):
        Timing(every=HOUR, timezone="Europe/Brelin")


def test_a_timing_is_a_value() -> None:
    timing = Timing(crons=(Cron("0 2 * * *", "UTC"),), skip_dates=(date(2026, 1, 1),))
    assert timing == Timing(crons=(Cron("0 2 * * *", "UTC"),), skip_dates=(date(2026, 1, 1),))
    assert len({timing, Timing(every=HOUR)}) == 2


NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)  # Berlin's clocks are set forward in the night that follows
INSTANTS = st.datetimes(datetime(2026, 3, 1), datetime(2026, 4, 30), timezones=st.just(UTC))  # noqa: DTZ001
CRONS = st.lists(
    st.sampled_from(["*/20 2 * * *", "30 2 * * *", "0 * * * *", "15 */3 * * SUN", "0 12 1,15 * *"]),
    min_size=1,
    max_size=3,
).map(lambda expressions: {"crons": tuple(Cron(expression, "Europe/Berlin") for expression in expressions)})
EVERY = st.timedeltas(timedelta(seconds=60), DAY).map(lambda every: {"every": every})
AT = st.lists(INSTANTS, min_size=1, max_size=5).map(lambda instants: {"at": tuple(instants)})
TIMINGS = st.builds(
    lambda pattern, limits: Timing(timezone="Europe/Berlin", **pattern, **limits),
    CRONS | EVERY | AT,
    st.fixed_dictionaries(
        {},
        optional={
            "start_time": INSTANTS.map(lambda start: min(start, NOON)),
            "end_time": INSTANTS.map(lambda end: max(end, NOON)),
            "skip_dates": st.lists(st.dates(date(2026, 3, 20), date(2026, 4, 5)), max_size=4).map(tuple),
        },
    ),
)
LENGTHS = st.timedeltas(timedelta(), timedelta(hours=9)) | st.timedeltas(timedelta(), timedelta(days=2))


@given(TIMINGS, INSTANTS, LENGTHS)
def test_between_last_and_count_agree(timing: Timing, after: datetime, length: timedelta) -> None:
    until = after + length
    fires = list(timing.between(after, until))
    assert all(earlier < later for earlier, later in pairwise([after, *fires]))
    assert all(timing.next(earlier) == later for earlier, later in pairwise([after, *fires]))
    assert timing.last(until, after) == (fires[-1] if fires else None)
    assert timing.count_between(after, until, 10**6) == len(fires)
    assert timing.count_between(after, until, 3) == min(len(fires), 3)


@given(TIMINGS, INSTANTS)
def test_limits_only_take_away(timing: Timing, after: datetime) -> None:
    pattern = Timing(crons=timing.crons, every=timing.every, at=timing.at, start_time=timing.start_time)
    fires, limited = (set(one.between(after, after + 2 * DAY)) for one in (pattern, timing))
    assert limited <= fires
    assert all(
        fire.astimezone(ZoneInfo(timing.timezone)).date() in timing.skip_dates
        or (timing.end_time is not None and fire > timing.end_time)
        for fire in fires - limited
    )
    assert not any(fire.astimezone(ZoneInfo(timing.timezone)).date() in timing.skip_dates for fire in limited)


@given(TIMINGS, INSTANTS)
def test_the_period_spans_the_instant(timing: Timing, around: datetime) -> None:
    period = timing.period(around)
    if period is not None and timing.crons:
        crons = Timing(crons=timing.crons)
        following = crons.next(around)
        assert following is not None
        assert following - period <= around
        assert crons.next(following - period) == following
