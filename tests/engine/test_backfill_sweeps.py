"""A backfill of a schedule that begins sweeps: one for each fire time, whoever began it."""

from typing import Any

import pytest

from tests.engine.night import Night
from tests.engine.ranges import BEGIN, LONG, SHORT, again, days, decisions, have, runs, schedule_of, start
from worker.domain.schedule import Schedule
from worker.engine import sweeping
from worker.engine.newsweeps import fired_identity, fired_sweep
from worker.engine.prospects import look_ahead

pytestmark = pytest.mark.usefixtures("brisk")

NIGHTLY = """
- name: s
  pipeline: training
  method: grid
  cron: "0 1 * * *"
  overlap: {}
  parameters: {{steps.model_trainer.parameters.lr: {{values: [0.1, 0.2]}}}}
  {}
"""


async def defined(n: Night, config: str, overlap: str = "allow") -> Schedule:
    """Define a schedule that begins a sweep of two trials at one o'clock each day."""
    n.define(NIGHTLY.format(overlap, config), section="sweeps")
    await n.step()
    return schedule_of(n)


def test_a_sweep_begins_at_each_fire_time_and_it_is_over_when_they_are(night: Any) -> None:
    async def body(n: Night) -> None:
        schedule = await defined(n, SHORT)
        live = fired_sweep(schedule, BEGIN, await n.now())
        await n.write(*n.engine.sweeps.begin(live))  # its schedule has begun the first
        identity = await start(n, schedule, 3)
        row = await n.finished(identity)
        assert (row.known, row.started, row.completed, row.open) == (1, 2, 2, 0)
        await n.finished(live.id)
        ids = [fired_identity(schedule, fire) for fire in days(3)]
        children = [await n.sweep(each) for each in ids]
        assert [(child.completed, child.fire_time) for child in children] == [(2, fire) for fire in days(3)]
        assert [child.parent for child in children] == ["", identity, identity]
        priorities = [(await n.engine.sweeps.definition(each))["priority"] for each in ids]
        assert priorities == [schedule.priority, schedule.priority - 10, schedule.priority - 10]
        assert len(runs(n)) == 6
        assert await decisions(n) == ["fired"] * 3
        wanted, _ = again(schedule, 3)
        told = [prospect.told for prospect in await look_ahead(n.engine, schedule, wanted)]
        assert told == [f"had its sweep (sweep {each})" for each in ids]

    night(body)


def test_forced_another_sweep_begins(night: Any) -> None:
    async def body(n: Night) -> None:
        schedule = await defined(n, SHORT)
        await n.finished(await start(n, schedule, 1))
        await n.finished(await start(n, schedule, 1, force=True))
        await n.finished(await start(n, schedule, 1, force=True))
        assert len(runs(n)) == 4

    night(body)


def test_one_sweep_after_the_other_where_the_schedule_is_so(night: Any) -> None:
    async def body(n: Night) -> None:
        identity = await start(n, await defined(n, LONG, "skip"), 2)
        for number in (2, 4):
            begun = await have(n, number)
            await n.quiet()
            assert len(runs(n)) == number
            for run in begun[-2:]:
                n.end(str(run.id))
        assert (await n.finished(identity)).completed == 2

    night(body)


def test_what_is_done_with_it_is_done_with_its_sweeps(night: Any) -> None:
    async def body(n: Night) -> None:
        schedule = await defined(n, LONG)
        identity = await start(n, schedule, 1)
        begun = await have(n, 2)
        (child,) = [row for row in await n.engine.sweeps.active() if row.parent == identity]
        await sweeping.pause(n.engine, await n.sweep(identity), "ann")
        assert (await n.sweep(child.id)).paused == "ann"
        await sweeping.resume(n.engine, await n.sweep(identity))
        assert (await n.sweep(child.id)).paused == ""
        n.end(str(begun[0].id), "failed")
        n.end(str(begun[1].id))
        row = await n.finished(identity)
        assert (row.failed, row.completed, row.open) == (1, 0, 0)
        assert (await sweeping.retry(n.engine, row, {"s": schedule})).again == 1
        row = await n.sweep(identity)
        assert (row.failed, row.open, row.finished) == (0, 1, None)
        n.end(str((await have(n, 3))[-1].id))
        row = await n.finished(identity)
        assert (row.failed, row.completed, row.started, row.open, row.runs) == (0, 1, 1, 0, 1)

    night(body)


def test_cancelled_its_sweeps_end_with_it(night: Any) -> None:
    async def body(n: Night) -> None:
        identity = await start(n, await defined(n, LONG), 3, max_parallel=1)
        begun = await have(n, 2)
        (child,) = [row for row in await n.engine.sweeps.active() if row.parent == identity]
        await sweeping.cancel(n.engine, await n.sweep(identity), "ann", stop_running=False)
        for run in begun:
            n.end(str(run.id))
        row = await n.finished(identity)
        assert (row.ended, row.completed, row.recorded) == ("cancelled by ann", 1, 1)
        assert (await n.sweep(child.id)).ended == "cancelled by ann"
        assert len(runs(n)) == 2

    night(body)
