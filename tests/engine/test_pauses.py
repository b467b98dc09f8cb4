"""Schedules that are paused: by a person, until a time, by a rule of their own; and how they go on."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.engine.night import Night
from worker.domain.pause import PauseCause
from worker.domain.results import Result
from worker.engine import byhand
from worker.store.cursors import Cursor

pytestmark = pytest.mark.usefixtures("brisk")


def schedule(when: str = "every: 1s", **more: str) -> str:
    lines = ["- name: s", "  pipeline: training", f"  {when}", *(f"  {key}: {value}" for key, value in more.items())]
    return "\n".join([*lines, ""])


async def decisions(n: Night) -> list[str]:
    return [entry["decision"] for entry in await n.ledger()]


def test_a_paused_schedule_starts_nothing_and_says_who_and_why(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule(notify="{to: 'https://a.example/'}"))
        await n.started()
        pause = await n.pause()
        before = len(await n.ledger())
        entries = (await n.fired(count=before + 2))[before:]
        assert {entry["decision"] for entry in entries} == {"skipped_paused"}
        assert {entry["reason"] for entry in entries} == {str(pause)}
        assert "by ada: a migration" in str(pause)
        n.define(schedule(notify="{to: 'https://a.example/'}", priority="3"))
        n.restart()
        await n.fired(count=before + 3)
        started = len(await n.outcomes("started"))
        assert started == (await decisions(n)).count("fired")
        await n.resume()
        await n.started(count=started + 1)
        later = (await decisions(n))[before:]
        assert later == sorted(later, reverse=True), "what was skipped stays skipped"
        (letter,) = await n.letters()
        assert (letter.alert.kind, letter.alert.reason) == ("paused", str(pause))

    night(body)


def test_it_goes_on_by_itself_when_its_time_has_come(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule())
        await n.started()
        until = await n.now() + timedelta(seconds=1.3)
        await n.pause(until=until)
        (outcome,) = await n.until(lambda: n.outcomes("resumed"))
        assert outcome["reason"] == "its pause has ended"
        await n.started(count=2)
        assert await n.engine.pauses.all() == {}
        for entry in (await n.ledger())[1:]:
            during = datetime.fromisoformat(entry["fire_time"]) < until
            assert entry["decision"] == ("skipped_paused" if during else "fired")

    night(body)


def test_what_was_held_for_its_turn_is_skipped_when_it_is_paused(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule(overlap="buffer_all", max_runs="4"))
        (first,) = await n.started()
        await n.fired(count=3)
        await n.pause()
        n.end(first["run_id"])
        await n.results()
        found = await decisions(n)
        assert found[:3] == ["fired", "skipped_paused", "skipped_paused"]
        await n.resume()
        for count in (2, 3, 4):
            n.end((await n.started(count=count))[-1]["run_id"])
        await n.results(count=4)
        assert (await decisions(n)).count("fired") == 4, "what was skipped does not count for max_runs"

    night(body)


def test_the_cursor_put_back_makes_up_for_the_pause_by_policy(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule(catchup="all", catchup_window="1h", notify="{to: 'https://a.example/'}"))
        await n.started()
        pause = await n.pause(since=await n.now() - timedelta(seconds=30))
        await n.fired(count=3)
        skipped = [entry for entry in await n.ledger() if entry["decision"] == "skipped_paused"]
        (known,) = (await n.engine.cursors.some(["s"])).values()
        back = Cursor(at=pause.since, revision=known.revision, taken=known.taken)
        event = n.engine.events.add("resumed", schedule="s", reason="by ada, catching up")
        await n.write(
            event,
            take=n.engine.pauses.end("s"),
            name="s",
            expected=known.form(),
            cursor=back.form(),
            begun="resumed by ada",
        )
        await n.started(count=25)
        by_time = {entry["fire_time"]: entry["decision"] for entry in await n.ledger()}
        assert {by_time[entry["fire_time"]] for entry in skipped} == {"fired"}
        assert set(by_time.values()) <= {"fired", "deduplicated"}
        assert [span["why"] for span in await n.engine.cursors.spans("s")] == [
            "seen for the first time",
            "resumed by ada",
        ]

    night(body)


def test_what_was_skipped_and_is_not_made_up_for_is_no_miss(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule("every: 5m", catchup="latest", catchup_window="7m", notify="{to: 'https://a.example/'}"))
        await n.quiet(1)
        (known,) = (await n.engine.cursors.some(["s"])).values()
        pause = await n.pause(since=known.at - timedelta(hours=1), until=known.at - timedelta(seconds=1))
        back = Cursor(at=pause.since, revision=known.revision)
        # The hour is considered while it was paused, and once more when it is resumed with a catch-up.
        moved = n.engine.events.add("resumed", schedule="s")
        await n.write(moved, name="s", expected=known.form(), cursor=back.form(), begun="a test")
        await n.until(lambda: n.engine.cursors.ledger("s", 100))
        assert set(await decisions(n)) == {"skipped_paused"}
        await n.until(_no_pause(n))
        (known,) = (await n.engine.cursors.some(["s"])).values()
        await n.write(moved, name="s", expected=known.form(), cursor=back.form(), begun="resumed")
        await n.started()
        found = await decisions(n)
        assert (found[-1], set(found[:-1])) == ("fired", {"skipped_paused"})
        assert not await n.outcomes("missed")
        assert not await n.letters("missed")

    night(body)


def _no_pause(n: Night) -> Any:
    async def gone() -> bool:
        return not await n.engine.pauses.all()

    return gone


def test_it_pauses_itself_after_failures_in_a_row(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule(pause_after="2", overlap="skip", notify="{to: 'https://a.example/', on: paused}"))
        for count, end in enumerate(("failed", "completed", "failed", "stopped", "failed"), start=1):
            assert await n.engine.pauses.all() == {}
            n.end((await n.started(count=count))[-1]["run_id"], end)
            await n.results(count=count)
        pause = (await n.engine.pauses.all())["s"]
        assert (pause.cause, pause.by) == (PauseCause.FAILURES, "zenbeat")
        assert pause.why == "2 failures in a row (pause_after: 2)"
        (outcome,) = await n.outcomes("paused")
        assert outcome["reason"] == pause.why
        assert [letter.alert.reason for letter in await n.letters()] == [pause.why]
        n.define(schedule(pause_after="9", overlap="skip"))
        n.restart()
        before = len(await n.ledger())
        assert (await n.fired(count=before + 1))[-1]["decision"] == "skipped_paused"

    night(body)


def test_failures_before_a_person_has_resumed_it_do_not_count(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule(pause_after="2", overlap="skip"))
        for count in (1, 2):
            n.end((await n.started(count=count))[-1]["run_id"], "failed")
            await n.results(count=count)
        assert await n.engine.pauses.all()
        defined = n.scheduler.definitions.schedules[0]
        await byhand.resume(n.engine, "s", defined, "ada", await n.now(), catchup=False)
        n.end((await n.started(count=3))[-1]["run_id"], "failed")
        await n.results(count=3)
        assert await n.engine.pauses.all() == {}

    night(body)


def test_a_pause_until_a_time_gives_way_to_one_without_end(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule(pause_after="1", max_runs="5"))
        (first,) = await n.started()
        await n.pause(until=await n.now() + timedelta(hours=1))
        n.end(first["run_id"], "failed")
        await n.results()
        pause = (await n.engine.pauses.all())["s"]
        assert (pause.cause, pause.until) == (PauseCause.FAILURES, None)

    night(body)


@pytest.mark.parametrize("overlap", ["allow", "buffer_all"])
def test_it_is_paused_when_it_has_had_all_its_runs(overlap: str, night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule(max_runs="2", overlap=overlap))
        (first,) = await n.started()
        await n.fired(count=2)
        n.end(first["run_id"])
        await n.results()
        assert await n.engine.pauses.all() == {}, "one is still going on, or waits"
        second = (await n.started(count=2))[1]
        n.end(second["run_id"], "failed")
        await n.results(count=2)
        assert (await n.engine.pauses.all())["s"].cause == PauseCause.MAX_RUNS

    night(body)


def test_what_was_due_by_its_end_time_has_its_turn(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule(overlap="buffer_all", max_runs="2"))
        (first,) = await n.started()
        await n.fired(count=2)
        n.define(schedule(overlap="buffer_all", max_runs="2", end_time=(await n.now()).isoformat()))
        await n.step()
        await n.mind(await n.now() + timedelta(minutes=1))
        assert await n.engine.pauses.all() == {}, "one waits for its turn"
        n.end(first["run_id"])
        await n.started(count=2)
        await n.mind(await n.now() + timedelta(minutes=2))
        assert (await n.engine.pauses.all())["s"].cause == PauseCause.END_TIME

    night(body)


def test_it_is_paused_when_its_end_time_has_passed(night: Any) -> None:
    async def body(n: Night) -> None:
        end = await n.now() - timedelta(minutes=1)
        n.define(schedule(end_time=end.isoformat()))
        await n.until(n.engine.pauses.all)
        assert (await n.engine.pauses.all())["s"].cause == PauseCause.END_TIME
        for minutes in (1, 2):
            await n.mind(await n.now() + timedelta(minutes=minutes))
        assert len(await n.outcomes("paused")) == 1
        n.define(schedule(end_time="2030-01-01T00:00Z"))
        n.restart()
        assert (await n.fired())[0]["decision"] == "skipped_paused"

    night(body)


def test_a_long_row_of_failures_is_counted_to_its_beginning(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule(pause_after="80", max_runs="5"))
        (first,) = await n.started()
        now = await n.now()
        for number in range(79):
            old = Result(trigger=f"t{number}", fate="failed", ended=now)
            await n.write(*n.engine.results.add("s", old, None, 80))
        n.end(first["run_id"], "failed")
        await n.until(n.engine.pauses.all)
        assert (await n.engine.pauses.all())["s"].why == "80 failures in a row (pause_after: 80)"

    night(body)
