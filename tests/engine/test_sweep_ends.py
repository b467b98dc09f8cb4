"""What ends a sweep before its last trial, and what its trials report."""

from datetime import timedelta
from typing import Any

import pytest

from tests.engine.night import Night
from tests.engine.searches import LONG, LR, METRIC, definition, grid, results, running
from worker.domain.schedule import SweepDefinition
from worker.engine.duties import Duties

pytestmark = pytest.mark.usefixtures("brisk", "prompt")


# --- what ends a sweep


def test_a_budget_of_runs_is_exact(night: Any) -> None:
    async def body(n: Night) -> None:
        identity = await n.begin(definition(50, budget={"runs": 7}, max_parallel=3))
        row = await n.finished(identity)
        assert (row.started, len(n.demo.state.runs)) == (7, 7)
        assert row.ended == "it has had its 7 runs (budget.runs)"

    night(body)


def test_a_budget_of_hours_counts_what_runs_took(night: Any) -> None:
    async def body(n: Night) -> None:
        identity = await n.begin(definition(50, LONG, budget={"hours": 0.00001}, max_parallel=1))
        runs = await running(n, identity, 1)
        n.end(runs[1])
        row = await n.finished(identity)
        assert row.started == 1
        assert "budget.hours" in row.ended

    night(body)


def test_so_many_failures_end_a_sweep(night: Any) -> None:
    async def body(n: Night) -> None:
        identity = await n.begin(definition(9, LONG, stop_when={"failures": 2}, max_parallel=2))
        runs = await running(n, identity, 2)
        n.end(runs[1], "failed")
        n.end(runs[2], "failed")
        row = await n.finished(identity)
        assert row.ended == "2 trials failed (stop_when.failures: 2)"
        assert row.started <= 3

    night(body)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"metric": {**METRIC, "target": 0.9}}, "trial 2 reached accuracy 0.93 (target: 0.9)"),
        ({"metric": METRIC, "stop_when": {"reached": "accuracy > 0.9"}}, "trial 2 reached accuracy > 0.9"),
    ],
)
def test_a_metric_that_is_good_enough_ends_a_sweep(night: Any, words: Any, reason: str) -> None:
    async def body(n: Night) -> None:
        identity = await n.begin(definition(9, LONG, max_parallel=2, **words))
        runs = await running(n, identity, 2)
        n.demo.state.report(runs[1], {"accuracy": 0.4})
        n.demo.state.report(runs[2], {"accuracy": 0.93})
        n.end(runs[1])
        await n.until(lambda: _measured(n, identity, 1))
        n.end(runs[2])
        await n.until(lambda: _ended(n, identity))
        row = await n.sweep(identity)
        assert row.ended == reason
        assert (await results(n, identity))[2].metrics == {"accuracy": 0.93}

    night(body)


async def _measured(n: Night, identity: str, number: int) -> bool:
    found = (await results(n, identity)).get(number)
    return found is not None and bool(found.metrics)


async def _ended(n: Night, identity: str) -> str:
    return (await n.sweep(identity)).ended


# --- metrics


def test_a_metric_that_is_not_reported_is_missed_aloud(night: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.engine.measuring.PATIENCE", timedelta(milliseconds=200))
    monkeypatch.setattr("worker.engine.measuring.AGAIN", timedelta(milliseconds=50))

    async def body(n: Night) -> None:
        identity = await n.begin(grid(0.1, metric={"name": "bleu"}))
        row = await n.finished(identity)
        assert (row.completed, row.measuring) == (1, 0)
        (found,) = (await results(n, identity)).values()
        assert found.reason == "its run reported no bleu (log_metadata, of the run)"

    night(body)


def test_a_run_that_does_worse_than_others_did_is_stopped(night: Any) -> None:
    stop = {"type": "asha", "resource": "epoch", "min_iter": 1, "eta": 3}

    async def body(n: Night) -> None:
        identity = await n.begin(definition(3, LONG, metric=METRIC, early_terminate=stop))
        runs = await running(n, identity, 3)
        for number, accuracy in ((1, 0.9), (2, 0.8), (3, 0.1)):
            n.demo.state.report(runs[number], {"accuracy": accuracy, "epoch": 1})
            await n.until(lambda number=number: _reported(n, identity, number))
        await n.until(lambda: _stopped(n, identity))
        found = await results(n, identity)
        assert list(found) == [3]
        assert (found[3].fate, found[3].failed) == ("stopped", False)
        assert "accuracy" in (found[3].reason or "")
        n.end(runs[1])
        n.end(runs[2])
        row = await n.finished(identity)
        assert (row.completed, row.stopped, row.failed) == (2, 1, 0)

    night(body)


def test_a_run_is_compared_with_those_that_completed_before_they_were_asked(night: Any) -> None:
    stop = {"type": "median", "resource": "epoch", "min_trials": 2}

    async def body(n: Night) -> None:
        identity = await n.begin(definition(3, LONG, metric=METRIC, early_terminate=stop))
        runs = await running(n, identity, 3)
        for number, accuracy in ((1, 0.9), (2, 0.8)):
            n.demo.state.report(runs[number], {"accuracy": accuracy, "epoch": 2})
            n.end(runs[number])
            await n.until(lambda number=number: _reported(n, identity, number))
        await n.until(lambda: _completed(n, identity, 2))
        n.demo.state.report(runs[3], {"accuracy": 0.1, "epoch": 9})
        await n.until(lambda: _stopped(n, identity))
        reason = (await results(n, identity))[3].reason
        assert reason == "at epoch 9 its best accuracy 0.1 is worse than the median 0.85 of 2 other trials"

    night(body)


async def _reported(n: Night, identity: str, number: int) -> bool:
    return number in await n.engine.sweeps.all_reports(identity)


async def _stopped(n: Night, identity: str) -> bool:
    return (await n.sweep(identity)).stopped == 1


# --- samplers that learn


def bayes(cap: int, **more: Any) -> SweepDefinition:
    space = {LR: {"distribution": "log_uniform_values", "min": 0.0001, "max": 1.0}}
    return definition(cap, method="bayes", parameters=space, metric=METRIC, max_parallel=2, **more)


def test_a_sampler_that_learns_has_exactly_its_trials_through_a_restart(night: Any) -> None:
    async def body(n: Night) -> None:
        identity = await n.begin(bayes(12))
        await n.until(lambda: _completed(n, identity, 5))
        before = await n.engine.sweeps.all_asked(identity)
        await n.duties.close()
        n.duties = Duties(n.engine)  # the beat is killed, and another one takes over
        row = await n.finished(identity)
        assert (row.completed, row.recorded, len(n.demo.state.runs)) == (12, 12, 12)
        asked = await n.engine.sweeps.all_asked(identity)
        assert {number: asked[number] for number in before} == before
        rates = [plain["params"][LR] for plain in asked.values()]
        assert len(set(rates)) == 12
        found = await results(n, identity)
        assert all(each.metrics for each in found.values())
        sent = {
            number: run.configuration["steps"]["model_trainer"]["parameters"]["lr"]
            for number, run in n.trials(identity).items()
        }
        assert sent == {number: plain["params"][LR] for number, plain in asked.items()}

    night(body)


async def _completed(n: Night, identity: str, count: int) -> bool:
    return (await n.sweep(identity)).completed >= count
