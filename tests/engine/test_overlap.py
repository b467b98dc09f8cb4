"""Overlap policies: what comes of a fire while a run of its schedule is going on."""

from typing import Any

import pytest

from tests.engine.night import Night


def schedule(policy: str, **more: str) -> str:
    lines = ["- name: s", "  pipeline: training", "  every: 1s", f"  overlap: {policy}"]
    lines += [f"  {key}: {value}" for key, value in more.items()]
    return "\n".join([*lines, ""])


def decisions(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["decision"] for entry in entries]


def test_skip_lets_fires_go_and_says_for_which_run(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule("skip"))
        (started,) = await n.started()
        entries = await n.fired(count=3)
        assert decisions(entries)[:3] == ["fired", "skipped_overlap", "skipped_overlap"]
        assert started["run_id"] in entries[1]["reason"]
        n.end(started["run_id"])
        second = (await n.started(count=2))[1]
        assert second["run_id"] != started["run_id"]
        assert len(n.demo.state.runs) == 2

    night(body)


def test_allow_starts_beside_it(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule("allow"))
        assert len(await n.started(count=2)) == 2
        assert set(decisions(await n.ledger())) == {"fired"}

    night(body)


def test_buffer_one_keeps_one_waiting_and_skips_the_rest(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule("buffer_one"))
        (first,) = await n.started()
        entries = await n.fired(count=4)
        assert decisions(entries)[:4] == ["fired", "fired", "skipped_overlap", "skipped_overlap"]
        n.end(first["run_id"])
        second = (await n.started(count=2))[1]
        assert second["trigger"] == entries[1]["trigger"]

    night(body)


def test_buffer_all_takes_turns_in_order(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule("buffer_all", max_runs="3"))
        await n.fired(count=3)
        for count in (1, 2, 3):
            started = await n.started(count=count)
            assert len(started) == count, "one at a time"
            n.end(started[-1]["run_id"])
        entries = await n.ledger()
        assert decisions(entries) == ["fired"] * 3
        assert [each["trigger"] for each in await n.outcomes("started")] == [entry["trigger"] for entry in entries]

    night(body)


def test_cancel_other_stops_the_run_and_then_starts(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule("cancel_other").replace("1s", "3s"))
        (first,) = await n.started()
        second = (await n.started(count=2))[1]
        (stopped,) = [each for each in await n.outcomes("stopped") if each["run_id"] == first["run_id"]]
        assert "a newer fire" in stopped["reason"]
        (old,) = [run for run in n.demo.state.runs.values() if str(run.id) == first["run_id"]]
        (new,) = [run for run in n.demo.state.runs.values() if str(run.id) == second["run_id"]]
        assert old.course.ended <= new.created, "the one waits for the other to be stopped"

    night(body)


@pytest.mark.parametrize("policy", ["skip", "buffer_one"])
def test_what_is_skipped_does_not_count_for_max_runs(policy: str, night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule(policy, max_runs="3"))
        for count in (1, 2, 3):
            started = await n.started(count=count)
            await n.fired(count=len(await n.ledger()) + 2 if count < 2 else 1)
            n.end(started[-1]["run_id"])
        await n.results(count=3)
        assert len(n.demo.state.runs) == 3

    night(body)


def test_a_run_that_is_going_on_is_known_again_when_redis_has_lost_everything(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(schedule("skip", catchup="none"))
        (first,) = await n.started()
        await n.engine.redis.flushall()
        n.restart()
        (again,) = await n.started()
        assert again["run_id"] == first["run_id"], "it is taken up again, not started"
        await n.until(lambda: skipped(n))
        assert len(n.demo.state.runs) == 1
        n.end(first["run_id"])
        await n.started(count=2)

    async def skipped(n: Night) -> bool:
        return "skipped_overlap" in decisions(await n.ledger())

    night(body)
