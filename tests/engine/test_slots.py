"""When it is worth asking a server whether a slot is free again."""

from hypothesis import given
from hypothesis import strategies as st

from worker.engine.slots import next_look

seconds = st.floats(0.001, 3600)


def looks(usual: float | None, until: float) -> list[float]:
    """Give the ages at which a slot is looked at that is held until then."""
    age, found = 0.01, []
    while age < until:
        age += max(next_look(age, usual), 0.005)
        found.append(age)
    return found


def test_a_slot_whose_time_is_known_is_looked_at_just_before_it_is_free() -> None:
    ages = looks(usual=10.0, until=10.0)
    assert ages[0] == 8.0
    assert len(ages) <= 12
    assert ages[-1] - 10.0 <= 0.2 + 1e-9, "it lies empty for a fiftieth of the time"


def test_a_time_that_is_not_known_is_found_with_few_looks() -> None:
    ages = looks(usual=None, until=60.0)
    assert len(ages) <= 60
    assert ages[-1] - 60.0 <= 0.2 * 60.0


@given(usual=seconds)
def test_a_run_that_stays_in_its_first_state_is_asked_for_ever_more_seldom(usual: float) -> None:
    assert next_look(7 * usual, usual) >= usual
    assert len(looks(usual, 100 * usual)) <= 100
