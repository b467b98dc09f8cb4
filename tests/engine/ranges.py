"""A schedule that was due each day, and backfills over some of its days."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.engine.night import Night
from worker.demo.zenml.runs import Run
from worker.domain.schedule import Schedule
from worker.domain.trigger import Origin, fire_time_of, schedule_source, trigger_id
from worker.engine import sweeping
from worker.engine.backfilling import Wish, find_fires, key_of, make_backfill
from worker.engine.definitions import Backfill

DAY = timedelta(days=1)
BEGIN = datetime(2026, 3, 1, 1, tzinfo=UTC)
"""The first fire time of each range."""

SHORT = "config: {steps: {model_trainer: {parameters: {seconds: 0}}}}"
LONG = "config: {steps: {model_trainer: {parameters: {seconds: 600}}}}"


def daily(*lines: str) -> str:
    """Give a schedule that was due at one o'clock each day."""
    given = ("- name: s", "  pipeline: training", '  cron: "0 1 * * *"', *(f"  {line}" for line in lines))
    return "\n".join([*given, ""])


def days(count: int) -> list[datetime]:
    return [BEGIN + number * DAY for number in range(count)]


async def defined(n: Night, *lines: str) -> Schedule:
    n.define(daily(*lines))
    await n.step()
    return schedule_of(n)


def schedule_of(n: Night) -> Schedule:
    found: dict[str, Schedule] = {each.name: each for each in n.scheduler.definitions.schedules}
    return found["s"]


async def start(n: Night, schedule: Schedule, count: int, **wish: Any) -> str:
    """Begin a backfill over so many days; gives its id."""
    wanted = Wish(begin=BEGIN, end=BEGIN + (count - 1) * DAY, **wish)
    backfill = make_backfill(schedule, wanted, find_fires(schedule, wanted).fires)
    return (await sweeping.start_backfill(n.engine, backfill, wanted.key or key_of(backfill)))[0]


def runs(n: Night) -> list[Run]:
    """Give the runs of the schedule at ZenML, in the order in which they were started."""
    found = [run for run in n.demo.state.runs.values() if run.name.startswith("s-")]
    return sorted(found, key=lambda run: run.created)


def fires(n: Night) -> list[datetime | None]:
    return [fire_time_of(run.name, "s") for run in runs(n)]


async def have(n: Night, count: int) -> Sequence[Run]:
    """Go on until there are so many runs."""

    async def enough() -> bool:
        return len(runs(n)) >= count

    await n.until(enough)
    return runs(n)


async def ran(n: Night, schedule: Schedule, count: int, **wish: Any) -> str:
    """Run a backfill to its end."""
    identity = await start(n, schedule, count, **wish)
    await n.finished(identity)
    return identity


async def decisions(n: Night) -> list[str]:
    return [entry["decision"] for entry in await n.ledger()]


def trigger_of(fire: datetime) -> str:
    return trigger_id(Origin.SCHEDULE, schedule_source("s", fire))


def again(schedule: Schedule, count: int) -> tuple[Backfill, str]:
    wanted = Wish(begin=BEGIN, end=BEGIN + (count - 1) * DAY)
    backfill = make_backfill(schedule, wanted, find_fires(schedule, wanted).fires)
    return backfill, key_of(backfill)
