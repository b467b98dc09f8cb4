"""The trials of a sweep or backfill as rows: number, status, parameters, metrics, and the run."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from worker.domain.rules import NothingSatisfies
from worker.domain.schedule import SweepDefinition
from worker.domain.trial import TrialResult
from worker.domain.trigger import (
    ACTIVE,
    Origin,
    TriggerState,
    attempt_source,
    schedule_source,
    trial_source,
    trigger_id,
)
from worker.engine.definitions import Backfill, decode_backfill, decode_sweep
from worker.engine.runtime import Engine
from worker.engine.trials import Points
from worker.store.sweeprows import Kind, SweepRow

AT_ONCE = 2_000
"""Trials that are read together."""

MOST_ATTEMPTS = 100

FORGOTTEN = 3
"""The first runs of a trial may be so long ago that Redis has forgotten them: so many are looked for."""


class TrialStatus(StrEnum):
    """How one trial stands, or how it ended."""

    PLANNED = "planned"
    """It was not recorded yet."""
    WAITING = "waiting"
    """It waits for its run."""
    RUNNING = "running"
    """Its run goes on."""
    COMPLETED = "completed"
    """Its run succeeded."""
    FAILED = "failed"
    """Its run failed."""
    STOPPED = "stopped"
    """Its run was stopped."""
    STUCK = "stuck"
    """Its run never left `initializing`."""
    VANISHED = "vanished"
    """Its run was deleted in ZenML."""
    DEAD = "dead"
    """Its run could not be started."""
    DISCARDED = "discarded"
    """Its run could not be started, and it was given up."""
    CANCELLED = "cancelled"
    """It was withdrawn before it was sent."""
    SKIPPED = "skipped"
    """Another run of its schedule went on, and its overlap policy let this one go."""
    LEFT_OUT = "left out"
    """The sweep ended before it."""
    FORGOTTEN = "forgotten"
    """Redis does not know any more what became of it."""


RUN = ("seconds", "run_id", "url", "reason")


class Kept(ABC):
    """What is known of the trials of a sweep besides how they ended."""

    names: tuple[str, ...] = ()
    """The parameters."""
    metrics: tuple[str, ...] = ()

    @abstractmethod
    def about(self, number: int) -> dict[str, Any]:
        """Give what a trial is made of."""

    @abstractmethod
    def trigger(self, number: int, attempt: int) -> str:
        """Give the id of the trigger for a run of a trial; the first one is number 1."""

    def part(self, number: int) -> SweepRow | None:  # noqa: ARG002 - only some have parts
        """Give the sweep that a trial is, if it is one."""
        return None


class KeptPoints(Kept):
    """Points of a search space."""

    def __init__(self, row: SweepRow, points: Points) -> None:
        self.definition: SweepDefinition = points.definition
        self.names = points.definition.sweep.names
        self.metrics = tuple(metric.name for metric in points.definition.sweep.metrics)
        self._row = row
        self._points = points

    def params(self, number: int) -> dict[str, Any]:
        """Give its parameters; none where they are not chosen yet."""
        try:
            return self._points.params(number)
        except (IndexError, NothingSatisfies):
            return {}

    def about(self, number: int) -> dict[str, Any]:
        """Give its parameters."""
        return {f"params.{name}": value for name, value in self.params(number).items()}

    def trigger(self, number: int, attempt: int) -> str:
        """Derive it from the sweep and the number."""
        return trigger_id(Origin.SWEEP, attempt_source(trial_source(self._row.id, number), attempt))


class KeptFires(Kept):
    """Fire times of a schedule, which may not be defined any more."""

    def __init__(self, backfill: Backfill, parts: Mapping[datetime, SweepRow]) -> None:
        self._backfill = backfill
        self._parts = parts

    def about(self, number: int) -> dict[str, Any]:
        """Give its fire time."""
        return {"fire_time": self._backfill.fires[number - 1]}

    def trigger(self, number: int, attempt: int) -> str:
        """Derive it from the schedule and the fire time: it is that of the schedule itself."""
        source = schedule_source(self._backfill.schedule, self._backfill.fires[number - 1], self._backfill.mark)
        return trigger_id(Origin.BACKFILL, attempt_source(source, attempt))

    def part(self, number: int) -> SweepRow | None:
        """Give the sweep that began at its fire time."""
        return self._parts.get(self._backfill.fires[number - 1])


async def read_kept(engine: Engine, row: SweepRow) -> Kept:
    """Read what the trials of a sweep or backfill are made of."""
    data = await engine.sweeps.definition(row.id)
    if row.kind is Kind.BACKFILL:
        parts = await engine.sweeps.children(row.id)
        return KeptFires(decode_backfill(data), {each.fire_time: each for each in parts if each.fire_time is not None})
    definition = await asyncio.to_thread(decode_sweep, data)
    asked = {} if definition.sweep.computed else await engine.sweeps.all_asked(row.id)
    return KeptPoints(row, Points(definition, asked))


def columns_of(row: SweepRow, kept: Kept) -> list[str]:
    """Name the columns of the rows."""
    fire = ["fire_time"] if row.kind is Kind.BACKFILL else []
    params = [f"params.{name}" for name in kept.names]
    return ["trial", *fire, "status", *params, *(f"metrics.{name}" for name in kept.metrics), *RUN]


async def all_rows(engine: Engine, row: SweepRow, kept: Kept) -> AsyncIterator[list[dict[str, Any]]]:
    """Read all trials, some at a time."""
    for begin in range(1, row.total + 1, AT_ONCE):
        yield await read_rows(engine, row, kept, range(begin, min(begin + AT_ONCE, row.total + 1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How a trial stands, and where more is told of it."""

    number: int
    status: str
    trigger: str = ""
    """That of its last run; "" where it has none."""
    sweep: str = ""
    """The sweep that it is, if it is one."""


async def read_marks(
    engine: Engine, row: SweepRow, kept: Kept, numbers: Sequence[int], known: Mapping[int, TrialResult] | None = None
) -> list[Mark]:
    """Read how some trials stand, without what they are made of. `known` are their results, if these were read."""
    results = await engine.sweeps.results(row.id, numbers) if known is None else known
    open_ones = [number for number in numbers if number not in results and number < row.next]
    states = await _states(engine, kept, open_ones)
    marks = []
    for number in numbers:
        part = kept.part(number)
        if number in results:
            status, trigger = results[number].fate, kept.trigger(number, results[number].runs)
        else:
            fields = states.get(number, {})
            status, trigger = _open(row, kept, number, fields)["status"], fields.get("trigger", "")
        found = Mark(number=number, status=status, trigger="" if part else trigger, sweep=part.id if part else "")
        marks.append(found)
    return marks


async def read_rows(engine: Engine, row: SweepRow, kept: Kept, numbers: Sequence[int]) -> list[dict[str, Any]]:
    """Read some trials as rows with the same columns; what is not known is None."""
    results = await engine.sweeps.results(row.id, numbers)
    open_ones = [number for number in numbers if number not in results and number < row.next]
    states = await _states(engine, kept, open_ones)
    bare = dict.fromkeys(columns_of(row, kept))
    # Where a condition leaves points out, to find one may take a while.
    about = await asyncio.to_thread(lambda: {number: kept.about(number) for number in numbers})
    rows = []
    for number in numbers:
        ended = _ended(results[number]) if number in results else _open(row, kept, number, states.get(number, {}))
        rows.append({**bare, "trial": number, **about[number], **ended})
    return rows


def _ended(result: TrialResult) -> dict[str, Any]:
    metrics = {f"metrics.{name}": value for name, value in result.metrics.items()}
    return {"status": result.fate, **metrics, **{name: getattr(result, name) for name in RUN}}


def _open(row: SweepRow, kept: Kept, number: int, fields: Mapping[str, str]) -> dict[str, Any]:
    if number >= row.next:
        return {"status": (TrialStatus.LEFT_OUT if row.ended else TrialStatus.PLANNED).value}
    part = kept.part(number)
    if part is not None:
        failed = part.failed or part.dead
        return {
            "status": ("failed" if failed else "completed") if part.over else "running",
            "reason": f"sweep {part.id}",
        }
    told = {name: fields.get(name) for name in ("run_id", "url", "reason")}
    return {"status": _in_words(fields.get("state", "")), **told}


def _in_words(state: str) -> str:
    if state == TriggerState.STARTED:
        return TrialStatus.RUNNING.value
    if state in ACTIVE:
        return TrialStatus.WAITING.value
    return state or TrialStatus.FORGOTTEN.value


async def _states(engine: Engine, kept: Kept, numbers: Sequence[int]) -> dict[int, dict[str, str]]:
    """Read the trigger of each trial that has no result: the last one, where it was started again."""
    found: dict[int, dict[str, str]] = {}
    wanted = [number for number in numbers if kept.part(number) is None]
    for attempt in range(1, MOST_ATTEMPTS):
        ids = [kept.trigger(number, attempt) for number in wanted]
        rows = await engine.triggers.get(ids) if ids else []
        known = {
            number: {**fields, "trigger": identity}
            for number, identity, fields in zip(wanted, ids, rows, strict=True)
            if "state" in fields
        }
        found |= known
        active = {*ACTIVE, TriggerState.STARTED}
        wanted = [
            number
            for number in wanted
            if (known[number]["state"] not in active if number in known else attempt < FORGOTTEN)
        ]
    return found
