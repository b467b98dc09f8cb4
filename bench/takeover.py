"""How long nobody leads when the beat that does is killed, or stopped."""

import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import Figures, keep
from tests.crash.site import Due, Site, wait

SECONDS = 600
"""For how long schedules are due; longer than it takes."""


def takeover(runs: int) -> None:
    """Take the leader away again and again, by turns with SIGKILL and with SIGSTOP."""
    found: dict[str, list[Figures]] = {"SIGKILL": [], "SIGSTOP": []}
    with TemporaryDirectory(prefix="zenbeat-bench-") as folder, Site(Path(folder) / "site") as site:
        site.complete()
        due = site.due("takeover", seconds=SECONDS)
        due.begun(2)
        for number in range(runs):
            for name in found:
                print(f"run {number + 1} of {runs}: {name}", file=sys.stderr, flush=True)
                begun = datetime.now(UTC)  # noqa: TID251 - compared with the demo server's clock
                seconds = _take_away(site, signal.Signals[name])
                led = datetime.now(UTC)  # noqa: TID251
                wait(lambda led=led: any(due.instant(each) > led for each in due.runs()), "runs by the new leader")
                found[name].append({"until another leads s": seconds, "latest run s": _latest(due, begun)})
                site.complete()
    keep("takeover", {"runs": runs}, found)


def _take_away(site: Site, number: signal.Signals) -> float:
    """Take the leader away; gives the seconds until another one leads."""
    wait(site.leader, "a leader")
    first = site.leader()
    victim = next(beat for beat in site.processes["beat"] if beat.pid == first)
    begun = time.monotonic()
    victim.send_signal(number)
    wait(lambda: site.leader() not in (0, first), "another leader")
    taken = time.monotonic() - begun
    if number == signal.SIGKILL:
        victim.wait()
    else:
        victim.send_signal(signal.SIGCONT)
    return taken


def _latest(due: Due, since: datetime) -> float:
    """Tell how late the latest of the runs is that were made since an instant."""
    made = ((when, due.instant(each)) for each, times in due.runs().items() for when in times)
    return max((when - instant).total_seconds() for when, instant in made if when >= since)
