"""When a trigger that was asked for may be sent: at once, or not before an instant."""

from datetime import UTC, datetime, timedelta
from typing import Any

from worker.domain.trigger import Origin
from worker.engine.enqueue import accept
from worker.engine.requests import parse_request
from worker.engine.runtime import clock


def test_what_is_asked_for_now_goes_at_once_also_when_the_askers_clock_goes_ahead(flow: Any) -> None:
    async def body(f: Any) -> None:
        ahead = clock() + timedelta(hours=1)
        accepted = await accept(f.engine.requests, Origin.CLI, parse_request({"pipeline": "training"}), "k", ahead)
        ids = (await f.engine.limits.dispatch()).ids
        assert ids == [accepted.trigger.id]

    flow(body)


def test_what_is_asked_for_later_waits_until_then(flow: Any) -> None:
    async def body(f: Any) -> None:
        instant = datetime(2100, 1, 1, tzinfo=UTC)
        await f.ask(not_before=instant.isoformat())
        found = await f.engine.limits.dispatch()
        assert (found.ids, found.later) == ([], instant)

    flow(body)
