"""When schedules are due next, worked out once."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from worker.domain.cron import Cron
from worker.domain.schedule import Schedule, Target
from worker.domain.timing import Timing
from worker.engine.foresight import SLOT, Foresight

NOW = datetime(2026, 3, 2, 10, 2, 30, tzinfo=UTC)
HOURS = timedelta(hours=6)


class Counted:
    """A timing that counts how often it is asked."""

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        self.asked = 0

    def next(self, after: datetime) -> datetime | None:
        self.asked += 1
        return self.timing.next(after)


def schedule(*crons: str, revision: str = "1", **timing: Any) -> Schedule:
    counted: Any = Counted(Timing(crons=tuple(Cron(each, "UTC") for each in crons), **timing))
    return Schedule(
        name="s", target=Target(pipeline="training"), timing=counted, timezone="UTC", when="", revision=revision
    )


def asked(of: Schedule) -> int:
    counted: Any = of.timing
    return int(counted.asked)


def first(foresight: Foresight, of: Schedule, after: datetime) -> datetime | None:
    return asyncio.run(foresight.first([(of, after)])).get(of.name)


def test_a_fire_is_worked_out_once_and_counts_until_it_has_passed() -> None:
    foresight, hourly = Foresight(), schedule("0 * * * *")
    for minute in (3, 10, 59):
        assert first(foresight, hourly, NOW.replace(minute=minute)) == NOW.replace(hour=11, minute=0, second=0)
    assert asked(hourly) == 1
    assert first(foresight, hourly, NOW.replace(hour=11, minute=0, second=0)) == NOW.replace(
        hour=12, minute=0, second=0
    )
    assert asked(hourly) == 2


def test_what_is_never_due_again_is_worked_out_once_too() -> None:
    foresight, over = Foresight(), schedule(at=(NOW - HOURS,))
    assert first(foresight, over, NOW) is None
    assert first(foresight, over, NOW + HOURS) is None
    assert asked(over) == 1


def test_another_timing_or_an_earlier_instant_is_worked_out_anew() -> None:
    foresight, hourly = Foresight(), schedule("0 * * * *")
    assert first(foresight, hourly, NOW + HOURS) == NOW.replace(hour=17, minute=0, second=0)
    assert first(foresight, hourly, NOW) == NOW.replace(hour=11, minute=0, second=0)
    changed = schedule("30 * * * *", revision="2")
    assert first(foresight, changed, NOW) == NOW.replace(hour=10, minute=30, second=0)


def test_what_is_not_defined_any_more_is_forgotten() -> None:
    foresight, hourly = Foresight(), schedule("0 * * * *")
    first(foresight, hourly, NOW)
    foresight.coming(hourly, NOW, NOW + HOURS)
    before = asked(hourly)
    foresight.keep(["s"])
    first(foresight, hourly, NOW)
    assert asked(hourly) == before
    foresight.keep([])
    first(foresight, hourly, NOW)
    assert asked(hourly) == before + 1


def test_what_is_due_seldom_is_listed_in_full() -> None:
    foresight, sparse = Foresight(), schedule("*/5 * * * *")
    coming = foresight.coming(sparse, NOW, NOW + HOURS)
    assert coming == list(Timing(crons=(Cron("*/5 * * * *", "UTC"),)).between(NOW, NOW + HOURS))


def test_of_what_is_due_often_there_is_one_for_each_slot() -> None:
    foresight, dense = Foresight(), schedule(every=timedelta(seconds=1))
    coming = foresight.coming(dense, NOW, NOW + HOURS)
    assert coming[0] == NOW + timedelta(seconds=1)
    assert len({fire.timestamp() // SLOT.total_seconds() for fire in coming}) == len(coming) == HOURS // SLOT + 1
    assert asked(dense) <= len(coming) + 1


def test_as_time_goes_by_only_what_is_new_is_worked_out() -> None:
    foresight, hourly = Foresight(), schedule("0 * * * *")
    before = foresight.coming(hourly, NOW, NOW + HOURS)
    count = asked(hourly)
    later = NOW + timedelta(hours=1)
    after = foresight.coming(hourly, later, later + HOURS)
    assert after == [*before[1:], before[-1] + timedelta(hours=1)]
    assert asked(hourly) - count <= 2
    assert foresight.coming(hourly, later, later + HOURS) == after
    assert asked(hourly) - count <= 2


def test_other_stretches_are_worked_out_anew() -> None:
    foresight, hourly = Foresight(), schedule("0 * * * *")
    far = NOW + timedelta(days=3)
    assert len(foresight.coming(hourly, far, far + HOURS)) == 6
    assert len(foresight.coming(hourly, NOW, NOW + HOURS)) == 6, "an earlier instant"
    changed = replace(schedule("30 * * * *"), revision="2")
    assert foresight.coming(changed, NOW, NOW + HOURS)[0].minute == 30
    assert foresight.coming(schedule(at=(NOW - HOURS,), revision="3"), NOW, NOW + HOURS) == []
