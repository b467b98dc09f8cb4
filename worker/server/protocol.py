"""HTTP/1.1 on one connection: uvicorn's protocol, with patience that ends and sizes that are bounded.

Uvicorn itself waits for ever for a head, a body, or somebody who does not read, and takes a head of any size. So:

* A whole head has to come within `patience` of the connection, and of the first byte of each later one.
* A reader has to take 1 KiB a second while it holds us up.
* With more than `connections`, one that rests is closed; if none does, requests are answered 503.

How long a body may take is the business of `worker.server.bodies`.
"""

import asyncio
import socket
from asyncio.events import TimerHandle
from dataclasses import dataclass
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import service_unavailable
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from worker.server.refusals import HEAD_TOO_LARGE, HEAD_TOO_SLOW, LINGER_SECONDS, NOT_HTTP, Refusal

HEAD_MAX = 32 * 1024
SLOWEST_READER = 1024
"""Bytes a second that a caller has to take, while as much as may be waits for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one connection may do. `patience` is in seconds."""

    patience: float
    connections: int = 1000


class PatientProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, bounds: Bounds, config: Config, state: ServerState, app_state: dict[str, Any]) -> None:
        super().__init__(config=config, server_state=state, app_state=app_state)
        self.limit_concurrency = bounds.connections + 1
        self._bounds = bounds
        self._in_head = False
        self._size = 0
        self._refused = False
        self._fault = NOT_HTTP
        self._head_timer: TimerHandle | None = None
        self._reader_timer: TimerHandle | None = None

    @property
    def answering(self) -> bool:
        """Whether a request is on its way here."""
        return bool(self.pipeline) or (self.cycle is not None and not self.cycle.response_complete)

    @property
    def resting(self) -> bool:
        """Whether nothing is going on: kept open for a next request."""
        return self.timeout_keep_alive_task is not None and not self._in_head

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection."""
        super().connection_made(transport)
        # asyncio sets this only on sockets with an explicit protocol number; without it, an answer may wait 40 ms.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._await_head()
        if len(self.connections) > self._bounds.connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """End a connection."""
        self._head_came()
        self._reader_moved()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        if self._refused:
            return
        if not self.answering:
            self._await_head()
        self._size += len(data)
        super().data_received(data)
        if self._in_head and self._size > HEAD_MAX:
            self._refuse(HEAD_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Begin a head."""
        super().on_message_begin()
        self._in_head = True
        self._size = 0
        self._await_head()

    def on_headers_complete(self) -> None:
        """End a head."""
        self._in_head = False
        self._head_came()
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > HEAD_MAX:
            self._fault = HEAD_TOO_LARGE
            raise ValueError("head too large")  # the parser stops, and uvicorn calls send_400_response
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the sentence is our own
        """Refuse what is no request."""
        self._refuse(self._fault)

    def pause_writing(self) -> None:
        """The caller does not read as fast as it is written to."""
        super().pause_writing()
        self._watch_reader(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """The caller has caught up."""
        self._reader_moved()
        super().resume_writing()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        busy = app is service_unavailable
        if busy:
            cycle.scope["state"]["busy"] = True  # said by worker.server.guard, in our own words
        super()._start_asgi_task(cycle, self.app if busy else app)

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self._bounds.patience, self._no_head)

    def _head_came(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _no_head(self) -> None:
        self._head_timer = None
        if self.answering:
            self.cycle.keep_alive = False  # what was asked before is answered, and that is all
        elif self._in_head:
            self._refuse(HEAD_TOO_SLOW)
        else:
            self.transport.close()

    def _refuse(self, refusal: Refusal) -> None:
        """Say no in place of an answer, and let the caller read it."""
        self._refused = True
        self._head_came()
        if self.answering and not self._give_up():
            self.transport.abort()
            return
        self.transport.write(refusal.on_the_wire())
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _give_up(self) -> bool:
        """Drop the request whose body cannot be read; False if the fault is in what comes after a request."""
        if self.pipeline or self.cycle.response_started or not self.cycle.more_body:
            return False  # a refusal would be taken for the answer to that, or get into its midst
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        return True

    def _watch_reader(self, before: int) -> None:
        self._reader_timer = self.loop.call_later(self._bounds.patience, self._look_at_reader, before)

    def _look_at_reader(self, before: int) -> None:
        left = self.transport.get_write_buffer_size()
        if before - left < SLOWEST_READER * self._bounds.patience:
            self.transport.abort()
        else:
            self._watch_reader(left)

    def _reader_moved(self) -> None:
        if self._reader_timer is not None:
            self._reader_timer.cancel()
            self._reader_timer = None

    def _make_room(self) -> None:
        """Close a connection that rests; where far too many are open and none rests, this one."""
        for other in self.connections:
            if isinstance(other, PatientProtocol) and other.resting:
                other.transport.close()
                return
        if len(self.connections) > 2 * self._bounds.connections:
            self.transport.abort()
