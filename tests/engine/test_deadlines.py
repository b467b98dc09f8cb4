"""Runs that are late, and successes that do not come."""

from datetime import timedelta
from typing import Any

import pytest

from tests.engine.night import Night
from worker.domain.results import Result

pytestmark = pytest.mark.usefixtures("brisk")

HOUR = timedelta(hours=1)
TOLD = "{to: 'https://a.example/'}"


def schedule(name: str = "s", when: str = "every: 1s", **more: str) -> str:
    given = {"max_runs": "1", "notify": TOLD, **more}
    lines = [f"- name: {name}", "  pipeline: training", f"  {when}", *(f"  {key}: {it}" for key, it in given.items())]
    return "\n".join([*lines, ""])


async def later(n: Night, *hours: float) -> None:
    for each in hours:
        await n.mind(await n.now() + each * HOUR)


def test_a_run_that_is_not_done_by_its_deadline_is_told_of_once(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule(deadline="2h"))
        (first,) = await n.started()
        await later(n, 1.9)
        assert not await n.outcomes("late")
        await later(n, 2.1, 2.2, 30)
        (outcome,) = await n.outcomes("late")
        assert (outcome["run_id"], outcome["trigger"]) == (first["run_id"], first["trigger"])
        assert "has not completed by" in outcome["reason"]
        (letter,) = await n.letters("late")
        assert letter.alert.run_id == first["run_id"]
        assert letter.alert.fire_time is not None
        assert letter.alert.fire_time.isoformat(timespec="milliseconds") == first["fire_time"]
        n.end(first["run_id"])
        await n.results()
        assert len(await n.letters("late")) == len(await n.letters("recovered")) == 1

    night(body)


def test_a_run_that_is_done_in_time_is_not_late(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule(deadline="2h", retry="{run: {max_attempts: 2, initial: 50ms}}"))
        n.end((await n.started())[0]["run_id"], "failed")
        n.end((await n.started(count=2))[1]["run_id"])
        await n.results()
        assert await n.engine.redis.zcard(n.engine.keys.deadlines) == 0
        await later(n, 3)
        assert not await n.letters("late", "failure")

    night(body)


def test_a_run_whose_end_is_not_seen_to_yet_is_not_late(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule(deadline="2h"))
        (first,) = await n.started()
        n.end(first["run_id"])
        await n.duties.look(n.fence)
        (event,) = await n.engine.events.oldest(1)
        await n.write(n.engine.events.taken(event))  # as if it were seen to in a moment
        await later(n, 3)
        assert not await n.letters()

    night(body)


@pytest.mark.parametrize("what", ["overlap", "paused"])
def test_what_was_not_to_start_is_not_late(what: str, night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule(deadline="2h", overlap="skip", max_runs="9"))
        (first,) = await n.started()
        if what == "paused":
            await n.pause()
        await n.fired(count=3)
        n.end(first["run_id"])
        await n.results()
        later_ones = {entry["decision"] for entry in (await n.ledger())[1:3]}
        assert later_ones == {"skipped_overlap" if what == "overlap" else "skipped_paused"}
        n.define(schedule(deadline="2h", overlap="skip", max_runs="1"))
        await n.pause()
        for run in n.demo.state.runs.values():
            if run.status(n.demo.state.now()) not in {"completed", "failed", "stopped"}:
                n.end(str(run.id))
        await n.quiet()
        await later(n, 3)
        assert not await n.letters("late")

    night(body)


def test_a_run_that_waits_for_its_turn_and_one_that_cannot_start_are_late(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule("wait", deadline="2h", overlap="buffer_all", max_runs="2"))
        await n.fired("wait", 2)
        n.demo.faults.add("status", status=400, body={"detail": ["ValueError", "no"]}, match="POST .*/runs", times=9)
        n.define(schedule("dead", deadline="2h"), "dead")
        await n.until(lambda: n.outcomes("dead"))
        await later(n, 3)
        assert {outcome["schedule"] for outcome in await n.outcomes("late")} == {"wait", "dead"}
        assert len(await n.outcomes("late")) == 3
        assert len(await n.letters("late")) == 2, "one for each incident"

    night(body)


NEVER = "at: 2030-01-01T00:00Z"


def test_a_success_that_never_came_is_missed_from_when_it_was_first_asked_for(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule(when=NEVER, expect_every="1h"))
        await n.step()
        await later(n, 0.9)
        assert not await n.letters()
        n.restart()
        await n.step()
        await later(n, 1.1, 1.2, 9)
        (letter,) = await n.letters("late")
        assert "no run has completed since" in letter.alert.reason
        assert "expect_every: 1h" in letter.alert.reason
        (outcome,) = await n.outcomes("late")
        assert outcome["reason"] == letter.alert.reason

    night(body)


def test_a_success_then_silence(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule(expect_every="1h"))
        (first,) = await n.started()
        n.end(first["run_id"])
        (result,) = await n.results()
        since = result.ended.isoformat(timespec="seconds")
        await n.until(n.engine.pauses.all)
        await n.resume()
        await n.step()
        await later(n, 0.9)
        assert not await n.letters("late")
        await later(n, 1.1)
        (letter,) = await n.letters("late")
        assert since in letter.alert.reason

    night(body)


def test_the_success_of_a_run_that_a_person_started_counts(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule(when=NEVER, expect_every="1h"))
        await n.step()
        by_hand = Result(trigger="t", fate="completed", ended=await n.now() + 2 * HOUR)
        await n.write(*n.engine.results.add("s", by_hand, None))
        await later(n, 2.5)
        assert not await n.letters("late")
        await later(n, 3.1)
        assert await n.letters("late")

    night(body)


def test_nobody_expects_anything_of_a_schedule_while_it_is_paused(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule(when=NEVER, expect_every="1h"))
        await n.step()
        pause = await n.pause()
        await later(n, 5, 50)
        await n.write(n.engine.pauses.end("s"))
        await later(n, 50.5)
        assert not await n.letters("late"), "the time of the pause does not count"
        await later(n, 51.5)
        assert await n.letters("late")
        assert pause.until is None

    night(body)


def test_a_folder_that_is_away_takes_nothing_back(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule(when=NEVER, expect_every="1h"))
        await n.step()
        n._directory.rename(n._directory.with_name("away"))
        n.restart()
        await n.step()
        await later(n, 1.1)
        (letter,) = await n.letters("late")
        assert letter.alert.schedule == "s"

    night(body)


def test_what_a_broken_file_had_asked_for_is_still_expected(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule(when=NEVER, expect_every="1h"))
        n.define(schedule("other", NEVER, expect_every="1h"), "other")
        await n.step()
        n.define("- name: s\n  nonsense: 1\n")
        (n._directory / "other.yaml").unlink()
        n.restart()
        await n.step()
        await later(n, 1.1, 2)
        (letter,) = await n.letters("late")
        assert letter.alert.schedule == "s"
        assert letter.alert.reason.endswith("its file cannot be read")
        assert letter.alert.place.endswith("s.yaml:2")
        n.define(schedule(when=NEVER))
        await n.step()
        assert await n.engine.expectations.all() == {}

    night(body)
