"""Why it fired at an instant, or did not: one sentence for each case."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from worker.cli.answers import answer
from worker.domain.schedule import Schedule, Target
from worker.domain.timing import Timing
from worker.engine.history import History, Span
from worker.store.cursors import Cursor

T0 = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NOW = T0 + 60 * MINUTE
STARTED = {"state": "started", "run_id": "r1", "run_status": "running"}


def history(decision: str = "", reason: str = "", **more: Any) -> History:
    timing = Timing(every=10 * MINUTE, skip_dates=(date(2026, 3, 1),))
    schedule = Schedule(
        name="s", target=Target(pipeline="p"), timing=timing, timezone="UTC", when="every 10m", revision="r", **more
    )
    entry = {"fire_time": (T0 + 10 * MINUTE).isoformat(), "decision": decision, "reason": reason, "trigger": "t"}
    return History(
        schedule=schedule,
        cursor=Cursor(at=T0 + 50 * MINUTE, revision="r", taken=2),
        spans=[
            Span(begin=T0 - timedelta(days=3), end=T0 - 30 * MINUTE, why="seen for the first time"),
            Span(begin=T0 - 5 * MINUTE, end=T0 + 50 * MINUTE, why="its timing was changed"),
        ],
        entries=[entry] if decision else [],
    )


@pytest.mark.parametrize(
    ("minutes", "past", "trigger", "told"),
    [
        (10, history("fired"), STARTED, "run r1 was started (running)."),
        (10, history("fired"), {"state": "waiting", "reason": "it is full"}, "t is waiting, last because it is full."),
        (10, history("missed_downtime", "nobody looked"), {}, "It was missed: nobody looked."),
        (10, history("exhausted", "ten times"), {}, "It fired, and no run came of it: ten times."),
        (20, history(), {}, "older than what the ledger keeps"),
        (15, history(), {}, "It was not due then, but 2026-03-02 10:10Z before that and 2026-03-02 10:20Z after it."),
        (-20, history(), {}, "It was not considered: its timing was changed, at 2026-03-02 09:55Z"),
        (-6000, history(), {}, "It was not considered: seen for the first time"),
        (-60, history(), {}, "had another timing at that time"),
        (-1440, history(), {}, "its day is among skip_dates"),
        (60, history(), {}, "It is not decided yet: the last look was at 2026-03-02 10:50Z"),
        (60, history(max_runs=2), {}, "it had fired max_runs = 2 times"),
        (70, history(), {}, "It will be due then."),
        (71, history(), {}, "It will not be due then; after that it is next due at 2026-03-02 11:20Z."),
    ],
)
def test_each_case_has_its_sentence(minutes: int, past: History, trigger: dict[str, str], told: str) -> None:
    assert told in answer(past, T0 + minutes * MINUTE, NOW, trigger)


def test_a_hole_in_the_ledger_is_seen() -> None:
    fires = [T0 + minutes * MINUTE for minutes in range(0, 60, 10)]
    assert history().undecided() == fires
    assert history("fired").undecided() == [fire for fire in fires if fire > T0 + 10 * MINUTE]
    assert history(max_runs=2).undecided() == []
