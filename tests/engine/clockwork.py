"""A scheduler whose time the test sets."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from worker.demo.zenml import DemoServer
from worker.engine.book import Book
from worker.engine.past import Past
from worker.engine.rebuilding import Rebuilder
from worker.engine.runtime import Engine
from worker.engine.scheduler import Scheduler
from worker.source import Source
from worker.store.lease import Lease

T0 = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

LEAD = timedelta(hours=1)
"""How long the one beat of a test leads: no slow machine ends it."""

EVERY_MINUTE = 'cron: "* * * * *"'


async def no_ring() -> None:
    """What is recorded stays where it is: these tests are about decisions."""


class Clockwork:
    """A scheduler whose time the test sets."""

    def __init__(self, engine: Engine, demo: DemoServer, directory: Path) -> None:
        self.engine = engine
        self.demo = demo
        self.clock = 0.0
        self.directory = directory
        self.fence = ""
        self.restart()

    def restart(self) -> None:
        """A beat process ended, and another one began."""
        self.scheduler = Scheduler(
            Book(Source(self.directory, settle=False), self.engine.booked),
            self.engine.cursors,
            self.engine.triggers,
            Past(self.engine.pauses, self.engine.results, self.engine.sweeps),
            Rebuilder(self.engine.zenml, lambda: self.clock),
            no_ring,
        )

    def define(self, when: str, name: str = "s", **more: str) -> None:
        lines = [f"  - name: {name}", "    pipeline: training", f"    {when}"]
        lines += [f"    {key}: {value}" for key, value in more.items()]
        (self.directory / f"{name}.yaml").write_text("\n".join(["schedules:", *lines, ""]))

    async def tick(self, now: datetime) -> None:
        self.fence = self.fence or (await Lease(self.engine.redis, self.engine.keys, "beat", LEAD).take()).fence
        await self.scheduler.tick(now, self.fence)

    async def ledger(self, name: str = "s") -> list[tuple[str, str]]:
        """Give the decisions, oldest first: (time of day, decision)."""
        found = await self.engine.cursors.ledger(name, 1000)
        return [(entry["fire_time"][11:16], entry["decision"]) for entry in found[::-1]]
