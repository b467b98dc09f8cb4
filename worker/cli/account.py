"""What is known about one instant of a schedule: what was decided, what became of it, and what is going on now."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from worker.domain.schedule import Schedule
from worker.engine.chain import read_chain
from worker.engine.following import Upstream
from worker.engine.history import History, read_history
from worker.engine.runtime import Engine, clock
from worker.engine.standings import Going, read_standings

NEAR = timedelta(minutes=1)
"""Who asks about what followed others hardly knows the millisecond."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """All of it. Without Redis, only the schedule is known."""

    history: History
    entry: dict[str, Any] | None = None
    """The decision that is asked about."""
    trigger: dict[str, str] = field(default_factory=dict)
    """The fields of the last trigger that it led to."""
    pause: str = ""
    running: Sequence[Going] = ()
    held: Sequence[str] = ()
    seen: Sequence[str] = ()
    """Runs that it waited for, and that have ended."""
    missing: Sequence[str] = ()
    """What it waits for still."""

    @property
    def behind(self) -> str | None:
        """What its overlap policy lets it wait for; None where it does not wait."""
        if self.entry is None or self.trigger.get("id") not in self.held:
            return None
        return " and ".join(name_of(each) for each in self.running) or "its turn"


def name_of(going: Going) -> str:
    """Name what is going on: its run, or else its trigger."""
    return f"run {going.run_id}" if going.run_id else f"trigger {going.trigger} ({going.state})"


async def read_account(engine: Engine, schedule: Schedule, moment: datetime) -> Account:
    """Read it. Raises StoreUnavailable."""
    history = await read_history(engine.cursors, schedule, engine.settings.ledger_max)
    entry = _entry(history, moment)
    chain = await read_chain(engine.triggers, entry["trigger"]) if entry and "trigger" in entry else []
    stands = (await read_standings(engine, [schedule.name], clock()))[schedule.name]
    ended = await engine.joins.of(schedule.name) if schedule.after else {}
    upstreams = schedule.after.upstreams if schedule.after else ()
    return Account(
        history=history,
        entry=entry,
        trigger={**chain[-1][1], "id": chain[-1][0].id} if chain else {},
        pause=str(stands.pause or ""),
        running=stands.going,
        held=(await engine.triggers.held()).get(schedule.name, []),
        seen=[str(Upstream.of(run)) for _, run in sorted(ended.items())],
        missing=[str(each) for index, each in enumerate(upstreams) if index not in ended],
    )


def _entry(history: History, moment: datetime) -> dict[str, Any] | None:
    """Find the decision for an instant; of a schedule that follows others, the last one until then."""
    exact = history.entry(moment)
    if exact is not None or history.schedule.after is None:
        return exact
    before = [entry for entry in history.entries if datetime.fromisoformat(entry["fire_time"]) <= moment + NEAR]
    return before[-1] if before else None
