from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.duration import DurationError, format_duration, parse_duration


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
        ("1h30m", timedelta(minutes=90)),
        (" 1h 30m ", timedelta(minutes=90)),
        ("1.5h", timedelta(minutes=90)),
        ("2d", timedelta(days=2)),
        ("1w", timedelta(weeks=1)),
        ("500ms", timedelta(milliseconds=500)),
        ("1m500ms", timedelta(seconds=60.5)),
        ("0.1ms", timedelta(microseconds=100)),
        (90, timedelta(seconds=90)),
        (0.5, timedelta(milliseconds=500)),
        ("90", timedelta(seconds=90)),
        (0, timedelta()),
        ("0s", timedelta()),
    ],
)
def test_what_is_read(value: str | int | float, expected: timedelta) -> None:
    assert parse_duration(value) == expected


@pytest.mark.parametrize(
    "value",
    ["", "h", "5 minutes", "5M", "-5s", "1h-30m", "1h30", "5m!", "٥m", -1, True, float("nan"), float("inf"), "1e3s"],
)
def test_what_is_refused(value: str | int | float) -> None:
    with pytest.raises(DurationError) as caught:
        parse_duration(value)
    assert str(caught.value) == (
        f'"{value}" is not a length of time; write a number and a unit (ms, s, m, h, d, w), such as 90s or 1h30m'
    )


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("1h2h", '"1h2h" names a unit twice; add the two up'),
        ("9999999999d", '"9999999999d" is too long: a length of time ends at 999999999 days'),
        ("9" * 400 + "w", f'"{"9" * 400}w" is too long: a length of time ends at 999999999 days'),
    ],
)
def test_other_refusals(value: str, sentence: str) -> None:
    with pytest.raises(DurationError) as caught:
        parse_duration(value)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (timedelta(minutes=90), "1h30m"),
        (timedelta(days=14), "14d"),
        (timedelta(), "0s"),
        (timedelta(milliseconds=1500), "1s500ms"),
        (timedelta(microseconds=1500), "1.5ms"),
        (timedelta(microseconds=1), "0.001ms"),
        (timedelta(seconds=-90), "-1m30s"),
    ],
)
def test_how_it_is_written(length: timedelta, expected: str) -> None:
    assert format_duration(length) == expected


@given(st.timedeltas(min_value=timedelta()))
def test_what_is_written_can_be_read(length: timedelta) -> None:
    assert parse_duration(format_duration(length)) == length
