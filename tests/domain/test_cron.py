"""Cron: the table of known cases, the policies, and the promises of its interface."""

import pickle
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.cron import Cron, CronError

BERLIN_GAP, BERLIN_FOLD = "2026-03-29", "2026-10-25"
NEW_YORK_GAP, NEW_YORK_FOLD = "2026-03-08", "2026-11-01"
LORD_HOWE_GAP, LORD_HOWE_FOLD = "2026-10-04", "2026-04-05"


def night(zone: str, day: str, expression: str, **options: str) -> list[str]:
    """Return what is due from 01:00 to 03:59 local time, as `HH:MM±offset`; 02:00+01:00 is not 02:00+02:00."""
    clock = ZoneInfo(zone)
    one, four = (datetime.fromisoformat(f"{day}T{hour}").replace(tzinfo=clock) for hour in ("00:59:59", "03:59:59"))
    fires = Cron(expression, zone, **options).between(one, four)
    return [fire.astimezone(clock).isoformat()[11:].replace(":00+", "+").replace(":00-", "-") for fire in fires]


@pytest.mark.parametrize(
    ("zone", "day", "expression", "expected"),
    [
        ("Europe/Berlin", BERLIN_GAP, "30 2 * * *", "03:00+02:00"),
        ("Europe/Berlin", BERLIN_GAP, "0 */2 * * *", ""),
        ("Europe/Berlin", BERLIN_GAP, "*/20 2 * * *", ""),
        ("Europe/Berlin", BERLIN_GAP, "30 1,2,3 * * *", "01:30+01:00 03:00+02:00 03:30+02:00"),
        ("Europe/Berlin", BERLIN_GAP, "0,30 2,3 * * *", "03:00+02:00 03:30+02:00"),
        ("Europe/Berlin", BERLIN_FOLD, "30 2 * * *", "02:30+02:00"),
        ("Europe/Berlin", BERLIN_FOLD, "30 * * * *", "01:30+02:00 02:30+02:00 02:30+01:00 03:30+01:00"),
        ("Europe/Berlin", BERLIN_FOLD, "0 */2 * * *", "02:00+02:00 02:00+01:00"),
        (
            "Europe/Berlin",
            BERLIN_FOLD,
            "*/20 2 * * *",
            "02:00+02:00 02:20+02:00 02:40+02:00 02:00+01:00 02:20+01:00 02:40+01:00",
        ),
        ("America/New_York", NEW_YORK_GAP, "30 2 * * *", "03:00-04:00"),
        ("America/New_York", NEW_YORK_FOLD, "30 1 * * *", "01:30-04:00"),
        (
            "America/New_York",
            NEW_YORK_FOLD,
            "*/30 1 * * *",
            "01:00-04:00 01:30-04:00 01:00-05:00 01:30-05:00",
        ),
        ("Australia/Lord_Howe", LORD_HOWE_GAP, "15 2 * * *", "02:30+11:00"),
        ("Australia/Lord_Howe", LORD_HOWE_GAP, "0 * * * *", "01:00+10:30 03:00+11:00"),
        ("Australia/Lord_Howe", LORD_HOWE_GAP, "30 * * * *", "01:30+10:30 02:30+11:00 03:30+11:00"),
        ("Australia/Lord_Howe", LORD_HOWE_FOLD, "45 1 * * *", "01:45+11:00"),
        ("Australia/Lord_Howe", LORD_HOWE_FOLD, "30 * * * *", "01:30+11:00 01:30+10:30 02:30+10:30 03:30+10:30"),
        ("Australia/Lord_Howe", LORD_HOWE_FOLD, "0 */2 * * *", "02:00+10:30"),
    ],
)
def test_the_night_the_clocks_are_set(zone: str, day: str, expression: str, expected: str) -> None:
    assert night(zone, day, expression) == expected.split()


@pytest.mark.parametrize(
    ("zone", "day", "expression", "options", "expected"),
    [
        ("Europe/Berlin", BERLIN_GAP, "30 2 * * *", {"gap": "skip"}, ""),
        ("Europe/Berlin", BERLIN_GAP, "30 1,2,3 * * *", {"gap": "skip"}, "01:30+01:00 03:30+02:00"),
        ("Europe/Berlin", BERLIN_FOLD, "30 2 * * *", {"fold": "last"}, "02:30+01:00"),
        ("Europe/Berlin", BERLIN_FOLD, "30 2 * * *", {"fold": "both"}, "02:30+02:00 02:30+01:00"),
        ("Europe/Berlin", BERLIN_FOLD, "30 1,2,3 * * *", {"fold": "last"}, "01:30+02:00 02:30+01:00 03:30+01:00"),
        ("Australia/Lord_Howe", LORD_HOWE_FOLD, "45 1 * * *", {"fold": "last"}, "01:45+10:30"),
        # A wildcard job runs by elapsed time, whatever the policies say.
        (
            "Europe/Berlin",
            BERLIN_FOLD,
            "30 * * * *",
            {"fold": "last"},
            "01:30+02:00 02:30+02:00 02:30+01:00 03:30+01:00",
        ),
        ("Europe/Berlin", BERLIN_GAP, "30 * * * *", {"gap": "skip"}, "01:30+01:00 03:30+02:00"),
    ],
)
def test_policies_change_fixed_time_jobs_only(
    zone: str, day: str, expression: str, options: dict[str, str], expected: str
) -> None:
    assert night(zone, day, expression, **options) == expected.split()


@pytest.mark.parametrize(
    ("zone", "expression", "after", "expected"),
    [
        # Asked inside the second pass, the first is over: cronsim answers 02:30+02:00 here, which is in the past.
        ("Europe/Berlin", "30 2 * * *", "2026-10-25T02:10+01:00", "2026-10-26T02:30+01:00"),
        # Cairo's clocks jump at midnight.
        ("Africa/Cairo", "@daily", "2026-04-23T12:00+02:00", "2026-04-24T01:00+03:00"),
        ("Africa/Cairo", "@daily", "2026-04-24T01:00+03:00", "2026-04-25T00:00+03:00"),
        # Santiago's go back at midnight: 23:30 comes twice, on one date.
        ("America/Santiago", "30 23 * * *", "2026-04-04T23:30-03:00", "2026-04-05T23:30-04:00"),
        # Two hours at once.
        ("Antarctica/Troll", "30 1,2 * * *", "2026-03-29T00:59+00:00", "2026-03-29T03:00+02:00"),
        ("Asia/Kolkata", "15 9 * * MON-FRI", "2026-03-27T09:15+05:30", "2026-03-30T09:15+05:30"),
        # Kazakhstan changed its standard offset: 23:30 came twice.
        ("Asia/Almaty", "30 23 * * *", "2024-02-29T23:29+06:00", "2024-02-29T23:30+06:00"),
        ("Asia/Almaty", "30 23 * * *", "2024-02-29T23:30+06:00", "2024-03-01T23:30+05:00"),
        # Lisbon went from 23:23:15 straight to the new year, which is where segments end too.
        ("Europe/Lisbon", "30 23 31 12 *", "1911-12-31T23:59+00:00", "1912-01-01T00:00+00:00"),
        # São Tomé went back to 01:00 on a new year's morning.
        ("Africa/Sao_Tome", "30 1 1 1 *", "2018-12-31T00:00+01:00", "2019-01-01T01:30+01:00"),
        ("Africa/Sao_Tome", "30 1 1 1 *", "2019-01-01T01:30+01:00", "2020-01-01T01:30+00:00"),
        # The year is another one in UTC, on either side.
        ("Europe/Berlin", "45 * * * *", "2026-01-01T00:00+01:00", "2026-01-01T00:45+01:00"),
        ("America/New_York", "45 * * * *", "2025-12-31T23:00-05:00", "2025-12-31T23:45-05:00"),
        # Apia had no 30 December 2011.
        ("Pacific/Apia", "0 12 30 12 *", "2011-12-01T00:00+00:00", "2011-12-31T00:00+14:00"),
    ],
)
def test_places_with_habits_of_their_own(zone: str, expression: str, after: str, expected: str) -> None:
    assert Cron(expression, zone).next(datetime.fromisoformat(after)) == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("0 0 29 2 *", "2026-01-01T00:00", "2028-02-29T00:00"),
        ("0 0 29 2 *", "2096-03-01T00:00", "2104-02-29T00:00"),
        # On a Sunday: the longest wait the calendar has, 40 years. */7 is Sunday and begins with *, hence AND.
        ("0 0 29 2 */7", "2088-02-29T00:00", "2128-02-29T00:00"),
        ("0 0 13 * FRI", "2026-02-01T00:00", "2026-02-06T00:00"),
        ("0 0 13 * FRI", "2026-02-12T00:00", "2026-02-13T00:00"),
        ("0 0 */13 * FRI", "2026-02-12T00:00", "2026-02-27T00:00"),
        ("0 0 31 * *", "2026-04-01T00:00", "2026-05-31T00:00"),
        ("0 0 31 2 MON", "2026-02-01T00:00", "2026-02-02T00:00"),
        ("59 23 31 12 *", "2026-12-31T23:59", "2027-12-31T23:59"),
    ],
)
def test_days_and_years(expression: str, after: str, expected: str) -> None:
    assert Cron(expression, "UTC").next(datetime.fromisoformat(after + "Z")) == datetime.fromisoformat(expected + "Z")


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("* * * * * */15", "2026-01-01T00:00:14.999999", "2026-01-01T00:00:15"),
        ("* * * * * */15", "2026-01-01T00:00:45", "2026-01-01T00:01:00"),
        ("0 2 * * * 30", "2026-01-01T02:00:30", "2026-01-02T02:00:30"),
        ("0 2 * * *", "2026-01-01T00:00:00", "2026-01-01T02:00:00"),
    ],
)
def test_seconds_stand_last(expression: str, after: str, expected: str) -> None:
    fire = Cron(expression, "UTC", seconds=True).next(datetime.fromisoformat(after + "Z"))
    assert fire == datetime.fromisoformat(expected + "Z")


def test_seconds_that_fall_into_a_gap_make_one_fire() -> None:
    cron = Cron("30 2 * * * */10", "Europe/Berlin", seconds=True)
    after = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert list(cron.between(after, after + timedelta(days=1))) == [datetime(2026, 3, 29, 1, tzinfo=UTC)]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Pacific/Kiritimati"])
def test_the_ends_of_the_calendar(zone: str) -> None:
    earliest, latest = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    hourly, leap_day = Cron("0 * * * *", zone), Cron("0 0 29 2 *", zone)
    assert hourly.next(latest) is None
    assert hourly.next(latest - timedelta(days=364)) is None
    assert leap_day.next(datetime(9996, 3, 1, tzinfo=UTC)) is None
    assert hourly.next(earliest) is not None
    assert list(hourly.between(latest - timedelta(days=1), latest)) == []


def test_a_cron_is_a_value() -> None:
    cron = Cron("0 2 * * *", "Europe/Berlin")
    assert cron == Cron("0 2 * * *", "Europe/Berlin")
    assert len({cron, Cron("0 2 * * *", "Europe/Berlin"), Cron("0 2 * * *", "UTC")}) == 2
    after = datetime(2026, 1, 1, tzinfo=UTC)
    assert pickle.loads(pickle.dumps(cron)).next(after) == cron.next(after)  # noqa: S301 - our own bytes


def test_an_instant_needs_a_time_zone() -> None:
    with pytest.raises(TypeError):
        Cron("0 2 * * *", "UTC").next(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"timezone": "Europe/Berln"}, 'time zone "Europe/Berln" is not known; did you mean "Europe/Berlin"?'),
        ({"timezone": "Europe"}, 'time zone "Europe" is not known'),
        ({"timezone": "/etc/passwd"}, 'time zone "/etc/passwd" is not known'),
        ({"gap": "shfit"}, 'gap "shfit" is not one of shift, skip; did you mean "shift"?'),
        ({"fold": "Last"}, 'fold "Last" is not one of first, last, both; did you mean "last"?'),
        ({"expression": "0 0 31 2 *"}, '"0 0 31 2 *" never matches'),
        ({"expression": "0 0 30,31 FEB */2"}, '"0 0 30,31 FEB */2" never matches'),
    ],
)
def test_errors_are_sentences(options: dict[str, str], sentence: str) -> None:
    arguments = {"expression": "0 2 * * *", "timezone": "UTC"} | options
    with pytest.raises(CronError) as caught:
        Cron(**arguments)  # type: ignore[arg-type] - wrong on purpose
    assert str(caught.value).startswith(sentence)


EXPRESSIONS = st.sampled_from(
    [
        "* * * * *",
        "*/20 2 * * *",
        "30 2 * * *",
        "30 1-3 * * *",
        "0 */2 * * *",
        "15 23 1,15 * MON",
        "0 0 29 2 *",
        "0 0 L * *",
    ]
)
ZONES = st.sampled_from(
    [
        "Europe/Berlin",
        "Australia/Lord_Howe",
        "Africa/Cairo",
        "America/St_Johns",
        "Africa/Casablanca",
        "Asia/Gaza",
        "Pacific/Apia",
    ]
)
CRONS = st.builds(
    Cron, EXPRESSIONS, ZONES, gap=st.sampled_from(["shift", "skip"]), fold=st.sampled_from(["first", "last", "both"])
)
INSTANTS = st.datetimes(datetime(1971, 1, 1), datetime(2150, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds UTC


@given(CRONS, INSTANTS)
def test_next_is_later_and_nothing_is_between(cron: Cron, after: datetime) -> None:
    fire = cron.next(after)
    assert fire is not None
    assert fire > after
    assert fire.tzinfo is UTC
    assert cron.next(after + (fire - after) / 2) == fire
    assert cron.next(fire - timedelta(microseconds=1)) == fire


@given(CRONS, INSTANTS, st.timedeltas(timedelta(), timedelta(hours=8)))
def test_between_is_next_again_and_again(cron: Cron, after: datetime, length: timedelta) -> None:
    fires = list(cron.between(after, after + length))
    assert all(earlier < later for earlier, later in pairwise([after, *fires]))
    assert all(cron.next(earlier) == later for earlier, later in pairwise([after, *fires]))
    following = cron.next(fires[-1] if fires else after)
    assert following is None or following > after + length
