"""A receiver of alerts on the wire, on the test's own loop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass
class Inbox:
    """Keeps what it gets, and answers with `status`; with None it does not answer until the test is over."""

    status: int | None = 204
    seen: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Message id and body of each request."""
    url: str = ""
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def told(self) -> list[tuple[str, str]]:
        """Give kind and schedule of each alert that came alone."""
        return [(body["data"]["kind"], body["data"]["schedule"]) for _, body in self.seen if "kind" in body["data"]]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        fields = dict(line.split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(fields["content-length"]))
        self.seen.append((fields["webhook-id"], orjson.loads(body)))
        if self.status is None:
            await self.ended.wait()
        else:
            writer.write(f"HTTP/1.1 {self.status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def inbox(status: int | None = 204) -> AsyncIterator[Inbox]:
    """Serve while the `with` lasts."""
    one = Inbox(status)
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        yield one
    finally:
        one.ended.set()
        server.close()
        await server.wait_closed()
