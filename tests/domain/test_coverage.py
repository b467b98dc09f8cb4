"""A hole in the ledger is found, and what one entry stands for is none."""

from datetime import UTC, datetime, timedelta

from worker.domain.coverage import undecided
from worker.domain.timing import Timing

T0 = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TIMING = Timing(every=MINUTE)


def at(minute: int) -> datetime:
    return T0 + minute * MINUTE


def test_every_fire_time_has_its_entry_or_is_told() -> None:
    full = {at(minute): 0 for minute in range(1, 11)}
    assert undecided(TIMING, T0, at(10), full) == []
    full.pop(at(4))
    assert undecided(TIMING, T0, at(10), full) == [at(4)]
    assert undecided(TIMING, T0, at(2), {}) == [at(1), at(2)]


def test_an_entry_can_stand_for_those_before_it() -> None:
    assert undecided(TIMING, T0, at(10), {at(1): 0, at(8): 6, at(9): 0, at(10): 0}) == []
    assert undecided(TIMING, T0, at(10), {at(1): 0, at(8): 6, at(10): 0}) == [at(9)]


def test_what_is_older_than_the_ledger_and_what_was_not_considered_is_not_asked_for() -> None:
    assert undecided(TIMING, T0 - timedelta(days=9), at(2), {at(1): 0, at(2): 0}) == []
    assert undecided(TIMING, at(5), at(6), {at(1): 0, at(6): 0}) == []
