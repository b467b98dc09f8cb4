"""`/api/v1/events`: outcomes as they come, as server-sent events that can be taken up where they broke off."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from worker.api import problems
from worker.api.access import Caller, Reader
from worker.api.context import Context
from worker.domain.errors import Fault, InvalidInput, StoreUnavailable
from worker.domain.outcome import Status
from worker.store.outcomes import place

logger = logging.getLogger("zenbeat.api")

router = APIRouter(prefix="/events", tags=["outcomes"])

KEEP_ALIVE_SECONDS = 15.0
"""So that nothing between us and the caller takes the stream for dead; and a key that was revoked ends it by then."""

RETRY_MS = 2000
"""How long a browser waits before it takes the stream up again."""

FULL_SECONDS = 10

SLOW = orjson.dumps({"detail": "outcomes came faster than they were read; begin again after the last"})

Form = Callable[[Mapping[str, str]], bytes]
"""How an outcome is told: in one line."""

Still = Callable[[], Awaitable[bool]]
"""Asked now and then whether a stream may go on, beside what its key says."""

STREAM_ID = re.compile(r"\d{1,19}(-\d{1,19})?")

ABOUT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The stream. `event: outcome` has an outcome as JSON in `data`, and its `id`; `event: gap` says"
        " that outcomes after the given id are not kept any more; `event: slow` is the last one for a caller that"
        " does not read as fast as outcomes come.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    503: {"description": "As many streams as may be are open, or Redis is away.", "model": problems.Problem},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which outcomes a caller wants; what is empty lets all through."""

    fields: Mapping[str, str]
    statuses: frozenset[str]

    def lets(self, outcome: Mapping[str, str]) -> bool:
        """Tell whether an outcome is among them."""
        if self.statuses and outcome.get("status") not in self.statuses:
            return False
        return all(outcome.get(name) == value for name, value in self.fields.items())


class EventStream(StreamingResponse):
    """A response that is counted for as long as it goes on."""

    media_type = "text/event-stream"

    def __init__(self, content: AsyncIterator[bytes], counted: AbstractContextManager[None]) -> None:
        # nginx keeps nothing back of an answer with this header.
        super().__init__(content, headers={"X-Accel-Buffering": "no"})
        self._counted = counted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        with self._counted:
            await super().__call__(scope, receive, send)


@router.get("", response_class=StreamingResponse, responses=ABOUT)
async def events(
    request: Request,
    caller: Reader,
    status: Annotated[list[Status] | None, Query(description="Repeatable.")] = None,
    schedule: Annotated[str | None, Query(max_length=255)] = None,
    pipeline: Annotated[str | None, Query(max_length=255)] = None,
    trigger: Annotated[str | None, Query(max_length=64)] = None,
    sweep: Annotated[str | None, Query(max_length=64)] = None,
    last_event_id: Annotated[
        str | None, Query(max_length=40, description="Begin after this one; `0`: with the oldest that is kept.")
    ] = None,
    last_id: Annotated[
        str | None, Header(alias="Last-Event-ID", description="The same; browsers send it by themselves.")
    ] = None,
) -> Any:
    """Follow the outcomes as they come. Without an id it begins now; with one, nothing that is kept is missed."""
    named = {"schedule": schedule, "pipeline": pipeline, "trigger": trigger, "sweep": sweep}
    wanted = Wanted(
        fields={name: value for name, value in named.items() if value is not None}, statuses=frozenset(status or ())
    )
    return await open_stream(request, caller, wanted, last_id or last_event_id)


async def open_stream(
    request: Request,
    caller: Caller,
    wanted: Wanted,
    last: str | None,
    form: Form = orjson.dumps,
    still: Still | None = None,
) -> Response:
    """Answer with a stream that begins after the outcome `last`, or now. Raises InvalidInput."""
    context = caller.context
    begin = _read_id(last)
    gap = await _gap(context, begin)
    if context.counters.streams >= context.engine.settings.api_streams:
        detail = f"{context.counters.streams} event streams are open, and no more may be (ZENBEAT_API_STREAMS)"
        return problems.problem(request, 503, "streams-full", detail, headers={"Retry-After": str(FULL_SECONDS)})
    stream = _Stream(context, caller, wanted, form, still or _still)
    return EventStream(stream.parts(begin, gap), context.counters.streaming())


def _read_id(given: str | None) -> str | None:
    """Read the id to begin after. Raises InvalidInput."""
    if not given:
        return None
    if not STREAM_ID.fullmatch(given) or max(place(given)) >= 2**64:
        message = "is not the id of an outcome, such as 1764576000000-0"
        raise InvalidInput([Fault(path="?last_event_id", message=message)])
    return given


async def _gap(context: Context, begin: str | None) -> dict[str, str | None] | None:
    """Tell after which outcome some may be missing, and which is the oldest that is kept; None if none is missing."""
    if begin is None or not any(place(begin)):
        return None
    oldest = await context.engine.outcomes.first_id()
    missing = oldest is None or place(begin) < place(oldest)
    return {"after": begin, "oldest": oldest} if missing else None


class _Stream:
    """One caller's stream."""

    def __init__(self, context: Context, caller: Caller, wanted: Wanted, form: Form, still: Still) -> None:
        self._context = context
        self._caller = caller
        self._wanted = wanted
        self._form = form
        self._still = still
        self._checked = self._sent = _now()

    async def parts(self, begin: str | None, gap: Mapping[str, Any] | None) -> AsyncIterator[bytes]:
        """Give the stream's text, part by part, until the caller is let go."""
        # Now is before the caller knows that it is heard: what it brings about then is not missed.
        begin = begin or self._context.tail.reached or None
        yield b"retry: %d\n\n" % RETRY_MS
        if gap is not None:
            yield _event("gap", orjson.dumps(gap))
        try:
            if begin is not None:
                async for found in self._context.tail.since(begin):
                    begin = found[-1]["id"]
                    yield self._text(found) or _mark(begin)
            # Nothing is waited for here: what is told from now on is heard.
            async for part in self._live(begin or "0"):
                yield part
        except StoreUnavailable as error:
            logger.warning("stream ended", extra={"reason": error, "request_id": self._caller.call.request_id})

    async def _live(self, seen: str) -> AsyncIterator[bytes]:
        with self._context.tail.listening() as listener:
            while not listener.over:
                found = [each for each in await listener.take(KEEP_ALIVE_SECONDS) if place(each["id"]) > place(seen)]
                seen = found[-1]["id"] if found else seen
                if not await self._let_in():
                    return
                text = self._text(found)
                if text or not found or _now() - self._sent > KEEP_ALIVE_SECONDS:
                    self._sent = _now()
                    yield text or _mark(seen)
            if listener.slow:
                yield _event("slow", SLOW)

    def _text(self, found: Iterable[Mapping[str, str]]) -> bytes:
        return b"".join(_event("outcome", self._form(each), each["id"]) for each in found if self._wanted.lets(each))

    async def _let_in(self) -> bool:
        """Look now and then whether the caller would still be let in."""
        if _now() - self._checked < KEEP_ALIVE_SECONDS:
            return True
        self._checked = _now()
        if not await self._still():
            return False
        identity = self._caller.call.key_id
        if not identity:
            return not await self._context.keyring.closed()
        now = self._context.engine.clock()
        ring = await self._context.engine.apikeys.ring()
        return any(key.id == identity and key.active(now) for key in ring.keys)


async def _still() -> bool:
    return True


def _event(kind: str, data: bytes, identity: str = "") -> bytes:
    head = f"id: {identity}\n" if identity else ""
    return b"%bevent: %b\ndata: %b\n\n" % (head.encode(), kind.encode(), data)


def _mark(seen: str) -> bytes:
    """Say that we are there, and how far the caller has come: what is left out need not be looked at again."""
    mark = f"id: {seen}\n".encode() if any(place(seen)) else b""
    return b": keep-alive\n%b\n" % mark


def _now() -> float:
    return asyncio.get_running_loop().time()
