"""A TCP proxy that behaves badly on demand: it hangs, cuts, delays, or loses answers."""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

CHUNK = 65_536


class Proxy:
    """Forwards to one port, on a thread of its own. `mode` is what it does from now on, also to open connections.

    pass; hang: nothing gets through any more; cut: every connection is closed, and new ones at once; slow: half a
    second each way; deaf: requests get through, answers do not.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._mode = "pass"
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.port = 0

    def __enter__(self) -> "Proxy":
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()
        self.set("cut")
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def set(self, mode: str) -> None:
        """Behave like this from now on."""
        self._mode = mode
        if mode in {"cut", "pass"}:
            # What was held back is gone, as after a broken cable: a connection goes on whole or not at all.
            self._loop.call_soon_threadsafe(self._close_all)

    def _close_all(self) -> None:
        for writer in tuple(self._writers):
            writer.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    @staticmethod
    async def _end() -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._mode == "cut":
            writer.close()
            return
        try:
            onward, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        self._writers |= {writer, back}
        with suppress(asyncio.CancelledError):  # the end of the proxy
            await asyncio.gather(self._pump(reader, back, answers=False), self._pump(onward, writer, answers=True))
        self._writers -= {writer, back}

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answers: bool) -> None:
        with suppress(OSError):
            while data := await source.read(CHUNK):
                if self._mode == "slow":
                    await asyncio.sleep(0.5)
                if self._mode == "hang" or (self._mode == "deaf" and answers):
                    continue
                sink.write(data)
                await sink.drain()
        sink.close()
