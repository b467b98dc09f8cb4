"""What is held for an overlap policy: who is let through, and who is not."""

from datetime import timedelta
from typing import Any

import pytest

from worker.domain.pause import Pause
from worker.domain.schedule import Overlap
from worker.store.items import Entry, Item
from worker.store.pauses import PauseStore

from .stores import LONG, LONG_AGO, Store, make

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(("ends_in", "state"), [(-MINUTE, "waiting"), (MINUTE, "skipped"), (None, "skipped")])
def test_a_pause_that_has_ended_lets_through_though_it_is_still_on_record(
    ends_in: timedelta | None, state: str, run: Any
) -> None:
    async def body(store: Store) -> None:
        now = await store.now()
        pause = Pause(since=now - LONG, by="ann", until=now + ends_in if ends_in else None)
        pauses = PauseStore(store.redis, store.keys)
        held = make("a", schedule="s", fire_time=LONG_AGO)
        entry = Entry(trigger=held, overlap=Overlap.SKIP)
        await store.triggers.record([Item(commands=[pauses.begin("s", pause)], entries=[entry])])
        assert await pauses.get("s") == pause
        admitted = await store.triggers.admit()
        assert admitted.count == (state == "waiting")
        assert (await store.state(held.id))["state"] == state

    run(body)
