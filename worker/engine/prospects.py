"""What would become of the fire times of a backfill, as far as Redis knows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from worker.domain.fate import Fate
from worker.domain.outcome import Decision
from worker.domain.schedule import Schedule
from worker.domain.trigger import ACTIVE, Origin, TriggerState, schedule_source, trigger_id
from worker.engine.definitions import Backfill
from worker.engine.newsweeps import fired_identity
from worker.engine.runtime import Engine

AT_ONCE = 500
"""Triggers that are read in one go."""

ENDED = frozenset(fate.value for fate in Fate)

OVER = "over"

MISSED = frozenset(Decision) - {Decision.FIRED, Decision.DEDUPLICATED, Decision.COALESCED}
"""Decisions by which nothing ran."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What would become of one fire time."""

    fire_time: datetime
    runs: bool
    """It would be run."""
    told: str
    """What would become of it, in words."""


async def look_ahead(engine: Engine, schedule: Schedule, backfill: Backfill) -> list[Prospect]:
    """Give what would become of each fire time, in the order in which they go."""
    ledger = {
        datetime.fromisoformat(entry["fire_time"]): entry
        for entry in await engine.cursors.ledger(schedule.name, engine.settings.ledger_max)
    }
    fires = [*backfill.fires, *backfill.coalesced]
    states = await _states(engine, schedule, backfill, fires)
    found = [_prospect(fire, states[fire], ledger.get(fire), backfill) for fire in backfill.fires]
    if backfill.coalesced:
        found += [_part(fire, backfill, runs=found[0].runs) for fire in backfill.coalesced]
    return found


@dataclass(frozen=True, slots=True)
class _Known:
    """The trigger or sweep of a fire time."""

    word: str
    id: str
    state: str


async def _states(
    engine: Engine, schedule: Schedule, backfill: Backfill, fires: Sequence[datetime]
) -> Mapping[datetime, _Known]:
    if schedule.sweep is not None:
        return await _sweeps(engine, schedule, backfill, fires)
    sources = {fire: schedule_source(schedule.name, fire, backfill.mark) for fire in fires}
    ids = {fire: trigger_id(Origin.BACKFILL, source) for fire, source in sources.items()}
    states: dict[str, str] = {}
    for some in _chunks(list(ids.values())):
        rows = zip(some, await engine.triggers.get(some), strict=True)
        states |= {identity: fields.get("state", "") for identity, fields in rows}
    return {fire: _Known("trigger", identity, states[identity]) for fire, identity in ids.items()}


async def _sweeps(
    engine: Engine, schedule: Schedule, backfill: Backfill, fires: Sequence[datetime]
) -> Mapping[datetime, _Known]:
    found: dict[datetime, _Known] = {}
    for some in _chunks(fires):
        ids = [fired_identity(schedule, fire, backfill.mark) for fire in some]
        for fire, identity, row in zip(some, ids, await engine.sweeps.some(ids), strict=True):
            state = "" if row is None else OVER if row.over else TriggerState.STARTED
            found[fire] = _Known("sweep", identity, state)
    return found


def _chunks(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[begin : begin + AT_ONCE] for begin in range(0, len(values), AT_ONCE))


def _prospect(fire: datetime, known: _Known, entry: Mapping[str, Any] | None, backfill: Backfill) -> Prospect:
    had = _had(known)
    if not had and entry and entry["decision"] == Decision.COALESCED and not backfill.mark:
        had = f"was made up for: {entry.get('reason', '')}"
    if had:
        return Prospect(fire_time=fire, runs=False, told=had)
    return Prospect(fire_time=fire, runs=True, told=_runs(known, None if backfill.mark else entry))


def _had(known: _Known) -> str:
    """Say that a fire time has its run, or had it; "" if not."""
    if known.state in {*ACTIVE, TriggerState.STARTED}:
        return f"is in progress ({known.word} {known.id})"
    if known.state in ENDED:
        return f"had its run ({known.word} {known.id}, {known.state})"
    return f"had its sweep ({known.word} {known.id})" if known.state == OVER else ""


def _runs(known: _Known, entry: Mapping[str, Any] | None) -> str:
    if entry and entry["decision"] in MISSED:
        return f"runs; was missed: {_why(entry)}"
    if known.state:
        return f"runs; its {known.word} was {known.state}"
    if entry and known.word == "trigger":
        return "runs, unless ZenML has its run: it fired, and is forgotten here"
    return "runs"


def _why(entry: Mapping[str, Any]) -> str:
    decision, reason = entry["decision"], entry.get("reason")
    return f"{decision}, {reason}" if reason else str(decision)


def _part(fire: datetime, backfill: Backfill, *, runs: bool) -> Prospect:
    return Prospect(fire_time=fire, runs=runs, told=f"is part of the run of {backfill.fires[0].isoformat()}")
