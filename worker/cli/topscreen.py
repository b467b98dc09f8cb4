"""The terminal of `zenbeat top`: the whole of it while it is shown, and as it was before, whatever ends it."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from worker.cli.keyboard import Key, Keyboard

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Screen:
    """The terminal while it is ours. `pressed` is called with each key, `resized` when its size has changed."""

    def __init__(self, console: Console, pressed: Callable[[Key], None], resized: Callable[[], None]) -> None:
        self._console = console
        self._pressed = pressed
        self._resized = resized
        self._keyboard = Keyboard()
        self._live = Live(
            console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )
        self._loop = asyncio.get_running_loop()
        self.over = asyncio.Event()
        """Somebody wants it to end."""
        self.ended_by: signal.Signals | None = None

    @property
    def keys(self) -> bool:
        """Whether there is a keyboard."""
        return self._keyboard.fd is not None

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Take the terminal, and give it back."""
        try:
            self._take()
            self._hear()
            yield
        finally:
            self._deafen()
            self._give_back()

    def draw(self, lines: list[Text]) -> None:
        """Show these lines."""
        self._live.update(Group(*lines), refresh=True)

    def _take(self) -> None:
        self._keyboard.on()
        self._live.start(refresh=False)

    def _give_back(self) -> None:
        try:
            self._live.stop()
        finally:
            self._keyboard.off()

    def _hear(self) -> None:
        for number in ENDINGS:
            self._loop.add_signal_handler(number, self._end, number)
        self._loop.add_signal_handler(signal.SIGWINCH, self._resized)
        self._loop.add_signal_handler(signal.SIGTSTP, self._stand_still)
        if self._keyboard.fd is not None:
            self._loop.add_reader(self._keyboard.fd, self._read)

    def _deafen(self) -> None:
        if self._keyboard.fd is not None:
            self._loop.remove_reader(self._keyboard.fd)
        for number in (*ENDINGS, signal.SIGWINCH, signal.SIGTSTP):
            self._loop.remove_signal_handler(number)

    def _end(self, number: signal.Signals) -> None:
        self.ended_by = number
        self.over.set()

    def _read(self) -> None:
        keys = self._keyboard.read()
        if keys is None:  # the terminal is gone
            self._end(signal.SIGHUP)
        for key in keys or ():
            self._pressed(key)

    def _stand_still(self) -> None:
        """Give the terminal back, stop as Ctrl-Z wants it, and go on from there."""
        self._deafen()
        self._give_back()
        signal.raise_signal(signal.SIGTSTP)
        self._take()
        self._hear()
        self._resized()
