"""What `up` makes of the log lines of its parts."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from worker.cli.lines import Printer
from worker.source import lint

NOW = datetime(2026, 12, 1, 12, 0, 5, tzinfo=UTC)

HOURLY = "schedules: [{name: s, pipeline: p, every: 1h}]"
DAILY = 'schedules: [{name: s, pipeline: p, cron: "0 2 * * *"}, {name: t, pipeline: p, every: 1h}]'


class Screen:
    """A printer, its schedule file, and what it has printed since the last look."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "s.yaml"
        self.out = io.StringIO()
        console = Console(file=self.out, width=200, highlight=False)
        self.printer = Printer(lambda: lint([folder]).schedules, UTC, console)

    def seen(self) -> str:
        text = self.out.getvalue()
        self.out.seek(0)
        self.out.truncate()
        return text

    def log(self, event: str, **fields: Any) -> str:
        entry = {"time": NOW.isoformat(), "level": "info", "logger": "zenbeat.x", "event": event, **fields}
        self.printer.line("beat", json.dumps(entry))
        return self.seen()


@pytest.fixture
def screen(tmp_path: Path) -> Screen:
    made = Screen(tmp_path)
    made.file.write_text(HOURLY)
    return made


def test_what_is_new_or_changed_is_announced_when_the_files_are_read_again(screen: Screen) -> None:
    screen.printer.expect(NOW)
    assert "next   s: 13:00:00, runs p (every 1h, UTC)" in screen.seen()
    assert "next" not in screen.log("schedules read", schedules=1, faults=0)
    screen.file.write_text(DAILY)
    said = screen.log("schedules read", schedules=2, faults=0)
    assert "next   s: Wed 02 Dec 2026 02:00, runs p" in said
    assert "next   t: 13:00:00" in said
    screen.file.write_text("schedules: [{}]")
    screen.log("schedules read", schedules=2, faults=1)
    fired = screen.log("fired", schedule="t", fire_time="2026-12-01T13:00:00+00:00")
    assert "fired    t; next 14:00:00" in fired, "a broken file keeps its last good version"


def test_one_field_needs_no_name_and_several_have_theirs(screen: Screen) -> None:
    assert "fault in a schedule file: s.yaml:1:2: no" in screen.log("fault in a schedule file", fault="s.yaml:1:2: no")
    assert "queued a=1 b=2" in screen.log("queued", a=1, b=2)


def test_what_is_no_log_line_is_shown_as_it_is(screen: Screen) -> None:
    screen.printer.line("worker", "Traceback [bold]")
    screen.printer.line("worker", '{"no": "event"}')
    assert screen.seen().count("worker") == 2


def test_the_end_of_a_run_is_told_in_words(screen: Screen) -> None:
    assert "completed s: run r1" in screen.log("completed", schedule="s", run_id="r1", trigger="t")
    said = screen.log("failed", level="warning", schedule="s", run_id="r1", trigger="t", reason="out of memory")
    assert "failed   s: out of memory" in said
    said = screen.log("completed", sweep="f6bedd6b-bda5", trial=3, run_id="r1", trigger="t")
    assert "completed sweep f6bedd trial 3: run r1" in said
    assert "late     s: not completed by 06:00" in screen.log("late", schedule="s", reason="not completed by 06:00")
    assert "paused   s: 3 failures in a row" in screen.log("paused", schedule="s", reason="3 failures in a row")
    assert "failed: a fault of ours" in screen.log("failed", reason="a fault of ours"), "it is about no run"


def test_colours_are_for_terminals_that_have_them(screen: Screen) -> None:
    screen.printer = Printer(list, UTC, Console(file=screen.out, width=200, force_terminal=True))
    assert "\x1b[" in screen.log("stuck", schedule="s", reason="it never left initializing")
