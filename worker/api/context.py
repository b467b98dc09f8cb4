"""What the routes of one process work with."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from worker.api.counting import Counters
from worker.engine.bell import Bell
from worker.engine.book import Book
from worker.engine.keyring import Keyring
from worker.engine.runtime import Engine
from worker.engine.tail import Tail


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Made by who runs the application; `bell` and `tail` have to be kept going beside it."""

    engine: Engine
    keyring: Keyring
    book: Book
    bell: Bell
    tail: Tail
    counters: Counters = field(default_factory=Counters)


async def _of_request(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


Ctx = Annotated[Context, Depends(_of_request)]
"""A route's parameter."""
