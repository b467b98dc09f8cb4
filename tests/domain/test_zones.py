"""Segments: every change of a zone's clocks is found, and local times become the instants they mean."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.zones import (
    BEGINNING,
    END,
    Fold,
    Gap,
    Segment,
    ZoneError,
    find_zone,
    local_instants,
    resolve_local,
    segments_from,
)

# The zones with the shortest time between two changes, and with changes beside a new year or by a whole day.
RESTLESS = [
    "Asia/Gaza",
    "Africa/Casablanca",
    "America/Noronha",
    "Africa/Cairo",
    "Pacific/Apia",
    "America/Argentina/Tucuman",
]


def segments(zone: str, first_year: int, last_year: int) -> list[Segment]:
    start, end = (datetime(year, 1, 1, tzinfo=UTC) for year in (first_year, last_year + 1))
    return [segment for segment in islice(segments_from(ZoneInfo(zone), start), 400) if segment.start < end]


@pytest.mark.parametrize("zone", [*RESTLESS, "Europe/Berlin", "Asia/Kolkata"])
def test_segments_begin_where_the_clocks_are_set(vixie: ModuleType, zone: str) -> None:
    found = segments(zone, 1998, 2042)
    assert all(earlier.end == later.start for earlier, later in pairwise(found))
    moved = [later.start for earlier, later in pairwise(found) if earlier.offset != later.offset]
    assert moved == vixie.changes(zone, 1998, 2042)


@given(st.sampled_from(RESTLESS), st.datetimes(datetime(1890, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_segment_keeps_its_offset(zone: str, instant: datetime) -> None:
    segment = next(segments_from(ZoneInfo(zone), instant))
    assert segment.start <= instant < segment.end
    assert segment.wall(instant) == instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
    assert segment.instant(segment.wall(instant)) == instant


def test_what_a_segment_knows_about_its_neighbours() -> None:
    winter, summer, autumn = segments("Europe/Berlin", 2026, 2026)
    assert [segment.offset // timedelta(hours=1) for segment in (winter, summer, autumn)] == [1, 2, 1]
    assert winter.missing_from == winter.wall(winter.start)
    assert autumn.repeated_from.isoformat() == "9999-12-31T23:59:59.999999"
    assert summer.wall(summer.start).isoformat() == "2026-03-29T03:00:00"
    assert summer.missing_from.isoformat() == "2026-03-29T02:00:00"
    assert summer.repeat_until.isoformat() == "0001-01-01T00:00:00"
    assert summer.repeated_from.isoformat() == "2026-10-25T02:00:00"
    assert autumn.repeat_until.isoformat() == "2026-10-25T03:00:00"


def test_a_new_year_does_not_hide_a_change_beside_it() -> None:
    """Segments end with the year, but know what happens beyond: Lisbon jumped into 1912, São Tomé back into 2019."""
    jumped = segments("Europe/Lisbon", 1912, 1912)[0]
    assert (jumped.missing_from.isoformat(), jumped.wall(jumped.start).isoformat()) == (
        "1911-12-31T23:23:15",
        "1912-01-01T00:00:00",
    )
    first, second = segments("Africa/Sao_Tome", 2019, 2019)
    assert first.end == second.start == datetime(2019, 1, 1, 1, tzinfo=UTC)
    assert first.repeated_from.isoformat() == "2019-01-01T01:00:00"
    assert second.repeat_until.isoformat() == "2019-01-01T02:00:00"


def test_segments_end_with_the_calendar() -> None:
    zone = ZoneInfo("America/New_York")
    earliest, latest = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert next(segments_from(zone, earliest)).start == BEGINNING
    assert [segment.end for segment in segments_from(zone, END - timedelta(days=1))] == [END]
    assert list(segments_from(zone, END)) == []
    assert list(segments_from(zone, latest)) == []


@pytest.mark.parametrize(
    ("zone", "naive", "gap", "fold", "expected"),
    [
        ("Europe/Berlin", "2026-07-01T08:00", "shift", "first", ["2026-07-01T08:00+02:00"]),
        ("Europe/Berlin", "2026-03-29T02:30", "shift", "first", ["2026-03-29T03:00+02:00"]),
        ("Europe/Berlin", "2026-03-29T02:00:00.5", "shift", "first", ["2026-03-29T03:00+02:00"]),
        ("Europe/Berlin", "2026-03-29T02:59:59.999999", "shift", "first", ["2026-03-29T03:00+02:00"]),
        ("Europe/Berlin", "2026-03-29T03:00", "skip", "first", ["2026-03-29T03:00+02:00"]),
        ("Europe/Berlin", "2026-03-29T02:30", "skip", "first", []),
        ("Europe/Berlin", "2026-10-25T02:30", "shift", "first", ["2026-10-25T02:30+02:00"]),
        ("Europe/Berlin", "2026-10-25T02:30", "shift", "last", ["2026-10-25T02:30+01:00"]),
        ("Europe/Berlin", "2026-10-25T02:30", "shift", "both", ["2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00"]),
        ("Australia/Lord_Howe", "2026-10-04T02:15", "shift", "first", ["2026-10-04T02:30+11:00"]),
        ("Pacific/Apia", "2011-12-30T12:00", "shift", "first", ["2011-12-31T00:00+14:00"]),
        ("America/New_York", "9999-12-31T23:59:59", "shift", "first", ["9999-12-31T23:59:59+00:00"]),
        ("Asia/Tokyo", "0001-01-01T00:00", "shift", "first", ["0001-01-01T00:00+00:00"]),
    ],
)
def test_local_instants(zone: str, naive: str, gap: Gap, fold: Fold, expected: list[str]) -> None:
    found = local_instants(datetime.fromisoformat(naive), ZoneInfo(zone), gap=gap, fold=fold)
    assert found == tuple(map(datetime.fromisoformat, expected))
    assert all(instant.tzinfo is UTC for instant in found)


def test_resolve_local() -> None:
    fold, gap = datetime.fromisoformat("2026-10-25T02:30"), datetime.fromisoformat("2026-03-29T02:30")
    assert resolve_local(fold, "Europe/Berlin").isoformat() == "2026-10-25T00:30:00+00:00"
    assert resolve_local(fold, "Europe/Berlin", fold="both").isoformat() == "2026-10-25T00:30:00+00:00"
    assert resolve_local(gap, "Europe/Berlin").isoformat() == "2026-03-29T01:00:00+00:00"
    with pytest.raises(ZoneError) as caught:
        resolve_local(gap, "Europe/Berlin", gap="skip")
    assert str(caught.value) == "2026-03-29 02:30 does not exist in Europe/Berlin: the clocks are set forward over it"


@pytest.mark.parametrize("name", ["Europe/Berln", "Europe", "", "/etc/passwd", "../UTC", "UTC\0"])
def test_unknown_zones(name: str) -> None:
    with pytest.raises(ZoneError, match="is not known"):
        find_zone(name)
