"""Signs of life: taken away when a process ends, also where that takes a while and the process is told to end again."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from worker.domain.errors import StoreUnavailable
from worker.engine import signing
from worker.engine.signing import keep_signing


class Heartbeats:
    """A store that lets a sign be taken away when it is told to."""

    def __init__(self) -> None:
        self.signed, self.leaving, self.answers = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.left = 0
        self.error: Exception | None = None
        self.said: Mapping[str, Any] = {}

    async def beat(self, _role: str, _identity: str, said: Mapping[str, Any]) -> datetime:
        self.said = said
        self.signed.set()
        return datetime(2026, 3, 2, tzinfo=UTC)

    async def leave(self, *_: Any) -> None:
        self.leaving.set()
        await self.answers.wait()
        if self.error is not None:
            raise self.error
        self.left += 1


class Clock:
    """A clock that nobody has to set."""

    def __call__(self) -> datetime:
        return datetime(2026, 3, 2, tzinfo=UTC)

    def hear(self, _: datetime) -> None:
        """Take in what Redis said."""


def signs(heartbeats: Heartbeats) -> "asyncio.Task[None]":
    engine: Any = SimpleNamespace(heartbeats=heartbeats, clock=Clock())
    return asyncio.create_task(keep_signing(engine, "worker", "a", lambda: {"executed": 3}))


def test_it_tells_since_when_the_process_runs_and_what_it_did() -> None:
    async def body() -> None:
        heartbeats = Heartbeats()
        heartbeats.answers.set()
        task = signs(heartbeats)
        await heartbeats.signed.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        at = Clock()().isoformat()
        assert heartbeats.said == {"at": at, "since": at, "executed": 3}

    asyncio.run(body())


@pytest.mark.parametrize("times", [1, 2, 3])
def test_it_is_taken_away_however_often_the_end_is_told(times: int) -> None:
    async def body() -> None:
        heartbeats = Heartbeats()
        task = signs(heartbeats)
        await heartbeats.signed.wait()
        task.cancel()
        await heartbeats.leaving.wait()
        for _ in range(times - 1):
            task.cancel()
            await asyncio.sleep(0)
        assert not task.done()
        heartbeats.answers.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert heartbeats.left == 1

    asyncio.run(body())


@pytest.mark.parametrize("error", [StoreUnavailable("gone"), None], ids=["no Redis", "no answer"])
def test_where_it_cannot_be_taken_away_the_process_ends_all_the_same(
    error: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing, "LEAVE_SECONDS", 0.05)

    async def body() -> None:
        heartbeats = Heartbeats()
        heartbeats.error = error
        if error is not None:
            heartbeats.answers.set()
        task = signs(heartbeats)
        await heartbeats.signed.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert heartbeats.left == 0

    asyncio.run(body())
