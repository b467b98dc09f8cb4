"""What the first visitor would wait for, done before there is one: templates are read, and a first look is taken."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from worker.domain.errors import ZenbeatError
from worker.web.pages import environment


async def get_ready(look: Callable[[], Awaitable[object]]) -> None:
    """Read the templates and take a first look; then there is nothing more to do, for as long as the process lives.

    That Redis is away is no fault: then the first visitor waits, or is told so.
    """
    for name in environment().list_templates():
        environment().get_template(name)
        await asyncio.sleep(0)
    with suppress(ZenbeatError):
        await look()
    await asyncio.Event().wait()
