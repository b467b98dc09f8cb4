"""The API's process: what it is made of, where it listens, and how it ends."""

import asyncio
import contextlib
import gc
import logging
import resource
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeAlias

from worker.api.context import Context
from worker.celery import publish
from worker.domain.errors import StoreUnavailable, ZenbeatError
from worker.engine.bell import Bell
from worker.engine.book import Book
from worker.engine.cancelling import cancelled
from worker.engine.keyring import Keyring
from worker.engine.runtime import Engine, open_engine, process_name
from worker.engine.signing import keep_signing
from worker.engine.tail import Tail
from worker.server.layers import protected
from worker.server.listening import Place, address_of
from worker.server.protocol import Bounds
from worker.server.proxies import read_proxies
from worker.server.serving import Server
from worker.settings import Settings
from worker.source import Source
from worker.web.app import make_app
from worker.web.beforehand import get_ready

logger = logging.getLogger("zenbeat.api")

Task: TypeAlias = asyncio.Task[Any]

LOOK_SECONDS = 2.0
"""How often it is seen whether there is a key by now."""

DESCRIPTORS = 8192
"""Open files and connections that we ask the system for; many begin with 1024."""


def serve(settings: Settings, host: str, port: int) -> None:
    """Run the API until SIGTERM or SIGINT. Raises InvalidInput for settings, ZenbeatError where it cannot listen."""
    read_proxies(settings.trusted_proxies)
    place = Place(host=host, port=port)
    _ask_for_descriptors()
    with place.at_home.bind() as listening:
        asyncio.run(_Process(settings, place, listening).run())


class _Process:
    """What works on the one event loop."""

    def __init__(self, settings: Settings, place: Place, listening: socket.socket) -> None:
        self._settings = settings
        self._place = Place(host=place.host, port=listening.getsockname()[1])
        self._listening = listening

    async def run(self) -> None:
        """Serve, and do what has to go on beside it; if any of that ends, all of it does."""
        engine = open_engine(self._settings, publish)
        context = make_context(engine)
        pages = make_app(context)
        app = protected(pages, self._settings, context.counters)
        gc.freeze()  # what is there for good: to look through it again and again would hold up every answer
        server = Server(app, Bounds(patience=self._settings.api_timeout), context.tail.close)
        beside = [
            asyncio.create_task(work)
            for work in (
                context.bell.watch(),
                context.tail.watch(),
                context.book.watch(),
                keep_signing(engine, "api", process_name()),
                get_ready(pages.state.lookout.look),
                self._open(server, context.keyring),
            )
        ]
        try:
            with _ended_by_signals(server):
                await _all_or_none(server.serve(sockets=[self._listening]), server.end, beside)
        finally:
            await cancelled(beside)
            await engine.close()
        logger.info("ended")

    async def _open(self, server: Server, keyring: Keyring) -> None:
        """Listen at the wanted address as soon as there is a key, and for ever: what was open may be locked at most."""
        logger.info("listening", extra={"url": address_of(self._listening)})
        if not self._place.loopback:
            wanted = f"{self._place.host} port {self._place.port}"
            logger.warning("this machine alone", extra={"wanted": wanted, "reason": "there is no API key yet"})
            await _first_key(keyring)
            done = await self._widen(server)
            while not done:
                await asyncio.sleep(LOOK_SECONDS)
                done = await self._widen(server)
        await asyncio.Event().wait()

    async def _widen(self, server: Server) -> bool:
        await server.listen([])  # the two addresses may be one and the same to the system
        try:
            listening, done = self._place.bind(), True
        except ZenbeatError as error:
            logger.error("not listening", extra={"reason": error})
            listening, done = self._place.at_home.bind(), False
        await server.listen([listening])
        if done:
            logger.info("listening", extra={"url": address_of(listening), "reason": "there is an API key"})
        return done


def make_context(engine: Engine) -> Context:
    """Put together what the routes work with."""
    return Context(
        engine=engine,
        keyring=Keyring(engine),
        book=Book(Source(engine.settings.schedules_dir), engine.booked),
        bell=Bell(engine.dispatcher.ring),
        tail=Tail(engine.outcomes),
    )


async def _first_key(keyring: Keyring) -> None:
    """Wait until there is a key. While Redis is away, nobody knows."""
    while True:
        with contextlib.suppress(StoreUnavailable):
            if await keyring.closed():
                return
        await asyncio.sleep(LOOK_SECONDS)


async def _all_or_none(serving: Coroutine[Any, Any, None], end: Callable[[], None], beside: list[Task]) -> None:
    """Serve to the end. What goes on beside never ends by itself: if it does, that is a fault, and raised."""
    task = asyncio.create_task(serving)
    await asyncio.wait([task, *beside], return_when=asyncio.FIRST_COMPLETED)
    end()
    await task
    for each in beside:
        if each.done():
            each.result()


@contextlib.contextmanager
def _ended_by_signals(server: Server) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.end)
    yield
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.remove_signal_handler(number)


def _ask_for_descriptors() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
