"""What people do with a sweep: pause, resume, cancel, run again what failed, extend."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.engine.night import Night
from tests.engine.searches import LONG, METRIC, definition, grid, results, running
from worker.domain.errors import InvalidInput
from worker.engine import sweeping
from worker.engine.definitions import Backfill

pytestmark = pytest.mark.usefixtures("brisk", "prompt")


SEARCH = """
- name: s
  pipeline: training
  cron: "0 0 1 1 *"
  method: grid
  parameters: {steps.model_trainer.parameters.fail: {values: [true]}}
  config: {steps: {model_trainer: {parameters: {seconds: 0}}}}
"""


# --- pause, resume, cancel


def test_nothing_of_a_paused_sweep_is_sent(night: Any) -> None:
    async def body(n: Night) -> None:
        identity = await n.begin(definition(30, LONG, max_parallel=20))
        await n.duties.fan_out("")
        assert await sweeping.pause(n.engine, await n.sweep(identity), "ada")
        assert not await sweeping.pause(n.engine, await n.sweep(identity), "bob")
        await n.quiet()
        assert n.trials(identity) == {}
        row = await n.sweep(identity)
        assert (row.recorded, row.open, row.paused) == (20, 20, "ada")
        assert await n.engine.triggers.waiting() == 0
        assert await sweeping.resume(n.engine, row)
        await running(n, identity, 20)
        assert len(n.trials(identity)) == 20

    night(body)


def test_a_cancelled_sweep_withdraws_what_was_not_sent_and_lets_its_runs_go_on(night: Any) -> None:
    async def body(n: Night) -> None:
        identity = await n.begin(definition(300, LONG))
        await running(n, identity, 1)
        await sweeping.cancel(n.engine, await n.sweep(identity), "ada", stop_running=False)
        row = await n.until(lambda: _wound_up(n, identity))
        assert row.ended == "cancelled by ada"
        assert row.cancelled + row.started == row.recorded < row.total
        assert row.running == row.started == len(n.trials(identity))
        for run in n.trials(identity).values():
            n.end(run.id)
        over = await n.finished(identity)
        assert (over.completed, over.recorded) == (row.started, row.recorded)
        fates = [each.fate for each in (await results(n, identity)).values()]
        assert sorted(set(fates)) == ["cancelled", "completed"]
        assert len(fates) == row.recorded

    night(body)


async def _wound_up(n: Night, identity: str) -> Any:
    row = await n.sweep(identity)
    return row if row.open == 0 else None


def test_a_sweep_that_is_cancelled_while_it_is_paused_is_wound_up_too(night: Any) -> None:
    async def body(n: Night) -> None:
        identity = await n.begin(definition(30, LONG))
        await n.duties.fan_out("")
        await sweeping.pause(n.engine, await n.sweep(identity), "ada")
        await n.quiet()
        await sweeping.cancel(n.engine, await n.sweep(identity), "ada", stop_running=False)
        row = await n.finished(identity)
        assert (row.started, row.cancelled, len(n.demo.state.runs)) == (0, 30, 0)

    night(body)


def test_runs_are_stopped_on_request(night: Any) -> None:
    async def body(n: Night) -> None:
        identity = await n.begin(definition(4, LONG, max_parallel=2))
        await running(n, identity, 2)
        await sweeping.cancel(n.engine, await n.sweep(identity), "ada", stop_running=True)
        row = await n.finished(identity)
        assert (row.started, row.stopped, row.recorded) == (2, 2, 2)
        found = await results(n, identity)
        assert {each.reason for each in found.values()} == {"its sweep was cancelled by ada"}

    night(body)


# --- again, and more


def test_only_what_failed_is_run_again_under_its_number(night: Any) -> None:
    async def body(n: Night) -> None:
        identity = await n.begin(grid(0.1, 0.2, 0.3, config=LONG))
        runs = await running(n, identity, 3)
        n.end(runs[1])
        n.end(runs[2], "failed")
        n.end(runs[3], "stopped")
        row = await n.finished(identity)
        assert await sweeping.retry(n.engine, row, {}) == sweeping.Retried(again=1)
        again = await running(n, identity, 1)
        assert len(n.demo.state.runs) == 4
        assert n.run(again[2]).configuration["steps"] == n.run(runs[2]).configuration["steps"]
        n.end(again[2])
        row = await n.finished(identity)
        assert (row.started, row.completed, row.failed, row.stopped, row.runs) == (3, 2, 0, 1, 4)
        found = (await results(n, identity))[2]
        assert (found.fate, found.runs, found.run_id) == ("completed", 2, again[2])
        assert await sweeping.retry(n.engine, row, {}) == sweeping.Retried()
        assert await sweeping.retry(n.engine, row, {}, stopped=True) == sweeping.Retried(again=1)

    night(body)


def test_a_beat_that_looks_in_the_middle_of_a_retry_does_not_take_the_sweep_for_over(
    night: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(n: Night) -> None:
        identity = await n.begin(grid(0.1, config=LONG))
        n.end((await running(n, identity, 1))[1], "failed")
        row = await n.finished(identity)
        again = sweeping._again

        async def looked_at(*given: Any) -> bool:
            await n.duties.fan_out("")
            return await again(*given)

        monkeypatch.setattr(sweeping, "_again", looked_at)
        await sweeping.retry(n.engine, row, {})
        assert [each.id for each in await n.engine.sweeps.active()] == [identity]
        assert not (await n.sweep(identity)).finished
        n.end((await running(n, identity, 1))[1])
        assert (await n.finished(identity)).completed == 1

    night(body)


def test_a_retry_in_a_sweep_of_a_backfill_opens_that_again_and_is_counted_once(night: Any) -> None:
    fires = [datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2)]

    async def body(n: Night) -> None:
        n.define(SEARCH, section="sweeps")
        of = (await sweeping.start_backfill(n.engine, Backfill(schedule="s", fires=fires, priority=0), "key"))[0]
        parent = await n.finished(of)
        assert (parent.open, parent.completed, parent.failed) == (0, 0, 2)
        row = (await n.engine.sweeps.newest(10))[0]
        assert row.parent == of
        assert await sweeping.retry(n.engine, row, {}) == sweeping.Retried(again=1)
        parent = await n.sweep(of)
        assert (parent.open, parent.failed, parent.finished) == (1, 1, None)
        parent = await n.finished(of)
        assert (parent.open, parent.started, parent.completed, parent.failed, parent.runs) == (0, 2, 0, 2, 2)

    night(body)


def test_a_trial_is_run_again_whose_metrics_were_not_read_yet(night: Any) -> None:
    async def body(n: Night) -> None:
        identity = await n.begin(grid(0.1, config=LONG, metric=METRIC))
        n.end((await running(n, identity, 1))[1], "stopped")
        row = await n.finished(identity)
        # ZenML could not be asked in the meantime.
        sweeps, later = n.engine.sweeps, await n.now() + timedelta(seconds=1)
        await n.write(*sweeps.count(identity, measuring=1), sweeps.to_measure(identity, 1, later))
        assert await sweeping.retry(n.engine, row, {}, stopped=True) == sweeping.Retried(again=1)
        assert (await n.sweep(identity)).measuring == 0
        n.end((await running(n, identity, 1))[1])
        row = await n.finished(identity)
        assert (row.completed, row.stopped, row.measuring) == (1, 0, 0)

    night(body)


def test_a_trial_that_could_not_be_started_waits_again(night: Any) -> None:
    async def body(n: Night) -> None:
        bad = grid(
            0.1, 0.2, config={"steps": {"model_trainer": {"parameters": {"epochs": "{{ 'x' if trial == 2 else 3 }}"}}}}
        )
        identity = await n.begin(bad)
        row = await n.finished(identity)
        assert (row.completed, row.dead) == (1, 1)
        assert (await results(n, identity))[2].failed
        assert await sweeping.retry(n.engine, row, {}) == sweeping.Retried(replayed=1)
        row = await n.finished(identity)
        assert (row.completed, row.dead, len(n.demo.state.runs)) == (1, 1, 1)

    night(body)


def test_a_sweep_that_was_cut_short_is_not_taken_up_again_by_a_retry(night: Any) -> None:
    async def body(n: Night) -> None:
        identity = await n.begin(definition(9, LONG, max_parallel=2))
        runs = await running(n, identity, 2)
        n.end(runs[1], "failed")
        await sweeping.cancel(n.engine, await n.sweep(identity), "ada", stop_running=True)
        row = await n.finished(identity)
        assert row.failed == 1
        await sweeping.retry(n.engine, row, {})
        again = await running(n, identity, 1)
        n.end(again[1])
        row = await n.finished(identity)
        assert row.total == row.recorded < 9

    night(body)


def test_an_extended_sweep_goes_on_where_it_was(night: Any) -> None:
    async def body(n: Night) -> None:
        identity = await n.begin(definition(3))
        row = await n.finished(identity)
        first = {number: run.configuration for number, run in n.trials(identity).items()}
        assert await sweeping.extend(n.engine, row, definition(5)) == sweeping.Extended(before=3, total=5)
        row = await n.finished(identity)
        assert (row.completed, row.total) == (5, 5)
        known = {number: run.configuration for number, run in n.trials(identity).items()}
        assert {number: known[number] for number in first} == first
        assert sorted(known) == [1, 2, 3, 4, 5]
        with pytest.raises(InvalidInput, match="cannot be extended"):
            await sweeping.extend(n.engine, row, definition(9, seed=5))

    night(body)


def test_a_sweep_that_is_extended_while_a_beat_takes_it_for_over_goes_on(night: Any) -> None:
    async def body(n: Night) -> None:
        identity = await n.begin(definition(2))
        row = await n.finished(identity)
        await sweeping.extend(n.engine, row, definition(3))
        assert not await n.engine.sweeps.finish(row, await n.now(), "")
        assert (await n.finished(identity)).completed == 3

    night(body)


def test_a_grid_gets_new_values_and_repeats_no_point(night: Any) -> None:
    async def body(n: Night) -> None:
        identity = await n.begin(grid(0.1, 0.2))
        row = await n.finished(identity)
        await sweeping.extend(n.engine, row, grid(0.05, 0.1, 0.15, 0.2))
        row = await n.finished(identity)
        assert row.completed == 4
        rates = [run.configuration["steps"]["model_trainer"]["parameters"]["lr"] for run in n.trials(identity).values()]
        assert sorted(rates) == [0.05, 0.1, 0.15, 0.2]

    night(body)
