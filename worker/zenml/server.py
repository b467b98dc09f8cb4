"""What the server is: read once, kept for some minutes, read again when its answers say that it has changed."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from worker.domain.errors import NotSent, Refused, ZenMLError
from worker.zenml.auth import Clock
from worker.zenml.classify import server_time
from worker.zenml.models import ServerInfo
from worker.zenml.questions import Questions
from worker.zenml.replies import Info
from worker.zenml.versions import FIRST, capabilities, parse
from worker.zenml.wire import Answer

logger = logging.getLogger("zenbeat.zenml")

INFO_PATH = "/api/v1/info"

FRESH_SECONDS = 300.0


class Server:
    """Reads and keeps ServerInfo. An old one serves on while the server does not answer."""

    def __init__(self, questions: Questions, clock: Clock, wall: Callable[[], datetime] | None) -> None:
        self._questions = questions
        self._clock = clock
        self._wall = wall
        self._lock = asyncio.Lock()
        self._info: ServerInfo | None = None
        self._fresh_until = 0.0

    @property
    def known(self) -> ServerInfo | None:
        """What was read last, if anything."""
        return self._info

    async def info(self) -> ServerInfo:
        """Give what the server is. Raises Refused for a version that is too old, NotSent if nothing is known."""
        if self._info and self._clock() < self._fresh_until:
            return self._info
        async with self._lock:
            if self._info and self._clock() < self._fresh_until:
                return self._info
            self._info = await self._read_or_keep()
            self._fresh_until = self._clock() + FRESH_SECONDS
        return self._info

    async def ask(self) -> ServerInfo:
        """Ask now, whatever is known. Raises ZenMLError where the server does not answer."""
        async with self._lock:
            answered = await self._questions.answered(INFO_PATH, Info, what="itself", anonymous=True)
            self._info = self._understood(*answered)
            self._fresh_until = self._clock() + FRESH_SECONDS
            return self._info

    def doubt(self) -> None:
        """Have it read again at the next call: the server does not know what we took it to know."""
        self._fresh_until = 0.0

    async def _read_or_keep(self) -> ServerInfo:
        try:
            return self._understood(*await self._questions.answered(INFO_PATH, Info, what="itself", anonymous=True))
        except NotSent as error:
            if self._info is None:
                raise
            logger.warning("server not asked", extra={"reason": error, "version": self._info.version_text})
            return self._info

    def _understood(self, info: Info, answer: Answer) -> ServerInfo:
        version = parse(info.version)
        if version is None:
            raise _unfit(f"the server tells a version that cannot be read: {info.version[:40]!r}")
        if version < FIRST:
            raise _unfit(
                f"ZenML {info.version} has no run templates; zenbeat needs {'.'.join(map(str, FIRST))} or later"
            )
        theirs = server_time(answer)
        return ServerInfo(
            version=version,
            version_text=info.version,
            capabilities=capabilities(version),
            deployment_type=info.deployment_type or "",
            dashboard_url=(info.dashboard_url or "").rstrip("/") or None,
            server_url=(info.server_url or "").rstrip("/") or None,
            skew=(theirs - self._wall()).total_seconds() if theirs and self._wall else None,
        )


def _unfit(sentence: str) -> ZenMLError:
    return Refused(sentence, code="version")
