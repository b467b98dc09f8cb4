"""What the first visitor would wait for is done before there is one."""

import asyncio
from typing import Any

import pytest

from worker.domain.errors import StoreUnavailable
from worker.web.beforehand import get_ready
from worker.web.pages import environment


@pytest.mark.parametrize("error", [None, StoreUnavailable("Redis is away")])
def test_templates_are_read_and_a_look_is_taken_and_it_never_ends(error: Any) -> None:
    looked = asyncio.Event()

    async def look() -> None:
        looked.set()
        if error:
            raise error

    async def body() -> None:
        task = asyncio.create_task(get_ready(look))
        await asyncio.wait_for(looked.wait(), 30)
        await asyncio.sleep(0)
        assert not task.done()
        task.cancel()

    environment.cache_clear()
    asyncio.run(body())
    templates = environment()
    assert templates.cache is not None
    assert {name for _, name in templates.cache} == set(templates.list_templates())
