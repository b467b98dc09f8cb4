"""`zenbeat top` as people run it: in a terminal, which it gives back whatever ends it; and for scripts, once."""

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.faces.place import Place
from worker.demo.valkey import EmbeddedRedis

FILE = """\
schedules:
  - {name: nightly, pipeline: training, cron: "0 2 * * *"}
  - {name: hourly, pipeline: scoring, cron: "0 * * * *"}
"""
MANY = "schedules:\n" + "".join(
    f'  - {{name: schedule-{number:02}, pipeline: training, cron: "{number} 2 * * *"}}\n' for number in range(40)
)

FULL, BACK = "\x1b[?1049h", "\x1b[?1049l"
HIDDEN, SEEN = "\x1b[?25l", "\x1b[?25h"

Make = Callable[..., Place]


class Pty:
    """A terminal, and a program in it."""

    def __init__(self, place: Place, words: Sequence[str], width: int = 80, height: int = 24, **more: str) -> None:
        self.master, self._slave = os.openpty()
        self.resize(width, height)
        self.before = termios.tcgetattr(self._slave)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("ZEN", "REDIS", "CELERY"))}
        environment = {**kept, **place.environment, "TERM": "xterm-256color", **more}
        for size in ("COLUMNS", "LINES", "NO_COLOR"):
            environment.pop(size, None)
        self.process = subprocess.Popen(
            words, cwd=place.folder, env=environment, preexec_fn=lambda: os.login_tty(os.dup(self._slave))
        )
        self.said = ""

    def resize(self, width: int, height: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def saw(self, pattern: str, since: int = 0) -> bool:
        """Read what there is to read; tell whether it has been said."""
        while select.select([self.master], [], [], 0)[0]:
            self.said += os.read(self.master, 65536).decode(errors="replace")
        return bool(re.search(pattern, plain(self.said[since:])))

    def manner(self) -> list[Any]:
        return termios.tcgetattr(self._slave)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self._slave)


def plain(said: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", said)


@pytest.fixture
def in_terminal(make_place: Make, eventually: Callable[..., None]) -> Iterator[Callable[..., Pty]]:
    opened: list[Pty] = []

    def start(text: str = FILE, *words: str, **more: Any) -> Pty:
        opened.append(Pty(make_place(text), [sys.executable, "-m", "worker", "top", *words], **more))
        eventually(lambda: opened[-1].saw("SCHEDULES"), what="the picture")
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def given_back(pty: Pty) -> bool:
    """Tell whether the terminal is as it was: the lines from before, the cursor, and keys as they were read."""
    pty.saw("")
    return (
        pty.said.rfind(BACK) > pty.said.rfind(FULL)
        and pty.said.rfind(SEEN) > pty.said.rfind(HIDDEN)
        and (pty.manner() == pty.before)
    )


def test_it_takes_the_terminal_and_gives_it_back(in_terminal: Any, eventually: Any) -> None:
    pty = in_terminal()
    assert FULL in pty.said
    assert not pty.manner()[3] & termios.ECHO, "keys are not seen"
    pty.press("q")
    assert pty.process.wait(10) == 0
    assert given_back(pty)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 128 + 15), (signal.SIGHUP, 128 + 1), (signal.SIGINT, 130)]
)
def test_a_signal_ends_it_in_order(number: signal.Signals, code: int, in_terminal: Any) -> None:
    pty = in_terminal()
    pty.process.send_signal(number)
    assert pty.process.wait(10) == code
    assert given_back(pty)


def test_ctrl_c_ends_it_in_order(in_terminal: Any) -> None:
    pty = in_terminal()
    pty.press("\x03")
    assert pty.process.wait(10) == 130
    assert given_back(pty)


def test_a_shell_can_stop_it_and_take_it_up_again(make_place: Make, eventually: Any) -> None:
    pty = Pty(make_place(FILE), ["sh", "-i"], PS1="$ ")
    try:
        pty.press(f"{sys.executable} -m worker top\n")
        eventually(lambda: pty.saw("SCHEDULES"), what="the picture")
        mark = len(pty.said)
        pty.press("\x1a")
        eventually(lambda: pty.saw("Stopped", mark), what="the shell")
        assert BACK in pty.said[mark:]
        pty.press("stty -a\n")
        eventually(lambda: pty.saw(r"\s(-?)icanon", mark), what="the manner")
        assert pty.saw(r"\sicanon", mark)
        again = len(pty.said)
        pty.press("fg\n")
        eventually(lambda: pty.saw("SCHEDULES", again), what="the picture again")
        assert FULL in pty.said[again:]
        pty.press("q")
        eventually(lambda: pty.saw(r"\$ $", again), what="the shell again")
        pty.press("echo ended=$?\n")
        eventually(lambda: pty.saw("ended=0", again), what="its end")
    finally:
        pty.close()


def test_keys_move_pause_and_explain(in_terminal: Any, eventually: Any) -> None:
    pty = in_terminal(MANY)
    eventually(lambda: pty.saw(r"SCHEDULES 1-\d+ of 40"), what="the first ones")
    pty.press("j\x1b[B")
    eventually(lambda: pty.saw(r"SCHEDULES 3-\d+ of 40"), what="two further")
    mark = len(pty.said)
    pty.press("k")
    eventually(lambda: pty.saw(r"SCHEDULES 2-\d+ of 40", mark), what="one back")
    pty.press("?")
    eventually(lambda: pty.saw("CELLS", mark), what="the help")
    mark = len(pty.said)
    pty.press("?p")
    eventually(lambda: pty.saw(r"PAUSED", mark), what="the pause")
    at = re.findall(r"\d\d:\d\d:\d\d", plain(pty.said))[-1]
    mark = len(pty.said)
    pty.press("jjjj")
    eventually(lambda: pty.saw(r"SCHEDULES 6-", mark), what="a picture that can be moved")
    assert at in plain(pty.said[mark:])
    pty.press("p")
    eventually(
        lambda: pty.saw(r"zenbeat  \w+ \S+ (?!" + at + r")\d\d:\d\d:\d\d UTC +\r\n", mark), what="the time goes on"
    )


def test_it_fits_itself_to_a_terminal_that_changes(in_terminal: Any, eventually: Any) -> None:
    pty = in_terminal(MANY)
    mark = len(pty.said)
    pty.resize(160, 50)
    eventually(lambda: pty.saw("schedule-39", mark), 5, "all of them")
    assert max(len(each) for each in re.split(r"\r?\n", plain(pty.said[mark:]))) > 100


def test_outcomes_are_shown_as_they_come(make_place: Make, in_terminal: Any, eventually: Any) -> None:
    pty = in_terminal()
    place = make_place(FILE)
    mark = len(pty.said)
    place.write(
        lambda engine: engine.outcomes.add(
            {
                "status": "failed",
                "schedule": "hourly",
                "reason": "no \x1b[5mspace\x07 left",
                "at": "2026-11-26T12:00:00Z",
            }
        )
    )
    eventually(lambda: pty.saw("failed +hourly +no �\\[5mspace� left", mark), what="the outcome")


def test_times_are_local_or_in_utc(in_terminal: Any, eventually: Any) -> None:
    assert in_terminal(FILE, TZ="Asia/Kolkata").saw(r"\d\d:\d\d:\d\d IST")
    assert in_terminal(FILE, "--utc", TZ="Asia/Kolkata").saw(r"\d\d:\d\d:\d\d UTC")


def test_without_redis_it_says_so_and_goes_on_trying(tmp_path: Path, eventually: Any) -> None:
    (tmp_path / "place").mkdir()
    server = EmbeddedRedis(tmp_path / "redis", persist=False)
    place = Place(tmp_path / "place", server.start(), FILE)
    pty = Pty(place, [sys.executable, "-m", "worker", "top"])
    try:
        eventually(lambda: pty.saw("SCHEDULES"), what="the picture")
        server.stop()
        eventually(lambda: pty.saw(r"(?s)Redis cannot be reached.{,400}As it was at"), 30, "what is wrong")
        mark = len(pty.said)
        server.start()
        eventually(lambda: pty.saw(r"zenbeat  [^\r]+\r\n(?!Redis)\w", mark), 30, "that it is well again")
        pty.press("q")
        assert pty.process.wait(10) == 0
        assert given_back(pty)
    finally:
        pty.close()
        server.stop()


def test_keys_work_while_redis_is_away(tmp_path: Path, eventually: Any) -> None:
    place = Place(tmp_path, "redis://127.0.0.1:9/0", FILE)
    pty = Pty(place, [sys.executable, "-m", "worker", "top"])
    try:
        eventually(lambda: pty.saw("Redis cannot be reached"), what="what is wrong")
        pty.press("q")
        assert pty.process.wait(10) == 0
    finally:
        pty.close()


# --- once


def test_once_prints_one_picture_without_any_control_characters(make_place: Make) -> None:
    place = make_place(FILE)
    place.ended("nightly", "completed", "failed")
    place.considered("hourly", timedelta(hours=1))
    found = place("top", "--once", "--utc")
    assert found.exit_code == 0, found.output
    lines = found.stdout.splitlines()
    assert re.fullmatch(r"zenbeat  \w{3} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", lines[0])
    assert "no beat" in lines[1].lower()
    assert lines[3].startswith("Need a look  ")
    assert lines[4].startswith("none ")
    assert any(re.match(r"hourly +\S+ +.*\|.*○", each) for each in lines)
    assert found.stdout.replace("\n", "").isprintable()
    assert place("top").stdout.splitlines()[4] == lines[4], "so it does where stdout is no terminal"


def test_once_goes_by_the_terminal_width(make_place: Make) -> None:
    place = make_place(FILE)
    widths = [max(map(len, place("top", "--once", COLUMNS=width).stdout.splitlines())) for width in ("60", "160")]
    assert widths[0] <= 60 < widths[1] <= 160


def test_once_without_redis_is_exit_69(make_place: Make) -> None:
    found = make_place(FILE)("top", "--once", REDIS_URL="redis://127.0.0.1:9/0")
    assert found.exit_code == 69
    assert "Redis" in found.stderr
    assert not found.stdout
