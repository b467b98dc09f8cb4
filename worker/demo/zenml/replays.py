"""Idempotency-Key as ZenML keeps it: the answer is repeated for 300 s, the body is not compared."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from starlette.responses import PlainTextResponse, Response

from worker.demo.zenml.refusals import busy

KEPT = timedelta(seconds=300)

Work = Callable[[], Awaitable[Response]]


@dataclass(slots=True)
class Entry:
    """What is known of one key. Without an answer and a task it is poisoned: the server died in mid-request."""

    route: str
    task: asyncio.Task[Response] | None = None
    answer: Response | None = None


class Replays:
    """The keys that were used lately."""

    def __init__(self, *, seconds: float, now: Callable[[], datetime]) -> None:
        self._seconds = seconds
        self._now = now
        self._entries: dict[UUID, Entry] = {}
        self._ends: deque[tuple[datetime, UUID]] = deque()

    def poison(self, key: str, route: str) -> None:
        """Leave a key as a server does that dies in mid-request: it is answered with 429 for ever.

        `route` is the request's method and full address.
        """
        self._entries[UUID(key)] = Entry(route=route)

    async def answer(self, key: str, route: str, work: Work) -> Response:
        """Do the work once for a key, however many ask; an answer that is an error is not kept.

        `work` gives its errors as answers. Waits so long as it was told to, then says 429, and the work goes on.
        The same key for another route is ignored.
        """
        try:
            identity = UUID(key)
        except ValueError:
            return PlainTextResponse("Internal Server Error", 500)
        self._forget_old()
        entry = self._entries.get(identity)
        if entry is None:
            entry = self._entries[identity] = Entry(route=route)
            entry.task = asyncio.create_task(self._carry_out(identity, entry, work))
        elif entry.route != route:
            return await work()
        if entry.answer is not None:
            return entry.answer
        if entry.task is None:
            return busy()
        done, _ = await asyncio.wait({entry.task}, timeout=self._seconds)
        return entry.task.result() if done else busy()

    async def _carry_out(self, identity: UUID, entry: Entry, work: Work) -> Response:
        try:
            answer = await work()
        except BaseException:
            self._entries.pop(identity, None)
            raise
        if answer.status_code >= 400:
            self._entries.pop(identity, None)
        else:
            entry.answer = answer
            self._ends.append((self._now() + KEPT, identity))
        return answer

    def _forget_old(self) -> None:
        now = self._now()
        while self._ends and self._ends[0][0] <= now:
            self._entries.pop(self._ends.popleft()[1], None)
