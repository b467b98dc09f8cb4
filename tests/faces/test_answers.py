"""Why it fired at an instant, or did not: one sentence for each case."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from worker.cli.account import Account
from worker.cli.answers import answer
from worker.domain.after import After, Upstream
from worker.domain.schedule import Overlap, Schedule, Target
from worker.domain.timing import Timing
from worker.engine.history import History, Span
from worker.engine.standings import Going
from worker.store.cursors import Cursor

T0 = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NOW = T0 + 60 * MINUTE
STARTED = {"state": "started", "run_id": "r1", "run_status": "running"}


def history(decision: str = "", reason: str = "", runs: Any = None, **more: Any) -> History:
    follows = "after" in more
    timing = Timing(every=None if follows else 10 * MINUTE, follows=follows, skip_dates=(date(2026, 3, 1),))
    schedule = Schedule(
        name="s", target=Target(pipeline="p"), timing=timing, timezone="UTC", when="every 10m", revision="r", **more
    )
    entry = {"fire_time": (T0 + 10 * MINUTE).isoformat(), "decision": decision, "reason": reason, "trigger": "t"}
    if runs:
        entry["runs"] = runs
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
    moment = T0 + minutes * MINUTE
    account = Account(history=past, entry=past.entry(moment), trigger={"id": "t", **trigger} if trigger else {})
    assert told in answer(account, moment, NOW)


FAILED = {"trigger": "t", "run": "r1", "fate": "failed", "reason": "out of memory"}
COMPLETED = {"trigger": "t~2", "run": "r2", "fate": "completed", "reason": None}
STOPPED = {"trigger": "t~2", "run": "r2", "fate": "stopped", "reason": "a newer fire of its schedule takes its place"}


@pytest.mark.parametrize(
    ("past", "more", "told"),
    [
        (history("skipped_overlap", "run r0 was still going on"), {}, "It was skipped: run r0 was still going on."),
        (history("skipped_paused", "paused by ann"), {}, "It was skipped: paused by ann."),
        (history("coalesced", "it is part of the run of 10:20"), {}, "It was made up for: it is part of the run of"),
        (history("fired", runs=[FAILED]), {"trigger": {"id": "t"}}, "It fired: run r1 failed (out of memory)."),
        (
            history("fired", runs=[FAILED, COMPLETED]),
            {"trigger": {"id": "t~2"}},
            "It fired: run r1 failed (out of memory); run r2 completed.",
        ),
        (history("fired", runs=[FAILED, STOPPED]), {"trigger": {"id": "t~2"}}, "; run r2 was stopped (a newer fire"),
        (
            history("fired", runs=[FAILED]),
            {"trigger": {"id": "t~2", "state": "waiting"}},
            "run r1 failed (out of memory); trigger t~2 is waiting.",
        ),
        (
            history("fired", overlap=Overlap.BUFFER_ONE),
            {
                "trigger": {"id": "t", "state": "waiting"},
                "held": ["t"],
                "running": [Going(trigger="t0", run_id="r0", state="started")],
            },
            "It fired: trigger t waits for the end of run r0 (overlap: buffer_one).",
        ),
    ],
)
def test_what_became_of_a_fire_is_told_run_by_run(past: History, more: dict[str, Any], told: str) -> None:
    moment = T0 + 10 * MINUTE
    assert told in answer(Account(history=past, entry=past.entry(moment), **more), moment, NOW)


ANY = After(upstreams=(Upstream(schedule="a"), Upstream(pipeline="b")))
ALL = After(upstreams=ANY.upstreams, together=True, window=60 * MINUTE)


@pytest.mark.parametrize(
    ("past", "more", "told"),
    [
        (
            history(after=ANY),
            {},
            "Nothing that it follows had made it due by then. It waits for schedule a or pipeline b.",
        ),
        (
            history("fired", "after run r0", after=ANY),
            {"trigger": {"id": "t", "state": "started", "run_id": "r1"}},
            "It was last due at 2026-03-02 10:10Z. It fired, after run r0: run r1 was started (accepted). It waits for",
        ),
        (
            history(after=ALL),
            {"seen": ["run r0 of schedule a (completed)"], "missing": ["pipeline b"]},
            "It waits for pipeline b; what it has already: run r0 of schedule a (completed).",
        ),
        (history(after=ALL), {"pause": "paused by ann"}, "by then. It is paused by ann."),
    ],
)
def test_what_follows_others_has_no_times(past: History, more: dict[str, Any], told: str) -> None:
    missing = more.pop("missing", ["schedule a", "pipeline b"])
    entry = past.entries[-1] if past.entries else None
    assert told in answer(Account(history=past, entry=entry, missing=missing, **more), NOW, NOW)


def test_what_did_not_all_end_in_time_did_not_fire() -> None:
    past = history("expired", "nothing of pipeline b within 1h", after=ALL)
    entry = {key: value for key, value in past.entries[0].items() if key != "trigger"}
    told = answer(Account(history=past, entry=entry), T0 + 10 * MINUTE, NOW)
    assert told == "It was last due at 2026-03-02 10:10Z. It did not fire: nothing of pipeline b within 1h."


def test_what_is_due_later_may_be_paused() -> None:
    account = Account(history=history(), pause="paused since yesterday by ann")
    assert answer(account, T0 + 70 * MINUTE, NOW) == "It will be due then. It is paused since yesterday by ann."


def test_a_hole_in_the_ledger_is_seen() -> None:
    fires = [T0 + minutes * MINUTE for minutes in range(0, 60, 10)]
    assert history().undecided() == fires
    assert history("fired").undecided() == [fire for fire in fires if fire > T0 + 10 * MINUTE]
    assert history(max_runs=2).undecided() == []
