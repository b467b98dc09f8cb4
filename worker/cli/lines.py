"""What `up` prints: a line for each thing that happened, in words, with the part that said it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

import orjson
from rich.console import Console
from rich.text import Text

from worker.domain.schedule import Schedule

COLOURS: Mapping[str, str] = {
    "up": "bold",
    "redis": "magenta",
    "demo": "yellow",
    "worker": "cyan",
    "beat": "green",
    "api": "blue",
}
LEVELS: Mapping[str, str] = {"warning": "yellow", "error": "red", "critical": "bold red"}
EVENTS: Mapping[str, str] = {
    "fired": "green",
    "started": "bold cyan",
    "running": "cyan",
    "completed": "bold green",
    "failed": "bold red",
    "stuck": "bold red",
    "vanished": "magenta",
    "stopped": "yellow",
    "late": "bold yellow",
    "paused": "yellow",
    "resumed": "green",
    "retrying": "yellow",
    "dead": "bold red",
    "missed": "yellow",
    "skipped": "dim",
    "rejected": "yellow",
}
"""What has happened -> its colour, here and where outcomes are listed."""

DROPPED = frozenset({"time", "level", "logger", "event", "traceback"})

UNINTERESTING = ("celery.beat", "celery.worker.consumer", "celery.apps")
"""Loggers whose everyday lines say nothing to a person; their warnings do."""


TOLD = frozenset(EVENTS) - {"fired", "started"}
"""Events that are told by who it is about, and why."""


class Printer:
    """Prints to the terminal; times are local, or in `zone`. `read` gives the schedules as their files say now."""

    def __init__(
        self, read: Callable[[], Sequence[Schedule]], zone: tzinfo | None = None, console: Console | None = None
    ) -> None:
        self._read = read
        self._zone = zone
        self._console = console or Console(highlight=False, soft_wrap=True)
        self._schedules: dict[str, Schedule] = {}

    def say(self, part: str, text: str, style: str = "", moment: str = "") -> None:
        """Print one line."""
        line = Text(f"{moment:>8} ", style="dim")
        line.append(f"{part:<6} ", style=COLOURS.get(part, ""))
        line.append(text, style=style)
        self._console.print(line)

    def warn(self, part: str, text: str) -> None:
        """Print one line that somebody should read."""
        self.say(part, text, style="yellow")

    def expect(self, now: datetime) -> None:
        """Say what fires when: of the schedules that are new or changed since the last time."""
        fresh = [schedule for schedule in self._read() if self._schedules.get(schedule.name) != schedule]
        self._schedules |= {schedule.name: schedule for schedule in fresh}
        coming = [(fire, schedule) for schedule in fresh if (fire := schedule.timing.next(now))]
        for fire, schedule in sorted(coming, key=lambda pair: (pair[0], pair[1].name)):
            target = f"{schedule.target.pipeline} ({schedule.when}, {schedule.timezone})"
            self.say("up", f"next   {schedule.name}: {self._time(fire, now)}, runs {target}")

    def line(self, part: str, text: str) -> None:
        """Print what a part said: a JSON log line in words, anything else as it is."""
        try:
            entry = orjson.loads(text)
        except orjson.JSONDecodeError:
            entry = None
        if not isinstance(entry, dict) or "event" not in entry:
            if text.strip():
                self.say(part, text.rstrip(), style="dim")
            return
        self._entry(part, entry)

    def _entry(self, part: str, entry: Mapping[str, Any]) -> None:
        level = str(entry.get("level", "info"))
        if level == "info" and str(entry.get("logger", "")).startswith(UNINTERESTING):
            return
        event = str(entry["event"])
        moment = datetime.fromisoformat(str(entry["time"])).astimezone(self._zone)
        style = EVENTS.get(event) or LEVELS.get(level, "")
        self.say(part, self._words(event, entry), style=style, moment=f"{moment:%H:%M:%S}")
        if event == "schedules read":
            self.expect(moment)
        if entry.get("traceback"):
            self._console.print(Text(str(entry["traceback"]), style="dim red"))

    def _words(self, event: str, entry: Mapping[str, Any]) -> str:
        if event == "fired":
            return f"fired    {entry['schedule']}{self._next(entry)}"
        if event == "started":
            return f"started  {_who(entry)}, {_late(entry)}: {_where(entry)}"
        if event in TOLD and _who(entry):
            told = entry.get("reason") or (f"run {entry['run_id']}" if entry.get("run_id") else "")
            return f"{event:<8} {_who(entry)}{f': {told}' if told else ''}{self._again(entry)}"
        told = {key: value for key, value in entry.items() if key not in DROPPED and value is not None}
        if len(told) == 1:
            return f"{event}: {next(iter(told.values()))}"
        return " ".join([event, *(f"{key}={value}" for key, value in told.items())])

    def _next(self, entry: Mapping[str, Any]) -> str:
        schedule = self._schedules.get(str(entry["schedule"]))
        fire = datetime.fromisoformat(str(entry["fire_time"]))
        following = schedule.timing.next(fire) if schedule else None
        return f"; next {self._time(following, fire)}" if following else ""

    def _again(self, entry: Mapping[str, Any]) -> str:
        if not entry.get("next_try"):
            return ""
        return f"; next try {datetime.fromisoformat(str(entry['next_try'])).astimezone(self._zone):%H:%M:%S}"

    def _time(self, moment: datetime, now: datetime) -> str:
        local, today = moment.astimezone(self._zone), now.astimezone(self._zone)
        return f"{local:%H:%M:%S}" if local.date() == today.date() else f"{local:%a %d %b %Y %H:%M}"


def _who(entry: Mapping[str, Any]) -> str:
    if entry.get("sweep"):
        return f"sweep {str(entry['sweep'])[:6]} trial {entry.get('trial')}"
    return str(entry.get("schedule") or entry.get("pipeline") or entry.get("trigger") or "")


def _where(entry: Mapping[str, Any]) -> str:
    return str(entry.get("url") or f"run {entry.get('run_id')}")


def _late(entry: Mapping[str, Any]) -> str:
    late = float(entry.get("lateness_ms") or 0)
    return f"{late:.0f} ms after it was due" if late < 1000 else f"{late / 1000:.1f} s after it was due"
