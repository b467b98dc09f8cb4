"""A sweep: its trials are computed, recorded little by little, each once."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.engine.night import Night
from tests.engine.searches import LONG, LR, definition, grid, results, running, true
from worker.domain.errors import InvalidInput
from worker.domain.schedule import SweepDefinition, Target
from worker.domain.sweep import parse_sweep
from worker.domain.trigger import Origin, TriggerState, trial_source, trigger_id
from worker.engine import planner, sweeping
from worker.engine.definitions import Backfill, decode_sweep, encode_sweep
from worker.engine.trials import Points

pytestmark = pytest.mark.usefixtures("brisk", "prompt")


def test_a_definition_survives_the_way_through_redis() -> None:
    assert decode_sweep(encode_sweep(definition(5, seed=3))) == definition(5, seed=3)


def test_a_thousand_trials_are_a_thousand_runs_with_their_own_parameters(night: Any) -> None:
    wanted = definition(1000, {"steps": {"model_trainer": {"parameters": {"model_type": "svm"}}}})

    async def body(n: Night) -> None:
        identity = await n.begin(wanted)
        row = await n.finished(identity, 100)
        assert (row.total, row.recorded, row.started, row.open, row.completed) == (1000, 1000, 1000, 0, 1000)
        assert len(n.trials(identity)) == len(n.demo.state.runs) == 1000
        run = n.trials(identity)[7]
        parameters = run.configuration["steps"]["model_trainer"]["parameters"]
        assert parameters == {"seconds": 0.0, "model_type": "svm", "lr": wanted.sweep.trial(7)[LR]}
        assert (await results(n, identity))[7].run_id == str(run.id)
        assert await n.engine.sweeps.active() == []

    night(body)


def test_the_same_key_is_the_same_sweep_and_another_definition_under_it_is_refused(night: Any) -> None:
    async def body(n: Night) -> None:
        first = await sweeping.start(n.engine, definition(3), "key")
        assert first[1]
        assert await sweeping.start(n.engine, definition(3), "key") == (first[0], False)
        with pytest.raises(InvalidInput, match="another definition"):
            await sweeping.start(n.engine, definition(4), "key")
        assert (await sweeping.start(n.engine, definition(3), "other"))[0] != first[0]

    night(body)


def test_recording_the_same_trials_again_doubles_nothing(night: Any) -> None:
    async def body(n: Night) -> None:
        identity = await n.begin(definition(5, LONG))
        await running(n, identity, 5)
        await n.engine.redis.hset(n.engine.keys.sweep(identity), "next", 1)  # a Redis that lost the last second
        await n.quiet()
        assert len(n.demo.state.runs) == 5
        row = await n.sweep(identity)
        assert (row.recorded, row.started, row.open, row.known) == (5, 5, 0, 5)

    night(body)


def test_max_parallel_counts_what_is_on_its_way_and_what_runs(night: Any) -> None:
    async def body(n: Night) -> None:
        identity = await n.begin(definition(9, LONG, max_parallel=3))
        runs = await running(n, identity, 3)
        await n.quiet()
        assert sorted(n.trials(identity)) == [1, 2, 3]
        n.end(runs[1], "failed")
        n.end(runs[3])
        await n.until(lambda: true(len(n.trials(identity)) == 5))
        await n.quiet()
        assert sorted(n.trials(identity)) == [1, 2, 3, 4, 5]

    night(body)


def test_a_sweep_that_cannot_be_computed_ends_with_its_reason_and_holds_up_nothing(night: Any) -> None:
    sweep = parse_sweep({"method": "grid", "parameters": {"n": {"values": [1, 0, 2]}}})
    target = Target(pipeline="training", config={"extra": {"share": "{{ 1 // params.n }}"}})

    async def body(n: Night) -> None:
        broken = await n.begin(SweepDefinition(name="bad", target=target, sweep=sweep))
        sound = await n.begin(definition(3))
        row = await n.finished(broken)
        assert (row.recorded, row.started) == (0, 0)
        assert "extra.share" in row.ended
        assert (await n.finished(sound)).completed == 3

    night(body)


def test_a_fault_of_ours_in_one_sweep_holds_up_no_other(night: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    make = planner.for_trial

    def faulty(occasion: Any, definition: SweepDefinition, *rest: Any) -> Any:
        if definition.priority == 7:
            raise RuntimeError("a fault of ours")
        return make(occasion, definition, *rest)

    async def body(n: Night) -> None:
        broken = await n.begin(replace(definition(3), name="bad", priority=7))
        sound = await n.begin(definition(3))
        monkeypatch.setattr(planner, "for_trial", faulty)
        assert (await n.finished(sound)).completed == 3
        row = await n.sweep(broken)
        assert (row.recorded, row.ended) == (0, "")

    night(body)


def test_a_backfill_waits_for_a_schedule_whose_file_is_broken(night: Any) -> None:
    fires = [datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2, 3)]

    async def body(n: Night) -> None:
        begun = await sweeping.start_backfill(n.engine, Backfill(schedule="s", fires=fires, priority=0), "key")
        await n.quiet()
        assert not (await n.sweep(begun[0])).ended
        step = "steps: {model_trainer: {parameters: {seconds: 0}}}"
        n.define(f'  - {{name: s, pipeline: training, cron: "0 0 1 1 *", config: {{{step}}}}}')
        row = await n.finished(begun[0])
        assert (row.ended, row.completed) == ("", 3)

    night(body)


def test_a_sweep_whose_trials_are_hard_to_find_keeps_nobody_waiting(
    night: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.engine.aside.MOMENT", 0.01)
    found, computed = threading.Event(), Points.computed

    def slowly(points: Points, numbers: Sequence[int]) -> dict[int, dict[str, Any]]:
        assert len(points.definition.sweep.names) == 1 or found.wait(60)
        return computed(points, numbers)

    monkeypatch.setattr(Points, "computed", slowly)
    two = {LR: {"values": [0.1, 0.2]}, "seed": {"values": [1, 2]}}

    async def body(n: Night) -> None:
        hard = await n.begin(definition(0, method="grid", parameters=two, budget={"runs": 3}), "hard")
        assert (await n.finished(await n.begin(grid(0.1, 0.2), "easy"))).completed == 2
        assert (await n.sweep(hard)).recorded == 0
        assert await n.duties.fan_out("")
        found.set()
        row = await n.finished(hard)
        assert (row.recorded, row.completed) == (3, 3)

    night(body)


def test_how_each_trial_ended_is_on_record(night: Any, caplog: pytest.LogCaptureFixture) -> None:
    config = {"steps": {"model_trainer": {"parameters": {"seconds": 600.0, "fail": "{{ trial == 2 }}"}}}}

    async def body(n: Night) -> None:
        identity = await n.begin(grid(0.1, 0.2, 0.3, config=config))
        runs = await running(n, identity, 3)
        n.end(runs[1])
        n.end(runs[2], "failed", "out of memory")
        n.end(runs[3], "stopped", "by hand")
        row = await n.finished(identity)
        assert (row.completed, row.failed, row.stopped, row.running, row.runs) == (1, 1, 1, 0, 3)
        found = await results(n, identity)
        assert [found[number].fate for number in (1, 2, 3)] == ["completed", "failed", "stopped"]
        assert found[2].reason == "out of memory"
        assert (found[2].run_id, found[2].failed, found[3].failed) == (runs[2], True, False)
        assert row.seconds == pytest.approx(sum(each.seconds or 0 for each in found.values()), abs=0.01)
        (said,) = (record.__dict__ for record in caplog.records if record.message == "failed")
        assert (said["sweep"], said["trial"]) == (identity, 2), "who it is about"

    night(body)


# --- on the clock


CLOCKED = f"""
- name: s
  every: 1s
  pipeline: training
  method: grid
  parameters: {{{LR}: {{values: [0.1, 0.2]}}}}
  config:
    steps: {{model_trainer: {{parameters: {{seconds: 0}}}}}}
    extra: {{day: "{{{{ fire_time | date('%Y-%m-%dT%H:%M:%S') }}}}"}}
"""


def test_a_sweep_on_the_clock_begins_once_at_each_fire_time(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(CLOCKED, section="sweeps")
        entries = await n.fired("s", 2)
        n.define("", section="sweeps")
        await n.until(lambda: _none_active(n))
        assert {entry["decision"] for entry in entries} == {"fired"}
        rows = await n.engine.sweeps.newest(100)
        fired = [entry for entry in await n.ledger("s") if entry["decision"] == "fired"]
        assert len(rows) == len(fired)
        assert len(n.demo.state.runs) == 2 * len(rows)
        row = rows[-1]
        assert row.fire_time is not None
        assert row.fire_time.isoformat() == entries[0]["fire_time"]
        days = {run.configuration["extra"]["day"] for run in n.trials(row.id).values()}
        assert days == {f"{row.fire_time:%Y-%m-%dT%H:%M:%S}"}

    night(body)


async def _none_active(n: Night) -> bool:
    return not await n.engine.sweeps.active()


def test_a_fire_is_let_go_while_the_sweep_before_is_not_over(night: Any) -> None:
    slow = CLOCKED.replace("seconds: 0", "seconds: 600")

    async def body(n: Night) -> None:
        n.define(slow + "  overlap: skip\n", section="sweeps")
        entries = await n.fired("s", 3)
        assert [entry["decision"] for entry in entries] == ["fired", "skipped_overlap", "skipped_overlap"]
        assert entries[1]["reason"] == "the sweep before it is not over"
        assert len(await n.engine.sweeps.newest(10)) == 1

    night(body)


def test_a_trial_is_withdrawn_by_hand_and_the_sweep_is_over_all_the_same(night: Any) -> None:
    async def body(n: Night) -> None:
        identity = await n.begin(grid(0.1, 0.2))
        await n.duties.fan_out("")
        wanted = trigger_id(Origin.SWEEP, trial_source(identity, 2))
        await n.engine.triggers.withdraw(wanted, TriggerState.CANCELLED, {"status": "cancelled"})
        row = await n.finished(identity)
        assert (row.completed, row.cancelled) == (1, 1)

    night(body)


def test_another_run_after_a_failure_is_the_same_trial(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(
            "- name: s\n  pipeline: training\n  at: 2030-01-01\n  retry: {run: {max_attempts: 2, initial: 50ms}}\n"
        )
        await n.step()
        retry = n.scheduler.definitions.schedules[0].run_retry
        identity = await n.begin(replace(grid(0.1, config=LONG), run_retry=retry))
        first = await running(n, identity, 1)
        n.end(first[1], "failed")
        await n.until(lambda: true(len(n.demo.state.runs) == 2))
        again = await running(n, identity, 1)
        row = await n.sweep(identity)
        assert (row.started, row.open, row.total, row.over) == (1, 0, 1, False)
        n.end(again[1])
        row = await n.finished(identity)
        assert (row.completed, row.failed, row.runs) == (1, 0, 2)

    night(body)
