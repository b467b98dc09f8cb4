"""What happened is seen to once: over faults of ours, and over a lead that is lost."""

from datetime import timedelta
from typing import Any

import pytest

from tests.engine.night import Night
from worker.domain.errors import LeadLost

pytestmark = pytest.mark.usefixtures("brisk")

TWO = """
- name: s
  pipeline: training
  every: 1s
  max_runs: 1
  deadline: 1h
  notify: {to: 'https://a.example/'}
- name: f
  pipeline: scoring
  after: {schedule: s}
"""


def test_an_event_that_cannot_be_read_holds_up_no_other(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(TWO)
        (first,) = await n.started()
        await n.write(n.engine.events.add("follow", schedule="f", index=0, upstream="{"))
        n.end(first["run_id"])
        await n.started("f")
        (left,) = await n.engine.events.oldest(10)
        assert left.fields["upstream"] == "{", "it is kept, for it may be read by a later version"

    night(body)


def test_a_fault_of_ours_in_the_middle_of_a_batch_loses_nothing(night: Any, monkeypatch: Any) -> None:
    async def body(n: Night) -> None:
        n.define(TWO)
        (first,) = await n.started()
        n.end(first["run_id"], "failed")
        reactor: Any = n.duties._reactor
        told, failed = reactor._pause, []

        async def once(*given: Any) -> Any:
            if not failed:
                failed.append(given)
                raise RuntimeError("a fault of ours")
            return await told(*given)

        monkeypatch.setattr(reactor, "_pause", once)
        await n.until(lambda: _true(failed))
        assert await n.engine.results.newest("s") == [], "all of what follows is written, or nothing"
        assert await n.letters() == []
        n.restart()
        await n.results()
        assert len(await n.letters("failure")) == 1

    night(body)


async def _true(value: Any) -> Any:
    return value


def test_who_has_lost_the_lead_writes_nothing(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(TWO.replace("max_runs: 1", "max_runs: 9"))
        (first,) = await n.started()
        n.end(first["run_id"], "failed")
        await n.duties.look(n.fence)
        assert await n.engine.events.oldest(10)
        old = n.fence
        await n.engine.redis.set(n.engine.keys.leader, "999:another")
        before = await _everything(n)
        later = await n.now() + timedelta(hours=2)
        for _ in range(2):
            with pytest.raises(LeadLost):
                await n.duties.advance(n.scheduler.definitions, later, old)
            with pytest.raises(LeadLost):
                await n.scheduler.tick(later, old)
        assert await _everything(n) == before

    night(body)


async def _everything(n: Night) -> dict[bytes, Any]:
    redis: Any = n.engine.redis
    return {key: await redis.dump(key) for key in sorted(await redis.keys("*"))}
