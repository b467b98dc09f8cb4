"""Keys as they are pressed: what a terminal sends for each, and the terminal's manner, which is given back."""

import os
import sys
import termios
import tty
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any


class Key(StrEnum):
    """What may be pressed."""

    QUIT = "quit"
    UP = "up"
    DOWN = "down"
    PAGE_UP = "page up"
    PAGE_DOWN = "page down"
    HOME = "home"
    PAUSE = "pause"
    HELP = "help"
    ESCAPE = "escape"


SENT: dict[bytes, Key] = {
    b"\x1b[5~": Key.PAGE_UP,
    b"\x1b[6~": Key.PAGE_DOWN,
    b"\x1b[1~": Key.HOME,
    b"\x1b[A": Key.UP,
    b"\x1bOA": Key.UP,
    b"\x1b[B": Key.DOWN,
    b"\x1bOB": Key.DOWN,
    b"\x1b[H": Key.HOME,
    b"\x1bOH": Key.HOME,
    b"\x1b": Key.ESCAPE,
    b"q": Key.QUIT,
    b"Q": Key.QUIT,
    b"k": Key.UP,
    b"j": Key.DOWN,
    b" ": Key.PAGE_DOWN,
    b"g": Key.HOME,
    b"p": Key.PAUSE,
    b"?": Key.HELP,
    b"h": Key.HELP,
}
"""Bytes -> key; of those that begin alike the longer one first."""

AT_ONCE = 1024


def read_keys(sent: bytes) -> Iterator[Key]:
    """Give the keys of what a terminal sent; what means nothing here is left out."""
    while sent:
        found = next((bytes_ for bytes_ in SENT if sent.startswith(bytes_)), sent[:1])
        # A longer sequence of the terminal that we do not know is one key, not an escape and some letters.
        found = _sequence(sent) if found == b"\x1b" else found
        if found in SENT:
            yield SENT[found]
        sent = sent[len(found) :]


def _sequence(sent: bytes) -> bytes:
    """Give the whole of an escape sequence."""
    if sent[1:2] not in {b"[", b"O"}:
        return sent[:1]
    for end in range(2, len(sent)):
        if 0x40 <= sent[end] <= 0x7E:
            return sent[: end + 1]
    return sent


class Keyboard:
    """The terminal at stdin, if there is one, whose keys come one by one while it is `on`."""

    def __init__(self) -> None:
        self._fd = sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() else None
        self._before: list[Any] | None = None

    @property
    def fd(self) -> int | None:
        """Where keys come from; None without a keyboard."""
        return self._fd

    def on(self) -> None:
        """Have keys come as they are pressed, unseen; Ctrl-C and Ctrl-Z go on meaning what they mean."""
        if self._fd is not None and self._before is None:
            self._before = termios.tcgetattr(self._fd)
            tty.setcbreak(self._fd, termios.TCSADRAIN)

    def off(self) -> None:
        """Put the terminal back as it was."""
        if self._fd is not None and self._before is not None:
            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)
            self._before = None

    def read(self) -> Sequence[Key] | None:
        """Give the keys that were pressed; None when there will be no more."""
        if self._fd is None:
            return None
        try:
            sent = os.read(self._fd, AT_ONCE)
        except OSError:
            return None
        return list(read_keys(sent)) if sent else None
