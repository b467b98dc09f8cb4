"""Pauses by hand, with a beat that goes on meanwhile."""

from typing import Any

import pytest

from tests.engine.night import Night
from worker.domain.pause import Pause
from worker.engine import byhand
from worker.source import lint
from worker.store.connection import redis_time

EVERY = """
- name: s
  pipeline: training
  every: 1s
  catchup: all
"""


async def pause(n: Night) -> None:
    now = await redis_time(n.engine.redis)
    await byhand.pause(n.engine, "s", Pause(since=now, by="ann", why="the data is late"))


@pytest.mark.parametrize("catchup", [False, True])
def test_what_was_due_during_a_pause_is_made_up_for_only_if_asked_to(catchup: bool, night: Any, tmp_path: Any) -> None:
    async def body(n: Night) -> None:
        n.define(EVERY)
        await n.fired(count=1)
        await pause(n)
        entries = await n.fired(count=len(await n.ledger()) + 3)
        skipped = [entry for entry in entries if entry["decision"] == "skipped_paused"]
        assert len(skipped) >= 3
        assert "by ann: the data is late" in skipped[0]["reason"]
        (schedule,) = lint([tmp_path]).schedules
        now = await redis_time(n.engine.redis)
        assert await byhand.resume(n.engine, "s", schedule, "bob", now, catchup=catchup)
        assert await byhand.resume(n.engine, "s", schedule, "bob", now, catchup=catchup) is None
        entries = await n.fired(count=len(await n.ledger()) + 2)
        known = {entry["fire_time"]: entry["decision"] for entry in entries}
        assert len(known) == len(entries)
        assert {known[entry["fire_time"]] for entry in skipped} == {"fired" if catchup else "skipped_paused"}
        assert entries[-1]["decision"] == "fired"
        assert [each["status"] for each in await n.outcomes("paused", "resumed")] == ["paused", "resumed"]
        assert not [each for each in await n.engine.events.oldest(100) if each.kind in {"paused", "resumed"}]

    night(body)
