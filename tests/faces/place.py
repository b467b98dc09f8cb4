"""A folder with schedules and a Redis, with what a beat would have written there, and the command in it."""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from click.testing import Result as Invoked

from worker.cli import cli
from worker.cli.doors import with_engine
from worker.domain.pause import Pause
from worker.domain.results import Result
from worker.domain.retry import RunRetry
from worker.domain.trigger import Origin, Trigger, trigger_id
from worker.engine.runtime import Engine, clock
from worker.settings import load_settings
from worker.source import lint
from worker.store.cursors import Cursor
from worker.store.items import Command, Entry, Item


class Place:
    """A folder with schedules and a Redis, and the command in it."""

    def __init__(self, folder: Path, redis_url: str, text: str, *group: str) -> None:
        self.folder = folder
        self.group = group
        self.environment = {"SCHEDULES_DIR": str(folder), "REDIS_URL": redis_url, "COLUMNS": "80"}
        (folder / "a.yaml").write_text(text)

    def __call__(self, *words: str, **changed: str) -> Invoked:
        """Run a command of the group; environment variables by keyword."""
        return CliRunner().invoke(cli, [*self.group, *words], env={**self.environment, **changed})

    def json(self, *words: str) -> Any:
        """Run a command, and read what it prints as JSON."""
        result = self(*words, "-o", "json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def ask(self, work: Callable[[Engine], Awaitable[Any]]) -> Any:
        return with_engine(work, load_settings(self.environment))

    def pauses(self) -> dict[str, Pause]:
        found: dict[str, Pause] = self.ask(lambda engine: engine.pauses.all())
        return found

    def outcomes(self) -> list[tuple[str, str, str]]:
        """Status, schedule and reason of each outcome, oldest first."""
        found = self.ask(lambda engine: engine.outcomes.newest(100))
        return [(one["status"], one.get("schedule", ""), one["reason"]) for one in found[::-1]]

    def events(self) -> list[tuple[str, str]]:
        found = self.ask(lambda engine: engine.events.oldest(100))
        return [(event.kind, event.fields["schedule"]) for event in found]

    def cursor(self, name: str) -> Cursor:
        found: dict[str, Cursor] = self.ask(lambda engine: engine.cursors.some([name]))
        return found[name]

    def ledger(self, name: str) -> list[str]:
        found = self.ask(lambda engine: engine.cursors.ledger(name, 1000))
        return [entry["decision"] for entry in found[::-1]]

    def considered(self, name: str, ago: timedelta, taken: int = 0) -> Cursor:
        """Write what a beat writes that last considered a schedule so long ago."""
        (schedule,) = [each for each in lint([self.folder]).schedules if each.name == name]
        cursor = Cursor(at=(clock() - ago).replace(microsecond=0), revision=schedule.revision, taken=taken)
        self.ask(lambda engine: engine.triggers.record([Item(name=name, cursor=cursor.form(), begun="seen")]))
        return cursor

    def paused(self, name: str, ago: timedelta, **more: Any) -> Pause:
        pause = Pause(since=(clock() - ago).replace(microsecond=0), by="ann", **more)
        self.ask(lambda engine: engine.triggers.record([Item(commands=[engine.pauses.begin(name, pause)])]))
        return pause

    def write(self, *commands: Callable[[Engine], Command | list[Command]]) -> None:
        """Write what the stores make of these."""

        async def record(engine: Engine) -> None:
            made = [command(engine) for command in commands]
            flat = [one for each in made for one in (each if isinstance(each, list) else [each])]
            await engine.triggers.record([Item(commands=flat)])

        self.ask(record)

    def ended(self, name: str, *fates: str, seconds: float | None = None, **more: Any) -> None:
        """Write how runs of a schedule ended, oldest first."""
        for number, fate in enumerate(fates):
            at = clock() - timedelta(minutes=len(fates) - number)
            result = Result(
                trigger=f"{name}-{number}", fate=fate, ended=at, fire_time=at, seconds=seconds, run_id="r", **more
            )
            self.write(lambda engine, result=result: engine.results.add(name, result, None))  # type: ignore[misc]

    def trigger_of(self, name: str, source: str = "") -> Trigger:
        """Make a trigger of a schedule."""
        fire = clock().replace(microsecond=0)
        return Trigger(
            id=trigger_id(Origin.SCHEDULE, source or name),
            origin=Origin.SCHEDULE,
            source=source or name,
            pipeline="training",
            run_name=f"{name}-run",
            schedule=name,
            fire_time=fire,
            due=fire,
            run_retry=RunRetry(max_attempts=3),
        )

    def trigger(self, name: str, source: str = "", **fields: str) -> Trigger:
        """Write a trigger of a schedule that is on its way, with fields of its hash."""
        trigger = self.trigger_of(name, source)

        async def record(engine: Engine) -> None:
            await engine.triggers.record([Item(entries=[Entry(trigger=trigger)])])
            if fields:
                await engine.redis.hset(engine.keys.trigger(trigger.id), mapping=fields)  # type: ignore[misc]

        self.ask(record)
        return trigger
