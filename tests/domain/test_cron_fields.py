"""The grammar of cron expressions: what it takes, and what it says about the rest."""

import calendar
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.cron import Cron, CronError
from worker.domain.cronfields import is_hashed, read_fields


@pytest.mark.parametrize(
    ("expression", "numbers"),
    [
        ("* * * * *", "* * * * *"),
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        (" @Midnight ", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("0  2\t* * mon-WED", "0 2 * * 1,2,3"),
        ("0 2 * jan,Dec *", "0 2 * 1,12 *"),
        ("0 2 * * 7", "0 2 * * 0"),
        ("0 2 * * 5-7", "0 2 * * 5,6,0"),
        ("0 2 * * SAT-SUN", "0 2 * * 6,0"),
        ("0 2 * * SUN-TUE", "0 2 * * 0,1,2"),
        ("0 2 * * SUN-SUN", "0 2 * * 0"),
        ("0 2 * * 1-7/2", "0 2 * * 1,3,5,0"),
        ("5-5 * * * *", "5 * * * *"),
        ("5-9/2,1 * * * *", "5,7,9,1 * * * *"),
        ("50/5 * * * *", "50,55 * * * *"),
        ("*/20 */6 */2 */3 */2", "*/20 */6 */2 */3 */2"),
        ("*,5 * * * *", "* * * * *"),
        ("*/30,5 * * * *", "*/30,5 * * * *"),
        ("0 2 5,*/10 * *", "0 2 5,1,11,21,31 * *"),
        ("0 2 * * 5,*/3", "0 2 * * 5,0,3,6"),
        ("0 2 ? * ?", "0 2 * * *"),
        ("0 2 L * *", "0 2 l * *"),
        ("0 2 1,15,l * *", "0 2 1,15,l * *"),
        ("0 2 * * 5L", "0 2 * * l5"),
        ("0 2 * * LFRI,L7", "0 2 * * l5,l0"),
        ("0 2 * * 5#2,MON#1", "0 2 * * 5#2,1#1"),
    ],
)
def test_what_an_expression_means(expression: str, numbers: str) -> None:
    assert read_fields(expression).numbers == numbers


def test_a_sixth_field_is_the_seconds() -> None:
    assert read_fields("1 2 3 4 5 */10", seconds=True).numbers == "1 2 3 4 5 */10"
    assert read_fields("1 2 3 4 5", seconds=True).numbers == "1 2 3 4 5"


@pytest.mark.parametrize(
    ("expression", "fixed"),
    [("0 2 * * *", True), ("0 */2 * * *", False), ("* 2 * * *", False), ("0-59 0-23 * * *", True), ("@daily", True)],
)
def test_fixed_time_goes_by_the_first_letter(expression: str, fixed: bool) -> None:
    assert read_fields(expression).fixed_time is fixed


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("", '"" has 0 fields, not the five: minute, hour, day of month, month, day of week'),
        ("0 2 * *", '"0 2 * *" has 4 fields, not the five: minute, hour, day of month, month, day of week'),
        ("0 0 2 * * *", '"0 0 2 * * *" has six fields; a sixth, the seconds, stands last and needs "seconds: true"'),
        ("0 0 2 * * * 2026", '"0 0 2 * * * 2026" has 7 fields, not the five'),
        ("@reboot", "@reboot has no fire times"),
        ("@every 5m", '@every is no cron expression; write "every: 5m" in place of "cron:"'),
        ("@dayly", '"@dayly" is not known; did you mean "@daily"?'),
        ("60 * * * *", "minute 60 is out of range: 0 to 59"),
        ("* 24 * * *", "hour 24 is out of range: 0 to 23"),
        ("* * 0 * *", "day of month 0 is out of range: 1 to 31"),
        ("* * * 13 *", "month 13 is out of range: 1 to 12"),
        ("* * * * 8", "day of week 8 is out of range: 0 to 7"),
        ("* * * * MOM", 'day of week "MOM" is not known; did you mean "MON"?'),
        ("* * * JULY *", 'month "JULY" is not known; did you mean "JUL"?'),
        ("* * * QQQ *", 'month "QQQ" is not known'),
        ("x * * * *", 'minute "X" is not a number from 0 to 59'),
        ("-5 * * * *", 'minute "-5" cannot be read; write a number, a range 1-5, a list 1,3 or steps */5'),
        ("5, * * * *", 'minute "" cannot be read'),
        ("? * * * *", 'minute "?" cannot be read'),
        ("*/0 * * * *", "minute: a step of 0 leads nowhere; write at least /1"),
        ("1-5/0 * * * *", "minute: a step of 0 leads nowhere"),
        ("* 22-2 * * *", 'hour "22-2" runs backwards; write 22-23,0-2 if that is meant'),
        ("* * * NOV-FEB *", 'month "NOV-FEB" runs backwards; write 11-12,1-2 if that is meant'),
        ("* * 15W * *", 'day of month "15W": W, the nearest working day, is not supported; list the days'),
        ("* * * * L", 'day of week "L" cannot be read or stand beside # and L'),
        ("* * * * 1,5L", 'day of week "1" cannot be read or stand beside # and L'),
        ("* * * * 5#6", 'day of week "5#6": a month has a weekday 1 to 5 times, not 6'),
        ("* * * * 9#1", "day of week 9 is out of range: 0 to 7"),
        ("* * 13 * 5L", "day of week with # or L cannot be combined with a day of month; make it two expressions"),
        ("H * * * *", 'minute "H" is hashed, which needs a name to hash; there is none here'),
    ],
)
def test_errors_name_the_field_and_the_way_out(expression: str, sentence: str) -> None:
    with pytest.raises(CronError) as caught:
        read_fields(expression)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("H(5-1) * * * *", 'minute "H(5-1)" runs backwards'),
        ("H(0-60) * * * *", "minute 60 is out of range: 0 to 59"),
        ("H/0 * * * *", "minute: a step of 0 leads nowhere"),
    ],
)
def test_errors_in_hashed_fields(expression: str, sentence: str) -> None:
    with pytest.raises(CronError) as caught:
        read_fields(expression, hash_id="nightly")
    assert str(caught.value).startswith(sentence)


def test_h_stays_where_it_is() -> None:
    # These never change: a new number would move the schedules of everybody.
    assert read_fields("H H H H H", hash_id="nightly").numbers == "27 12 26 11 1"
    assert read_fields("H/15 H(0-7) * * h,MON", hash_id="nightly").numbers == "12,27,42,57 4 * * 1,1"
    assert read_fields("* * * * * H(0-29)/10", seconds=True, hash_id="nightly").numbers == "* * * * * 8,18,28"


def numbers(field: int, expression: str, name: str) -> list[int]:
    return [int(number) for number in read_fields(expression, hash_id=name).numbers.split()[field].split(",")]


@given(st.text())
def test_h_keeps_within_its_bounds(name: str) -> None:
    assert 0 <= numbers(0, "H * * * *", name)[0] <= 59
    assert 1 <= numbers(2, "0 0 H * *", name)[0] <= 28
    assert 0 <= numbers(4, "0 0 * * H", name)[0] <= 6
    assert 10 <= numbers(0, "H(10-12) * * * *", name)[0] <= 12
    quarters = numbers(0, "H/15 * * * *", name)
    assert quarters == list(range(quarters[0], 60, 15))
    assert len(quarters) == 4
    assert numbers(0, "H(0-5)/60 * * * *", name)[0] <= 5


def test_h_spreads_neighbours_evenly() -> None:
    minutes = Counter(numbers(0, "H * * * *", f"schedule-{number}")[0] for number in range(6000))
    assert set(minutes) == set(range(60))
    assert max(minutes.values()) < 150  # 100 on average


def test_schedules_without_h_do_not_depend_on_their_name() -> None:
    assert not is_hashed("0 2 * MAR THU")
    assert is_hashed("0 2 * * 1,h")
    assert is_hashed("H(0-5)/2 * * * *")
    after = datetime(2026, 1, 1, tzinfo=UTC)
    assert Cron("0 2 * * THU", "UTC", hash_id="a").next(after) == Cron("0 2 * * THU", "UTC", hash_id="b").next(after)
    assert Cron("H 2 * * *", "UTC", hash_id="a").next(after) != Cron("H 2 * * *", "UTC", hash_id="b").next(after)


@pytest.mark.parametrize(
    ("expression", "is_due"),
    [
        ("0 0 L * *", lambda day: day.day == calendar.monthrange(day.year, day.month)[1]),
        ("0 0 15,L 2,4 *", lambda day: day.month in (2, 4) and (day.day == 15 or (day + timedelta(days=1)).day == 1)),
        ("0 0 L * MON", lambda day: day.weekday() == 0 or (day + timedelta(days=1)).day == 1),
        ("0 0 * * FRI#2", lambda day: day.weekday() == 4 and 8 <= day.day <= 14),
        ("0 0 * * MON#1,FRI#5", lambda day: (day.weekday(), (day.day - 1) // 7) in ((0, 0), (4, 4))),
        ("0 0 * 2 SUNL", lambda day: day.month == 2 and day.weekday() == 6 and (day + timedelta(days=7)).month == 3),
        ("0 0 */2 * MONL", lambda day: day.weekday() == 0 and day.day % 2 and (day + timedelta(days=7)).day <= 7),
    ],
)
def test_last_and_nth_days_over_ten_years(expression: str, is_due: object) -> None:
    start = datetime(2023, 12, 31, 12, tzinfo=UTC)
    days = [start + timedelta(hours=12, days=number) for number in range(3653)]
    assert callable(is_due)
    assert list(Cron(expression, "UTC").between(start, days[-1])) == [day for day in days if is_due(day)]


@given(st.text(alphabet="0123456789*/-,#LHW?@ adefimnou()", max_size=30), st.none() | st.just("name"))
def test_any_text_is_read_or_refused_with_a_sentence(text: str, name: str | None) -> None:
    try:
        cron = Cron(text, "UTC", seconds=True, hash_id=name)
    except CronError as error:
        assert str(error)  # noqa: PT017 - most texts are refused, some are not
    else:
        assert cron.next(datetime(2026, 1, 1, tzinfo=UTC)) is not None
