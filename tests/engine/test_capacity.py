"""What was learnt of the server, in words."""

from datetime import UTC, datetime, timedelta

import pytest

from worker.engine.capacity import read_breaker, read_capacity
from worker.store.codec import milliseconds

NOW = datetime(2026, 11, 2, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (
            {},
            "Nothing is known of it yet: it is trusted with 2 launches at once, which is what ZenML takes by default.",
        ),
        (
            {"window": "37.5"},
            "It has refused none so far and is trusted with 37 launches at once; more are tried as it answers.",
        ),
        (
            {"window": "300"},
            "It has refused none so far and is trusted with 256 launches at once; more than that "
            "ZENBEAT_MAX_IN_FLIGHT does not allow.",
        ),
        (
            {"window": "1", "capped": "1", "patience": "40", "accepted": "14"},
            "It takes 1 launch at once, as learnt; one more is tried after 26 more that fill it.",
        ),
        (
            {"window": "4", "capped": "1", "learning": "1"},
            "It refused some launches; how many it takes is being learnt, 4 launches at once for now.",
        ),
        (
            {"window": "5", "capped": "1", "tried": "1", "accepted": "3"},
            "It takes 4 at once, as learnt; 5 are being tried now.",
        ),
        (
            {"window": "4", "capped": "1", "pause": str(milliseconds(NOW + timedelta(seconds=2)))},
            "It takes 4 launches at once, as learnt; one more is tried after 40 more that fill it. "
            "The last launch was refused; the next one waits a moment.",
        ),
    ],
)
def test_what_it_takes_is_told_in_a_sentence(state: dict[str, str], told: str) -> None:
    assert read_capacity(state, first=2, ceiling=256).told(NOW) == told


def test_a_pause_that_is_over_is_not_told() -> None:
    state = {"window": "4", "capped": "1", "pause": str(milliseconds(NOW))}
    assert "refused" not in read_capacity(state, first=2, ceiling=256).told(NOW)


def test_whether_it_is_left_alone_and_why() -> None:
    shut = read_breaker({"open": str(milliseconds(NOW)), "failures": "7", "why": "the login is refused."})
    assert (shut.open, shut.until, shut.failures) == (True, NOW, 7)
    assert shut.told() == "It is left alone but for a probe now and then: the login is refused."
    silent = read_breaker({"open": str(milliseconds(NOW)), "failures": "7"})
    assert silent.told() == "It is left alone but for a probe now and then: it does not answer."
    doubtful = read_breaker({"failures": "3"})
    assert not doubtful.open
    assert doubtful.told() == "The last 3 launches found it away; after 5 in a row it is left alone."
    assert read_breaker({}).told() == "None is held back."
