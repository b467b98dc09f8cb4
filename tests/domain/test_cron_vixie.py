"""Cron against Vixie cron: a model that goes minute by minute, at every change of the clocks, and cronsim."""

from datetime import UTC, datetime, timedelta
from itertools import chain, islice, product
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim

from worker.domain.cron import Cron

# An hour, two hours (Troll), half an hour (Lord Howe), at midnight (Cairo, Santiago), winter time as the exception
# (Dublin), and none at all (Kolkata).
ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "America/Santiago",
    "Europe/Dublin",
    "Antarctica/Troll",
    "Asia/Kolkata",
]
FIRST_YEAR, LAST_YEAR = 2018, 2030
NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)

MINUTES = ["0", "30", "15", "45", "59", "*/20", "*/30", "*", "*/7", "0,30", "10-50/20", "5-59", "45-46"]
HOURS = ["2", "1", "3", "0", "23", "*", "*/2", "1,2,3", "0-4", "2-3", "*/3", "1-23/2", "22-23"]
ON_DAYS = [
    "0 0 * * SUN",
    "30 2 * * 7",
    "30 2 1-7 * 0",
    "30 2 */2 * 0",
    "*/20 2 */3 * *",
    "30 2 8-14 3 *",
    "15 2 * * SAT,SUN",
    "45 1 1-7 4,10,11 SUN",
    "0 0 * 4,9 FRI",
    "30 23 * * */6",
    "0 0 1 1 *",
    "0 3 31 * *",
    "59 23 31 12 *",
    "*/15 0-3 * 3-4 *",
    "30 1 25-31 3,10 0",
    "0 */4 * * 1-5",
    "30 1 * * 0-2",
    "10 2 25-31 * */7",
    "0 1 29 * 6",
    "20 0-23 * * 7-7",
    "30 1 5-5 * *",
    "0 2 1-31 * MON",
    "0 2 * * 0-6",
    "0 0-23/6 * 10 *",
    "5/20 2 * * *",
    "0 2/12 * * *",
    "30 0 1,15,24 * *",
    "*/10 1 4-6 * 0",
    "45 2 * 6-10 *",
]
EXPRESSIONS = [f"{minute} {hour} * * *" for minute, hour in product(MINUTES, HOURS)] + ON_DAYS
POLICIES = [("shift", "first"), ("skip", "first"), ("shift", "last"), ("shift", "both")]
SPREAD = 61  # no divisor in common with len(EXPRESSIONS), so that every expression has its turn


def test_there_are_enough_expressions() -> None:
    assert len(EXPRESSIONS) == 198
    assert len(set(EXPRESSIONS)) == len(EXPRESSIONS)


@pytest.mark.parametrize("zone", ZONES)
def test_as_vixie_cron_at_every_change_of_the_clocks(vixie: ModuleType, zone: str) -> None:
    turn = ZONES.index(zone) * 17
    for change in [*vixie.changes(zone, FIRST_YEAR, LAST_YEAR), NEW_YEAR]:
        start, end = change - timedelta(hours=14), change + timedelta(hours=16)
        clock = vixie.Clock(zone, start, end)
        for _ in range(8):
            turn += 1
            expression = EXPRESSIONS[turn * SPREAD % len(EXPRESSIONS)]
            gap, fold = POLICIES[turn % 4]
            cron = Cron(expression, zone, gap=gap, fold=fold)  # type: ignore[arg-type]
            fires = list(cron.between(start - timedelta(minutes=1), end))
            assert fires == clock.fires(expression, gap, fold), (zone, change, expression, gap, fold)


@pytest.mark.parametrize("zone", ZONES)
def test_the_same_from_wherever_it_starts(vixie: ModuleType, zone: str) -> None:
    """Start at every fifth minute around a change, in the gap and the fold too, a little beside the full minute."""
    turn = ZONES.index(zone) * 5
    for change in [*vixie.changes(zone, 2024, 2027), NEW_YEAR]:
        start, end = change - timedelta(hours=5), change + timedelta(hours=5)
        turn += 1
        expression = EXPRESSIONS[turn * SPREAD % len(EXPRESSIONS)]
        cron = Cron(expression, zone, fold=("first", "last", "both")[turn % 3])  # type: ignore[arg-type]
        fires = list(cron.between(start, end))
        for minutes in range(0, 600, 5):
            after = start + timedelta(minutes=minutes, microseconds=minutes % 3)
            following = next((fire for fire in fires if fire > after), None)
            found = cron.next(after)
            assert found == following or (following is None and found is not None and found > end), (expression, after)


@pytest.mark.parametrize("zone", [zone for zone in ZONES if zone != "Australia/Lord_Howe"])
def test_a_second_opinion(zone: str) -> None:
    """cronsim follows the same rules; it is wrong on half-hour shifts, and if started inside a fold."""
    start = datetime(2026, 1, 1, tzinfo=ZoneInfo(zone))
    special = ["0 0 L * *", "30 2 * * SUN#2", "0 12 * * FRI#5", "0 0 * * 5L", "30 1 1,L * *", "0 0 L 2 *", "15 3 L * 1"]
    # cronsim does not take ranges over one number and such; 7-7 is the only one of them here.
    for expression in chain(special, islice(EXPRESSIONS, ZONES.index(zone), None, 11), ON_DAYS):
        cron = Cron(expression, zone)
        end = start + timedelta(days=4000) if expression in special else start + timedelta(days=365)
        theirs = CronSim(expression, start)
        ours = islice(cron.between(start, end), 150)
        for fire in ours:
            assert fire == next(theirs).astimezone(UTC), (zone, expression)
