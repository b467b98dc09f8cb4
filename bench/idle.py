"""Memory and CPU when there is little to do: the example schedules."""

import sys
import time

from bench.figures import Figures, keep
from bench.installation import Installation
from bench.processes import ROOT, StubServer

SETTLE_SECONDS = 5.0
WATCHED_SECONDS = 20.0


def idle(runs: int) -> None:
    """Measure, `runs` times, each with fresh processes."""
    found = []
    for number in range(runs):
        print(f"run {number + 1} of {runs}", file=sys.stderr, flush=True)
        found.append(_measure())
    keep("idle", {"runs": runs, "seconds": WATCHED_SECONDS}, {"zenbeat": found})


def _measure() -> Figures:
    with StubServer() as stub, Installation(stub.url, ROOT / "schedules") as zenbeat:
        time.sleep(SETTLE_SECONDS)
        before = zenbeat.group.cpu()
        time.sleep(WATCHED_SECONDS)
        after = zenbeat.group.cpu()
        zenbeat.group.alive()
        pss, rss = zenbeat.group.pss(), zenbeat.group.rss()
        shares = {f"CPU % {name}": (after[name] - before[name]) / WATCHED_SECONDS * 100 for name in after}
        return {
            **{f"PSS {name} MiB": value for name, value in pss.items()},
            "PSS together MiB": sum(pss.values()),
            "RSS together MiB": sum(rss.values()),
            **shares,
            "CPU % together": sum(shares.values()),
        }
