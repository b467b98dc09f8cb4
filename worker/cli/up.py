"""`up`: everything in one terminal. Starts the parts, watches them, and says in plain lines what happens."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import click

from worker import running
from worker.cli.lines import Printer
from worker.demo.valkey import EmbeddedRedis, die_with_parent
from worker.demo.zenml import DEMO_API_KEY
from worker.domain.errors import ZenbeatError
from worker.engine.runtime import clock
from worker.settings import Settings, load_settings
from worker.source import lint

DEMO_PORT = 8237

STOP_SECONDS = 3.0
"""How long the parts may take to end before they are killed: claims and records make that safe."""

LONGEST_PAUSE = 30.0
CALM_SECONDS = 60.0
"""A part that ran for so long and then died is restarted soon; one that dies again and again, ever more seldom."""

QUIET = "ignore:You're running the worker with superuser,ignore::PendingDeprecationWarning"
"""`up` is for a first look, often in a container, where everybody is root; and Celery 6 is not here yet."""


@dataclass(slots=True, kw_only=True)
class Part:
    """One process of ours."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    process: asyncio.subprocess.Process | None = None
    last_words: list[str] = field(default_factory=list)
    """The last line that was no log line, if any."""


class Supervisor:
    """Keeps the parts running until it is told to stop."""

    def __init__(self, printer: Printer) -> None:
        self._printer = printer
        self._stopping = asyncio.Event()
        self._parts: list[Part] = []

    def stop(self) -> None:
        """End everything; may be called from a signal."""
        self._stopping.set()

    async def run(self, parts: Sequence[Part], redis: EmbeddedRedis | None) -> None:
        """Run the parts until `stop`."""
        self._parts = list(parts)
        keepers = [asyncio.create_task(self._keep(part)) for part in parts]
        if redis is not None:
            keepers.append(asyncio.create_task(self._keep_redis(redis)))
        await self._stopping.wait()
        self._printer.say("up", "ending …")
        await asyncio.gather(*(self._end(part) for part in self._parts))
        await asyncio.gather(*keepers)

    async def _keep(self, part: Part) -> None:
        """Start a part, and start it again whenever it dies."""
        pause = 1.0
        while not self._stopping.is_set():
            begin = asyncio.get_running_loop().time()
            code = await self._run(part)
            if self._stopping.is_set():
                return
            lived = asyncio.get_running_loop().time() - begin
            pause = 1.0 if lived > CALM_SECONDS else min(pause * 2, LONGEST_PAUSE)
            why = f"; it said: {part.last_words[-1]}" if part.last_words else ""
            self._printer.warn(part.name, f"died ({_ended(code)}){why}; starting it again in {pause:.0f} s")
            await self._wait(pause)

    async def _run(self, part: Part) -> int:
        part.last_words.clear()
        part.process = await asyncio.create_subprocess_exec(
            *part.command,
            env=dict(part.environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=1024 * 1024,
            preexec_fn=die_with_parent,
        )
        async for line in _lines(part.process):
            self._printer.line(part.name, line)
            # What is no log line is a program's own last words, such as a Python error.
            if line.strip() and not line.startswith("{"):
                part.last_words = [line.strip()]
        return await part.process.wait()

    async def _keep_redis(self, redis: EmbeddedRedis) -> None:
        while not self._stopping.is_set():
            await self._wait(0.5)
            if self._stopping.is_set() or redis.exited() is None:
                continue
            self._printer.warn("redis", f"died ({_ended(redis.exited() or 0)}); starting it again with its data")
            try:
                redis.start()
            except ZenbeatError as error:
                self._printer.warn("redis", str(error))
                await self._wait(5)

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    @staticmethod
    async def _end(part: Part) -> None:
        process = part.process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _lines(process: asyncio.subprocess.Process) -> AsyncIterator[str]:
    """Give what a part says, line by line; one that is longer than the pipe's buffer may be is left out."""
    while process.stdout is not None:
        try:
            line = await process.stdout.readline()
        except ValueError:
            continue
        if not line:
            return
        yield line.decode(errors="replace").rstrip("\n")


def _ended(code: int) -> str:
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the parts of `up` are that others call."""

    demo: int
    api: int


def _parts(settings: Settings, redis_url: str, ports: Ports) -> list[Part]:
    environment = {
        **os.environ,  # noqa: TID251 - handed on to the parts, not read
        "REDIS_URL": redis_url,
        "LOG_FORMAT": "json",
        "PYTHONWARNINGS": QUIET,
        "PYTHONUNBUFFERED": "1",
    }
    environment.pop("REDIS_URL_FILE", None)
    parts = []
    if settings.zenml_url is None:
        environment |= _demo(ports.demo)
        demo = [sys.executable, "-m", "worker", "demo-zenml", "--port", str(ports.demo)]
        parts.append(Part(name="demo", command=demo, environment=environment))
    for role in ("worker", "beat"):
        command = [sys.executable, "-m", "celery", "--quiet", "-A", "worker", role]
        parts.append(Part(name=role, command=command, environment=environment))
    api = [sys.executable, "-m", "worker", "api", "--port", str(ports.api)]
    parts.append(Part(name="api", command=api, environment=environment))
    return parts


def _demo(port: int) -> dict[str, str]:
    return {"ZENML_STORE_URL": f"http://127.0.0.1:{port}", "ZENML_STORE_API_KEY": DEMO_API_KEY}


def _own_redis(settings: Settings) -> EmbeddedRedis | None:
    """Give the embedded Redis, unless an address is set."""
    if "redis_url" in settings.model_fields_set:
        return None
    return EmbeddedRedis(settings.data_dir / "valkey")


def _note(settings: Settings, redis: EmbeddedRedis | None, redis_url: str, ports: Ports) -> dict[str, str]:
    """Give what others cannot know: what was not set."""
    return {
        **({"REDIS_URL": redis_url} if redis else {}),
        **({} if settings.zenml_url else _demo(ports.demo)),
        **({} if ports.api == settings.api_port else {"ZENBEAT_API_PORT": str(ports.api)}),
    }


DEMO_WAY_OUT = "choose another with `up --demo-port N`, or set ZENML_STORE_URL to a real server"
API_WAY_OUT = "choose another with `up --api-port N` or ZENBEAT_API_PORT"


def _check_port(port: int, what: str, way_out: str) -> int:
    """See that a port is free; gives its number, also where any will do. Raises ZenbeatError."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ZenbeatError(
                f"port {port}, for {what}, is taken ({error.strerror}): end the program that has it, or {way_out}"
            ) from error
        free: int = probe.getsockname()[1]
        return free


@asynccontextmanager
async def _signals(supervisor: Supervisor) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, supervisor.stop)
    yield
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.remove_signal_handler(number)


async def _up(settings: Settings, printer: Printer, redis: EmbeddedRedis | None, redis_url: str, ports: Ports) -> None:
    supervisor = Supervisor(printer)
    async with _signals(supervisor):
        await supervisor.run(_parts(settings, redis_url, ports), redis)


def _greet(printer: Printer, settings: Settings, redis: EmbeddedRedis | None, ports: Ports) -> None:
    where = f"embedded, data in {redis.directory}" if redis else "the one of REDIS_URL"
    printer.say("up", f"Redis: {where}")
    if settings.zenml_url is None:
        printer.say("up", f"ZenML: a DEMO server at http://127.0.0.1:{ports.demo}/ - nothing on it is real;")
        printer.say("up", "       set ZENML_STORE_URL and ZENML_STORE_API_KEY to start real runs")
    else:
        printer.say("up", f"ZenML: {settings.zenml_url}")
    printer.say("up", f"Dashboard: http://127.0.0.1:{ports.api}/")
    printer.say("up", f"API: http://127.0.0.1:{ports.api}/docs")
    printer.expect(clock())
    printer.say("up", "In another terminal, `zenbeat` finds all this by itself: zenbeat top, zenbeat doctor")
    printer.say("up", f"Other programs find the addresses in {settings.data_dir / running.NOTE}")
    printer.say("up", "Ctrl-C ends everything; the data stays")


@click.command()
@click.option(
    "--demo-port",
    type=click.IntRange(1, 65535),
    default=DEMO_PORT,
    show_default=True,
    help="Port of the demo ZenML server.",
)
@click.option("--api-port", type=click.IntRange(0, 65535), help="Port of the HTTP API; ZENBEAT_API_PORT, or 8420.")
def up(demo_port: int, api_port: int | None) -> None:
    """Start everything in this terminal: Redis, beat, worker, dashboard and API, and a demo ZenML where none is set."""
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    settings = load_settings(join=False)
    printer = Printer(lambda: lint([settings.schedules_dir]).schedules)
    if settings.zenml_url is None:
        _check_port(demo_port, "the demo ZenML server", DEMO_WAY_OUT)
    free = _check_port(settings.api_port if api_port is None else api_port, "the HTTP API", API_WAY_OUT)
    ports = Ports(demo=demo_port, api=free)
    redis = _own_redis(settings)
    try:
        redis_url = redis.start() if redis else settings.redis
        running.leave(settings.data_dir, _note(settings, redis, redis_url, ports))
        _greet(printer, settings, redis, ports)
        asyncio.run(_up(settings, printer, redis, redis_url, ports))
    finally:
        running.take_away(settings.data_dir)
        if redis is not None:
            redis.stop()
    printer.say("up", "ended")
