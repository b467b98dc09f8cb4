"""A sweep: its trials are computed, recorded little by little, each once."""

from datetime import UTC, datetime
from typing import Any

import pytest

from worker.demo.zenml import DemoServer
from worker.demo.zenml.course import failed
from worker.domain.errors import InvalidInput
from worker.domain.schedule import SweepDefinition, Target
from worker.domain.sweep import parse_sweep
from worker.domain.trigger import Origin, trial_source, trigger_id
from worker.engine.definitions import decode_sweep, encode_sweep

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def definition(cap: int, **more: Any) -> SweepDefinition:
    parameters = {"steps.model_trainer.parameters.lr": {"min": 0.001, "max": 0.1}}
    sweep = parse_sweep({"method": "random", "run_cap": cap, "parameters": parameters, **more})
    target = Target(pipeline="training", config={"steps": {"model_trainer": {"parameters": {"model_type": "svm"}}}})
    return SweepDefinition(name="lr", target=target, sweep=sweep)


def test_a_definition_survives_the_way_through_redis() -> None:
    assert decode_sweep(encode_sweep(definition(5, seed=3))) == definition(5, seed=3)


def test_a_thousand_trials_are_a_thousand_runs_with_their_own_parameters(flow: Any, demo: DemoServer) -> None:
    wanted = definition(1000)

    async def body(f: Any) -> None:
        identity, new = await f.engine.fanout.start(wanted, "tonight")
        assert new
        while await f.engine.sweeps.active():
            await f.engine.fanout.advance("")
            await f.settle()
        row = await f.engine.sweeps.get(identity)
        assert (row.total, row.recorded, row.started, row.open, row.done) == (1000, 1000, 1000, 0, True)
        assert len(demo.state.runs) == 1000
        state = await f.state(trigger_id(Origin.SWEEP, trial_source(identity, 7)))
        (run,) = [run for run in demo.state.runs.values() if str(run.id) == state["run_id"]]
        parameters = run.configuration["steps"]["model_trainer"]["parameters"]
        assert parameters == {"model_type": "svm", "lr": wanted.sweep.trial(7)["steps.model_trainer.parameters.lr"]}
        assert f"zenbeat:sweep={identity}" in run.tags

    flow(body)


def test_the_same_key_is_the_same_sweep_and_another_definition_under_it_is_refused(flow: Any) -> None:
    async def body(f: Any) -> None:
        first = await f.engine.fanout.start(definition(3), "key")
        assert await f.engine.fanout.start(definition(3), "key") == (first[0], False)
        with pytest.raises(InvalidInput, match="another definition"):
            await f.engine.fanout.start(definition(4), "key")
        assert (await f.engine.fanout.start(definition(3), "other"))[0] != first[0]

    flow(body)


def test_recording_the_same_trials_again_doubles_nothing(flow: Any, demo: DemoServer) -> None:
    async def body(f: Any) -> None:
        identity, _ = await f.engine.fanout.start(definition(5), "key")
        await f.engine.fanout.advance("")
        await f.engine.redis.hset(f.engine.keys.sweep(identity), "next", 1)  # a Redis that lost the last second
        await f.engine.fanout.advance("")
        await f.settle()
        assert len(demo.state.runs) == 5
        row = await f.engine.sweeps.get(identity)
        assert (row.started, row.open) == (5, 0)

    flow(body)


def test_max_parallel_counts_the_runs_that_go_on(flow: Any, demo: DemoServer) -> None:
    parameters = {"steps.model_trainer.parameters.seconds": {"value": 600.0}}
    sweep = parse_sweep({"method": "random", "run_cap": 9, "max_parallel": 3, "parameters": parameters})
    wanted = SweepDefinition(name="slow", target=Target(pipeline="training"), sweep=sweep)

    async def body(f: Any) -> None:
        await f.engine.fanout.start(wanted, "key")
        for _ in range(3):
            await f.engine.fanout.advance("")
            await f.settle()
            f.engine.fanout._looked.clear()  # a look at ZenML every few seconds is enough; here it is at once
        assert len(demo.state.runs) == 3
        for run in demo.state.runs.values():
            run.course = failed(demo.state.now(), "ended by the test")
        await f.engine.fanout.advance("")
        await f.settle()
        assert len(demo.state.runs) == 6

    flow(body)


def test_a_sweep_that_cannot_be_computed_ends_with_its_reason_and_holds_up_nothing(flow: Any) -> None:
    parameters = {"n": {"values": [1, 0, 2]}}
    sweep = parse_sweep({"method": "grid", "parameters": parameters})
    target = Target(pipeline="training", config={"extra": {"share": "{{ 1 // params.n }}"}})

    async def body(f: Any) -> None:
        broken, _ = await f.engine.fanout.start(SweepDefinition(name="bad", target=target, sweep=sweep), "key")
        sound, _ = await f.engine.fanout.start(definition(3), "key")
        await f.engine.fanout.advance("")
        row = await f.engine.sweeps.get(broken)
        assert (row.recorded, row.total) == (0, 0)
        assert "extra.share" in row.ended
        assert (await f.engine.sweeps.get(sound)).recorded == 3

    flow(body)
