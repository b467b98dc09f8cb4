"""Sweeps for the commands that speak of them: as files define them, and how one that was started stands, in words."""

from worker.cli.schedules import read_files
from worker.domain.errors import InvalidInput
from worker.engine.newsweeps import Defined, find_defined
from worker.engine.sweepcheck import MOST_TRIALS
from worker.engine.sweepstanding import SweepStanding, counts, done, standing_of
from worker.settings import Settings
from worker.store.sweeprows import SweepRow


def find_sweep(settings: Settings, name: str) -> Defined:
    """Find the sweep of that name in the files. Raises InvalidInput with the nearest name."""
    return find_defined(read_files(settings), name, f" in {settings.schedules_dir}")


def check_count(defined: Defined, *, sure: bool) -> None:
    """See that the number of trials is meant. Raises InvalidInput."""
    definition = defined.definition
    if definition.sweep.size > MOST_TRIALS and not sure:
        raise InvalidInput(
            f"{definition.place}: {definition.name} has {definition.sweep.size:,} trials; "
            "give --yes if that is meant, or say with run_cap how many to run"
        )


STYLES = {
    SweepStanding.NEW: "dim",
    SweepStanding.RUNNING: "cyan",
    SweepStanding.PAUSED: "yellow",
    SweepStanding.ENDING: "yellow",
    SweepStanding.ENDED: "yellow",
    SweepStanding.OVER: "green",
}


def told(row: SweepRow) -> str:
    """Tell how a sweep stands, and why."""
    standing = standing_of(row)
    why = f" by {row.paused}" if standing is SweepStanding.PAUSED else f": {row.ended}" if row.ended else ""
    return f"{standing}{why}"


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
