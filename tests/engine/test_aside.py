"""Work that a tick does not wait for: begun once, and there when it is asked for again."""

import asyncio

import pytest

from worker.engine.aside import Aside


def test_work_is_begun_once_and_its_result_given_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.engine.aside.MOMENT", 0.01)
    begun: list[int] = []

    async def body() -> None:
        aside, ready = Aside(), asyncio.Event()

        async def work() -> int:
            begun.append(1)
            await ready.wait()
            return 7

        assert await aside.get(("a",), work) is None
        assert await aside.get(("a",), work) is None
        assert aside.busy
        ready.set()
        assert await aside.get(("a",), work) == 7
        assert len(begun) == 1
        assert not aside.busy

    asyncio.run(body())


def test_what_nobody_wants_any_more_is_no_work() -> None:
    async def body() -> None:
        aside = Aside()
        assert await aside.get(("b",), lambda: asyncio.sleep(0, 1)) == 1
        waiting = asyncio.create_task(aside.get(("a", "1"), lambda: asyncio.sleep(60, 1)))
        await asyncio.sleep(0)
        assert aside.busy
        aside.keep({"b"})
        assert not aside.busy
        waiting.cancel()

    asyncio.run(body())


def test_what_goes_wrong_is_told_to_who_asks() -> None:
    async def fail() -> int:
        raise IndexError("no such trial")

    async def body() -> None:
        with pytest.raises(IndexError, match="no such trial"):
            await Aside().get(("a",), fail)

    asyncio.run(body())
