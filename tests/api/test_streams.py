"""Where a stream of outcomes begins, told apart from what a network makes of it."""

import asyncio
from typing import Any

from starlette.requests import Request

from worker.api.access import Caller, call_of
from worker.api.events import EventStream, Wanted, open_stream
from worker.domain.access import EVERYTHING
from worker.store.items import Item


async def opened(d: Any) -> Any:
    request = Request({"type": "http", "method": "GET", "path": "/", "headers": [], "client": None})
    caller = Caller(context=d.context, call=call_of(request), grants=EVERYTHING)
    answer = await open_stream(request, caller, Wanted(fields={}, statuses=frozenset()), None)
    assert isinstance(answer, EventStream)
    return aiter(answer.body_iterator)


def test_what_comes_once_a_stream_is_open_is_told_though_nobody_listened_yet(door: Any) -> None:
    async def body(d: Any) -> None:
        tail = d.context.tail
        async with asyncio.timeout(10):
            while not tail.reached:
                await asyncio.sleep(0.01)
            before = tail.reached
            parts = await opened(d)
            assert (await anext(parts)).startswith(b"retry: ")
            told = d.engine.outcomes.add({"status": "started", "trigger": "t-1"})
            await d.engine.triggers.record([Item(commands=[told])])
            while tail.reached == before:
                await asyncio.sleep(0.01)
            assert b'"trigger":"t-1"' in await anext(parts)

    door(body)
