"""Does memory grow? Beat and worker over many triggers, without a pause."""

import asyncio
import sys

from bench.clock import wait_until
from bench.figures import Figures, keep
from bench.installation import Installation
from bench.processes import StubServer
from bench.sweep import PATIENCE_SECONDS, definition, start

ROLES = ("beat", "worker")

LOOKS = 10
"""Looks at the memory, evenly over the triggers. The first is the one to compare with: by then, all is warm."""


def memory(triggers: int) -> None:
    """Measure at every tenth of the way."""
    found: dict[str, list[Figures]] = {}
    with StubServer() as stub, Installation(stub.url, definition(triggers)) as zenbeat:
        asyncio.run(start(zenbeat))
        first: dict[str, float] = {}
        for look in range(1, LOOKS + 1):
            wanted = triggers * look // LOOKS
            wait_until(lambda wanted=wanted: zenbeat.outcomes() >= wanted, PATIENCE_SECONDS)
            rss = zenbeat.group.rss()
            first = first or rss
            print(f"{wanted} triggers", file=sys.stderr, flush=True)
            figures = {f"RSS {role} MiB": rss[role] for role in ROLES}
            growth = {f"{role} against the first %": (rss[role] / first[role] - 1) * 100 for role in ROLES}
            found[f"after {wanted}"] = [{**figures, **growth}]
    keep("memory", {"triggers": triggers}, found)
