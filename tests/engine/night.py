"""A whole night in one process: what a beat and its workers do, step by step, against the demo server."""

import asyncio
import contextlib
import textwrap
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.engine.clockwork import LEAD
from tests.engine.conftest import Flow
from worker.demo.zenml import DemoServer
from worker.demo.zenml.launch import Order, launch
from worker.demo.zenml.runs import Run
from worker.demo.zenml.shapes import PROJECT_ID
from worker.domain.errors import ZenMLError
from worker.domain.outcome import Status
from worker.domain.pause import Pause
from worker.domain.results import Result
from worker.domain.schedule import SweepDefinition
from worker.domain.trigger import Origin, Trigger, trigger_id
from worker.engine import sweeping
from worker.engine.book import Book
from worker.engine.duties import Duties
from worker.engine.rebuilding import Rebuilder
from worker.engine.runtime import Engine
from worker.engine.scheduler import Scheduler
from worker.source import Source
from worker.store.alerts import Letter
from worker.store.attempts import Settlement
from worker.store.connection import redis_time
from worker.store.items import Command, Entry, Item
from worker.store.lease import Lease
from worker.store.sweeprows import SweepRow


class Night:
    """One beat that leads and one worker; each step is a tick, a batch, and a look at the runs."""

    def __init__(self, flow: Flow, directory: Path) -> None:
        self._flow = flow
        self._directory = directory
        self.fence = ""
        self.restart()

    @property
    def engine(self) -> Engine:
        return self._flow.engine

    @property
    def demo(self) -> DemoServer:
        return self._flow.demo

    def restart(self) -> None:
        """The beat ended, and another one began."""
        self.duties = Duties(self.engine)
        self.scheduler = Scheduler(
            Book(Source(self._directory, settle=False), self.engine.booked),
            self.engine.cursors,
            self.engine.triggers,
            self.duties.past,
            Rebuilder(self.engine.zenml),
            self.engine.dispatcher.ring,
        )

    def define(self, text: str, file: str = "s", section: str = "schedules") -> None:
        """Write a schedule file; `text` stands below `schedules:`, or another section."""
        content = f"{section}:\n" + textwrap.indent(textwrap.dedent(text), "  ")
        (self._directory / f"{file}.yaml").write_text(content)

    async def step(self) -> None:
        """Do everything once that a beat and a worker do all the time."""
        lease = Lease(self.engine.redis, self.engine.keys, "beat", LEAD)
        self.fence = (await lease.take()).fence
        now = await redis_time(self.engine.redis)
        await self.scheduler.tick(now, self.fence)
        moved = await self.duties.advance(self.scheduler.definitions, now, self.fence)
        admitted = await self.engine.triggers.admit()
        await self.scheduler.reread([*moved, *admitted.skipped])
        await self.duties.fan_out(self.fence)
        await self._flow.step()
        with contextlib.suppress(ZenMLError):  # as their own loops do: the next look is soon
            await self.duties.look(self.fence)
            await self.duties.measure(self.fence)

    async def until(self, condition: Callable[[], Awaitable[Any]], seconds: float = 30) -> Any:
        """Go on until a condition holds; gives what it gave."""
        async with asyncio.timeout(seconds):
            while not (found := await condition()):
                await self.step()
                await asyncio.sleep(0.05)
            return found

    async def fired(self, schedule: str = "s", count: int = 1) -> list[dict[str, Any]]:
        """Go on until a schedule has fired so often; gives its ledger, oldest first."""

        async def enough() -> list[dict[str, Any]]:
            entries = await self.ledger(schedule)
            return entries if len(entries) >= count else []

        found: list[dict[str, Any]] = await self.until(enough)
        return found

    async def ledger(self, schedule: str = "s") -> list[dict[str, Any]]:
        """Give the decisions for a schedule, oldest first."""
        return (await self.engine.cursors.ledger(schedule, 1000))[::-1]

    async def outcomes(self, *statuses: str) -> list[dict[str, str]]:
        """Give the outcomes, oldest first."""
        found = (await self.engine.outcomes.newest(1000))[::-1]
        return [outcome for outcome in found if not statuses or outcome["status"] in statuses]

    async def started(self, schedule: str = "s", count: int = 1) -> list[dict[str, str]]:
        """Go on until so many runs of a schedule have begun; gives their outcomes."""

        async def enough() -> list[dict[str, str]]:
            found = [each for each in await self.outcomes("started") if each.get("schedule") == schedule]
            return found if len(found) >= count else []

        found: list[dict[str, str]] = await self.until(enough)
        return found

    async def results(self, schedule: str = "s", count: int = 1) -> list[Result]:
        """Go on until so many fires of a schedule have ended; gives how, oldest first."""

        async def enough() -> list[Result]:
            found = await self.engine.results.newest(schedule)
            return found[::-1] if len(found) >= count else []

        found: list[Result] = await self.until(enough)
        return found

    def end(self, run_id: str, status: str = "completed", reason: str | None = "so it is") -> None:
        """End a run in ZenML."""
        self.demo.state.end(run_id, status, reason=None if status == "completed" else reason)

    def run(self, run_id: str) -> Run:
        """Give a run as ZenML has it."""
        found = self.demo.state.runs.get(UUID(run_id))
        assert found is not None
        return found

    async def begin(self, definition: SweepDefinition, key: str = "key") -> str:
        """Begin a sweep by hand; gives its id."""
        return (await sweeping.start(self.engine, definition, key))[0]

    async def sweep(self, identity: str) -> SweepRow:
        """Read a sweep."""
        row = await self.engine.sweeps.get(identity)
        assert row is not None
        return row

    async def finished(self, identity: str, seconds: float = 60) -> SweepRow:
        """Go on until a sweep is over; gives it."""

        async def over() -> SweepRow | None:
            row = await self.sweep(identity)
            return row if row.finished else None

        row: SweepRow = await self.until(over, seconds)
        return row

    def trials(self, identity: str) -> dict[int, Run]:
        """Give the runs at ZenML of a sweep, by the number of their trial: the last part but one of their names."""
        tag = f"zenbeat:sweep={identity}"
        ours = [run for run in self.demo.state.runs.values() if tag in run.tags]
        return {int(run.name.split("-")[-2]): run for run in ours}

    async def other(self, pipeline: str = "training", name: str = "by-hand") -> str:
        """Start a run without zenbeat; gives its id."""
        target = await self.engine.zenml.find_target(pipeline)
        launch = await self.engine.zenml.prepare(target, {"run_name": name})
        return (await self.engine.zenml.start(launch)).id

    async def write(self, *commands: Command, **item: Any) -> None:
        """Write as a person's command does: at once, and whoever leads."""
        (recorded,) = await self.engine.triggers.record([Item(commands=commands, **item)])
        assert recorded.written

    async def pause(self, schedule: str = "s", **pause: Any) -> Pause:
        """Pause a schedule by hand."""
        made = Pause(**{"since": await self.now(), "by": "ada", "why": "a migration", **pause})
        event = self.engine.events.add("paused", schedule=schedule, reason=str(made))
        await self.write(self.engine.pauses.begin(schedule, made), event)
        return made

    async def resume(self, schedule: str = "s") -> None:
        """Let a schedule go on."""
        event = self.engine.events.add("resumed", schedule=schedule, reason="by ada")
        await self.write(event, take=self.engine.pauses.end(schedule))

    async def now(self) -> datetime:
        """Read Redis' clock."""
        return await redis_time(self.engine.redis)

    async def mind(self, now: datetime) -> None:
        """See to what there is to be seen to at a time that the test passes in."""
        await self.duties.advance(self.scheduler.definitions, now, self.fence)

    async def letters(self, *kinds: str, to: str | None = None) -> list[Letter]:
        """Give the letters in the outbox, in the order in which they were written."""
        found = await self.engine.alerts.due(await self.now() + timedelta(days=400), 1000)
        chosen = [one for one in found if (not kinds or one.alert.kind in kinds) and to in (None, one.receiver)]
        return sorted(chosen, key=lambda letter: letter.written)

    async def quiet(self, steps: int = 5) -> None:
        """Go on for some steps, to see that nothing more comes."""
        for _ in range(steps):
            await self.step()
            await asyncio.sleep(0.02)


SECOND = timedelta(seconds=1)


async def followed(night: Night, count: int, stem: str = "run", **more: Any) -> list[Run]:
    """Let so many runs go on at the demo server that zenbeat has started and follows; gives them."""
    state = night.demo.state
    snapshot = next(iter(state.catalogue.snapshots.values()))
    configuration = {"steps": {"model_trainer": {"parameters": {"seconds": 80_000}}}}
    runs, results, entries = [], [], []
    for number in range(count):
        name = f"{stem}-{number}"
        order = Order(snapshot=snapshot, template=None, configuration={**configuration, "run_name": name}, **more)
        run = launch(state, order)
        source = f"{stem}#{number}"
        trigger = Trigger(
            id=trigger_id(Origin.CLI, source),
            origin=Origin.CLI,
            source=source,
            pipeline="training",
            run_name=name,
            due=run.created,
        )
        entries.append(Entry(trigger=trigger))
        outcome = {"trigger": trigger.id, "run_id": str(run.id)}
        fields = {"run_id": str(run.id), "run_status": "initializing", "run_project": str(PROJECT_ID)}
        results.append(
            Settlement(id=trigger.id, status=Status.STARTED, outcome=outcome, fields=fields, changed=run.created)
        )
        runs.append(run)
    await night.engine.triggers.record([Item(entries=entries)])
    await night.engine.triggers.settle(results, "token", 0)
    await night.engine.redis.delete(night.engine.triggers.keys.ready)
    return runs
