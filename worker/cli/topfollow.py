"""What `zenbeat top` does until somebody ends it: look, listen, and draw, none of them more often than it must."""

import asyncio
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from rich.console import Console
from rich.text import Text

from worker.cli.keyboard import Key
from worker.cli.toplook import Look
from worker.cli.toppicture import Known, View, draw, footer
from worker.cli.topscreen import Screen
from worker.domain.errors import StoreUnavailable
from worker.engine.runtime import Engine, clock

OUTCOMES = 100
"""Outcomes that are kept to be shown."""

MORE = 50
"""Schedules that are read beyond those on the screen: for who moves on."""

LONGEST_SECONDS = 5.0
"""After so long it looks again, whatever happens."""
SOONEST_SECONDS = 2.0
"""And not before that, when something has happened."""
REST = 20
"""How many times as long as the last look took there is none."""

TICK_SECONDS = 1.0
"""Times such as `in 12 s` go on."""
NEWS_SECONDS = 0.5
"""With outcomes it is drawn so often, at the most."""
KEY_SECONDS = 0.04
"""And with keys, which may be held down, so often."""

AGAIN_SECONDS = 2.0
PATIENCE = timedelta(seconds=2)

BY_SIGNAL = 128


class Following:
    """The picture as it goes on."""

    def __init__(self, engine: Engine, terminal: Console, view: View) -> None:
        self._engine = engine
        self._look = Look(engine)
        self._terminal = terminal
        self._view = view
        self._screen = Screen(terminal, self._press, lambda: self._wake(KEY_SECONDS))
        self._known = Known(at=clock(), trouble="Looking …")
        self._shown = self._known
        self._outcomes: deque[Mapping[str, str]] = deque(maxlen=OUTCOMES)
        self._stale, self._stir = asyncio.Event(), asyncio.Event()
        self._drawn = self._due = 0.0

    async def until_ended(self) -> int:
        """Show it; gives the exit code."""
        self._view.keys = self._screen.keys
        with self._screen.shown():
            tasks = [asyncio.create_task(work()) for work in (self._look_on, self._listen, self._draw_on)]
            tasks.append(asyncio.create_task(self._ended()))
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()  # what nobody has thought of is told when the terminal is its own again
        return BY_SIGNAL + self._screen.ended_by if self._screen.ended_by else 0

    async def _ended(self) -> None:
        await self._screen.over.wait()

    # --- reading

    async def _look_on(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            self._stale.clear()
            try:
                overview = await self._look.overview(self._view.first + self._view.rows + MORE)
                self._known = replace(self._known, overview=overview, trouble="")
                rest = max(SOONEST_SECONDS, REST * (loop.time() - begun))
            except StoreUnavailable as error:
                self._known = replace(self._known, trouble=f"{error}; trying again")
                rest = AGAIN_SECONDS
                self._stale.set()
            self._wake(NEWS_SECONDS)
            await asyncio.sleep(rest)
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_SECONDS - SOONEST_SECONDS):
                    await self._stale.wait()

    async def _listen(self) -> None:
        last = ""
        while True:
            try:
                found = await self._since(last)
            except StoreUnavailable:  # told by who looks
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            if found:
                last = found[-1]["id"]
                self._outcomes.extendleft(found)
                self._stale.set()
                self._wake(NEWS_SECONDS)

    async def _since(self, last: str) -> list[dict[str, str]]:
        """Give what came after an outcome, oldest first; at the beginning, what came last."""
        if not last:
            newest = await self._engine.outcomes.newest(OUTCOMES)
            return newest[::-1] or await self._engine.outcomes.after("0", PATIENCE)
        return await self._engine.outcomes.after(last, PATIENCE)

    # --- drawing

    async def _draw_on(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._draw()
            self._drawn = loop.time()
            self._due = self._drawn + TICK_SECONDS
            while (left := self._due - loop.time()) > 0:
                self._stir.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        await self._stir.wait()

    def _wake(self, seconds: float) -> None:
        """Have it drawn anew when the last time is so long ago."""
        self._due = min(self._due, self._drawn + seconds)
        self._stir.set()

    def _draw(self) -> None:
        view = self._view
        view.width, view.height = self._terminal.size
        if not view.paused:
            self._known = replace(self._known, at=clock(), outcomes=tuple(self._outcomes))
            self._shown = self._known
        lines = draw(self._shown, view)
        blank = [Text() for _ in range(view.height - 1 - len(lines))]
        self._screen.draw([*lines, *blank, footer(view)])
        overview = self._known.overview
        if overview is not None and overview.next is not None and overview.next[1] <= self._known.at:
            self._stale.set()

    def _press(self, key: Key) -> None:
        view = self._view
        if key is Key.QUIT:
            self._screen.over.set()
        elif key is Key.PAUSE:
            view.paused = not view.paused
        elif key in {Key.HELP, Key.ESCAPE}:
            view.help = key is Key.HELP and not view.help
        else:
            steps = {Key.UP: -1, Key.DOWN: 1, Key.PAGE_UP: -view.rows, Key.PAGE_DOWN: view.rows, Key.HOME: -view.first}
            view.first = max(0, view.first + steps[key])
        self._wake(KEY_SECONDS)
