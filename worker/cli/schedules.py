"""The schedules of this folder, for the commands that speak of them."""

from collections.abc import Iterable
from datetime import timedelta

from worker.cli.output import say
from worker.domain.duration import format_duration
from worker.domain.errors import InvalidInput
from worker.domain.nearest import did_you_mean
from worker.domain.schedule import CatchUp, Schedule
from worker.settings import Settings
from worker.source import Definitions, Source


def read_schedules(settings: Settings) -> Definitions:
    """Read the schedule files; their faults are told on stderr, and the sound files serve."""
    definitions = Source(settings.schedules_dir, settle=False).read()
    for fault in definitions.faults:
        say(str(fault))
    return definitions


def find_schedule(settings: Settings, name: str) -> Schedule:
    """Find the schedule of that name. Raises InvalidInput with the nearest name."""
    known = read_schedules(settings).named
    if name not in known:
        raise unknown_name(settings, name, known)
    return known[name]


def unknown_name(settings: Settings, name: str, known: Iterable[str]) -> InvalidInput:
    """Say that there is no schedule of that name, with the nearest."""
    hint = did_you_mean(name, known) or "; `zenbeat schedule list` shows what there is"
    return InvalidInput(f'there is no schedule "{name}" in {settings.schedules_dir}{hint}')


def catchup_in_words(policy: CatchUp, window: timedelta) -> str:
    """Tell a catch-up policy as a sentence."""
    young = f"if not older than {format_duration(window)}"
    return {
        CatchUp.NONE: "none: what was due while nobody looked is missed",
        CatchUp.LATEST: f"latest: the newest that was due while nobody looked is made up for, {young}",
        CatchUp.ALL: f"all: everything that was due while nobody looked is made up for, {young}",
    }[policy]
