"""The small rules: retries, derived names, catch-up decisions, errors."""

from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.catchup import MOST_CAUGHT_UP, MOST_COUNTED, catchup_in_words, decide, upcoming
from worker.domain.errors import AtCapacity, Fault, InvalidInput, NotSent, Refused, Unclear, ZenMLError
from worker.domain.outcome import Decision
from worker.domain.retry import LONGEST_RETRY_AFTER, RetryPolicy
from worker.domain.schedule import CatchUp, Schedule, Target, catchup_window
from worker.domain.timing import Timing
from worker.domain.trigger import (
    KEY_ATTEMPTS,
    Origin,
    complete_body,
    idempotency_key,
    run_name,
    schedule_source,
    tags,
    trial_source,
    trigger_id,
)

T0 = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@given(st.integers(1, 10_000), st.integers(0, 2**32))
def test_a_delay_stays_below_its_ceiling(attempt: int, seed: int) -> None:
    policy = RetryPolicy(initial=timedelta(seconds=2), max=timedelta(minutes=5))
    ceiling = min(timedelta(minutes=5), timedelta(seconds=2) * 2 ** min(attempt - 1, 30))
    assert timedelta(0) <= policy.delay(attempt, Random(seed)) <= ceiling


def test_a_server_that_names_a_wait_gets_at_least_that_and_never_ten_years() -> None:
    policy = RetryPolicy()
    assert policy.delay(1, Random(1), retry_after=7) >= timedelta(seconds=7)
    assert policy.delay(1, Random(1), retry_after=3e8) == LONGEST_RETRY_AFTER
    assert policy.delay(1, Random(1), retry_after=-5) >= timedelta(0)


def test_attempts_are_counted() -> None:
    assert RetryPolicy(max_attempts=3).allows(2)
    assert not RetryPolicy(max_attempts=3).allows(3)


def test_ids_are_derived_and_never_change() -> None:
    source = schedule_source("nightly", T0)
    assert source == "nightly@1772445600.000"
    # Frozen: another value would make every known trigger unknown, and start its run again.
    assert trigger_id(Origin.SCHEDULE, source) == trigger_id(Origin.SCHEDULE, source)
    assert trigger_id(Origin.SCHEDULE, source) == FROZEN_ID
    assert trigger_id(Origin.CLI, source) != trigger_id(Origin.SCHEDULE, source)
    assert trial_source("s", 3) == "s#3"


FROZEN_ID = "dd274e44-6c33-5c22-81fe-4735d23b56fe"


@given(st.text(max_size=400))
def test_a_run_name_fits_and_holds_no_braces(stem: str) -> None:
    name = run_name(stem, FROZEN_ID, T0)
    assert len(name) <= 255
    assert "{" not in name
    assert "}" not in name
    assert name.endswith(f"-20260302T100000Z-{UUID(FROZEN_ID).hex[:12]}")
    assert not name.startswith("-")


def test_tags_and_body_name_the_trigger_and_keep_the_users_own() -> None:
    own = tags("id", schedule="s")
    assert own == ["zenbeat", "zenbeat:schedule=s", "zenbeat:trigger=id"]
    assert tags("id", sweep="w") == ["zenbeat", "zenbeat:sweep=w", "zenbeat:trigger=id"]
    assert tags("id") == ["zenbeat", "zenbeat:trigger=id"]
    body = complete_body({"tags": ["mine"], "steps": {}, "run_name": "x"}, "n", own)
    assert body == {"tags": ["mine", *own], "steps": {}, "run_name": "n"}


def test_an_idempotency_key_is_a_uuid_of_everything_that_matters() -> None:
    key = idempotency_key(FROZEN_ID, "/u", b"{}", 0, 0)
    assert UUID(key).version == 5
    others = {
        idempotency_key(FROZEN_ID, "/v", b"{}", 0, 0),
        idempotency_key(FROZEN_ID, "/u", b"[]", 0, 0),
        idempotency_key(FROZEN_ID, "/u", b"{}", 1, 0),
    }
    assert len({key, *others}) == 4
    assert idempotency_key(FROZEN_ID, "/u", b"{}", 0, KEY_ATTEMPTS - 1) == key
    assert idempotency_key(FROZEN_ID, "/u", b"{}", 0, KEY_ATTEMPTS) != key


def test_errors_say_whether_to_try_again() -> None:
    table = [(error.retryable, error.ambiguous) for error in (Refused, AtCapacity, NotSent, Unclear)]
    assert table == [(False, False), (True, False), (True, False), (True, True)]
    assert ZenMLError("x").code == "ZenMLError"
    assert NotSent("x", code="dns", retry_after=3).retry_after == 3


def test_a_fault_names_its_place() -> None:
    fault = Fault(file="a.yaml", line=3, column=5, path="schedules.0.cron", message="no such field")
    assert str(fault) == "a.yaml:3:5: schedules.0.cron: no such field"
    assert str(InvalidInput([fault, Fault(message="second")])).splitlines() == [str(fault), "second"]
    assert InvalidInput("only words").faults == (Fault(message="only words"),)


def every(seconds: int) -> Timing:
    return Timing(every=timedelta(seconds=seconds))


def never_asked() -> timedelta:
    raise AssertionError("the window is not needed when nothing is late")


def test_what_is_on_time_fires_under_every_policy() -> None:
    for policy in CatchUp:
        dues = decide(every(1), T0, T0 + 3 * SECOND, policy, never_asked)
        assert [due.decision for due in dues] == [Decision.FIRED] * 3
        assert decide(every(60), T0, T0 + SECOND, policy, never_asked) == []


def test_latest_makes_up_for_nothing_when_something_fires_anyway() -> None:
    dues = decide(every(60), T0, T0 + timedelta(minutes=3), CatchUp.LATEST, lambda: timedelta(hours=1))
    assert [due.decision.value for due in dues] == ["missed_downtime", "missed_downtime", "fired"]


def test_all_has_a_bound_and_says_what_it_leaves_out() -> None:
    now = T0 + timedelta(hours=1)
    dues = decide(every(1), T0, now, CatchUp.ALL, lambda: timedelta(hours=2))
    fired = [due for due in dues if due.decision is Decision.FIRED]
    assert len(fired) == MOST_CAUGHT_UP + 10
    assert "the newest are made up for" in dues[0].reason
    assert "earlier)" in dues[0].reason


def test_a_very_long_downtime_is_counted_only_so_far() -> None:
    dues = decide(every(1), T0, T0 + timedelta(days=9), CatchUp.NONE, lambda: timedelta(minutes=1))
    assert f"at least {MOST_COUNTED - 1} earlier" in dues[0].reason


@given(st.integers(1, 3600), st.integers(0, 100_000), st.sampled_from(CatchUp), st.integers(0, 7200))
def test_each_fire_time_has_one_decision_in_order(period: int, length: int, policy: CatchUp, window: int) -> None:
    now = T0 + timedelta(seconds=length)
    dues = decide(every(period), T0, now, policy, lambda: timedelta(seconds=window))
    times = [due.fire_time for due in dues]
    assert times == sorted(set(times))
    expected = list(every(period).between(T0, now))
    assert set(times) <= set(expected)
    assert all(due.reason for due in dues if due.decision is Decision.MISSED_DOWNTIME)
    if len(expected) < 200:
        assert times == expected


def test_the_window_is_one_period_at_most_one_hour() -> None:
    schedule = Schedule(name="s", target=Target(pipeline="p"), timing=every(60), timezone="UTC", when="every 60s")
    assert catchup_window(schedule, T0) == timedelta(minutes=1)
    daily = Schedule(name="s", target=Target(pipeline="p"), timing=every(86_400), timezone="UTC", when="")
    assert catchup_window(daily, T0) == timedelta(hours=1)
    own = Schedule(
        name="s",
        target=Target(pipeline="p"),
        timing=every(60),
        timezone="UTC",
        when="",
        catchup_window=timedelta(days=2),
    )
    assert catchup_window(own, T0) == timedelta(days=2)


def test_upcoming_lists_what_comes() -> None:
    assert upcoming(every(60), T0, 2) == [T0 + timedelta(minutes=1), T0 + timedelta(minutes=2)]


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        (CatchUp.NONE, "none: what was due while nobody looked is missed"),
        (CatchUp.LATEST, "latest: the newest that was due while nobody looked is made up for, if not older than 6h"),
        (CatchUp.ALL, "all: everything that was due while nobody looked is made up for, if not older than 6h"),
    ],
)
def test_a_policy_is_told_with_its_window(policy: CatchUp, told: str) -> None:
    assert catchup_in_words(policy, timedelta(hours=6)) == told
