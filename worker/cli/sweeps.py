"""Sweeps for the commands that speak of them: as files define them, and how one that was started stands, in words."""

from dataclasses import dataclass
from enum import StrEnum

from worker.cli.schedules import read_schedules
from worker.domain.errors import InvalidInput
from worker.domain.nearest import did_you_mean
from worker.domain.schedule import SweepDefinition
from worker.settings import Settings
from worker.store.sweeprows import SweepRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Defined:
    """A sweep as a file defines it."""

    definition: SweepDefinition
    zone: str = ""
    """The time zone of its schedule, if it has one."""


def find_sweep(settings: Settings, name: str) -> Defined:
    """Find the sweep of that name in the files. Raises InvalidInput with the nearest name."""
    found = read_schedules(settings)
    known = {definition.name: definition for definition in found.sweeps}
    if name not in known:
        raise InvalidInput(f'there is no sweep "{name}" in {settings.schedules_dir}{did_you_mean(name, known)}')
    schedule = found.named.get(name)
    return Defined(definition=known[name], zone=schedule.timezone if schedule and schedule.sweep else "")


class SweepStanding(StrEnum):
    """How a sweep stands."""

    NEW = "new"
    """Nothing of it is recorded yet; the beat at work does that."""
    RUNNING = "running"
    """Its trials are recorded and run, little by little."""
    PAUSED = "paused"
    """No trial of it is sent until it is resumed."""
    ENDING = "ending"
    """It gets no more trials; what is on its way comes to its end."""
    ENDED = "ended"
    """It is over, before its last trial: it was cancelled, or reached what it was looking for."""
    OVER = "over"
    """All its trials have come to their end."""


STYLES = {
    SweepStanding.NEW: "dim",
    SweepStanding.RUNNING: "cyan",
    SweepStanding.PAUSED: "yellow",
    SweepStanding.ENDING: "yellow",
    SweepStanding.ENDED: "yellow",
    SweepStanding.OVER: "green",
}


def standing_of(row: SweepRow) -> SweepStanding:
    """Tell how a sweep stands."""
    if row.over or row.finished is not None:
        return SweepStanding.ENDED if row.ended else SweepStanding.OVER
    if row.ended or row.stopping:
        return SweepStanding.ENDING
    if row.paused:
        return SweepStanding.PAUSED
    return SweepStanding.RUNNING if row.recorded else SweepStanding.NEW


def told(row: SweepRow) -> str:
    """Tell how a sweep stands, and why."""
    standing = standing_of(row)
    why = f" by {row.paused}" if standing is SweepStanding.PAUSED else f": {row.ended}" if row.ended else ""
    return f"{standing}{why}"


def counts(row: SweepRow) -> dict[str, int]:
    """Count the trials by what became of them; those that are not recorded are left out."""
    return {
        "completed": row.completed,
        "running": row.running,
        "waiting": row.open,
        "failed": row.failed + row.dead,
        "stopped": row.stopped,
        "cancelled": row.cancelled,
        "known": row.known,
    }


def done(row: SweepRow) -> int:
    """Count the trials that have come to their end."""
    return row.completed + row.failed + row.stopped + row.dead + row.cancelled + row.known


def counted(row: SweepRow) -> str:
    """Tell what became of the trials: `31 completed, 4 running, 2 failed`."""
    words = {"known": "had their run before"}
    return ", ".join(f"{count} {words.get(word, word)}" for word, count in counts(row).items() if count)


def summary(row: SweepRow) -> str:
    """Tell in one line how far a sweep is."""
    parts = counted(row)
    verb = "" if standing_of(row) is SweepStanding.ENDED else "is "
    return f"{row.name} {verb}{told(row)}; {done(row)} of {row.total} trials are through" + (
        f": {parts}" if parts else ""
    )


def roughly(seconds: float) -> str:
    """Tell how long something takes, in its two largest units: `3 h 20 min`, `13 min`, `45 s`."""
    if seconds < 1:
        return "less than 1 s"
    minutes, hours, days = round(seconds / 60), round(seconds / 3600), round(seconds / 86400)
    if seconds < 90:
        return f"{round(seconds)} s"
    if minutes < 60:
        return f"{minutes} min"
    if hours < 48:
        return _two(minutes, 60, "h", "min")
    return _two(hours, 24, "days", "h") if days < 14 else f"{days} days"


def _two(amount: int, size: int, large: str, small: str) -> str:
    whole, rest = divmod(amount, size)
    return f"{whole} {large} {rest} {small}" if rest else f"{whole} {large}"
