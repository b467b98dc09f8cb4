"""Reads what trials report: their metrics when they have ended, and how they do while that may still stop them."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeGuard

from worker.domain.stopping import Reports, kept, verdict
from worker.domain.sweep import Sweep
from worker.domain.sweepparts import EarlyStop, Goal, Metric
from worker.domain.trial import TrialResult
from worker.engine.halting import Point, reached
from worker.engine.trials import SweepReader
from worker.engine.trouble import Trouble
from worker.store.codec import decode_trigger
from worker.store.items import Command, Item
from worker.store.sweeprows import SweepRow
from worker.store.sweeps import SweepStore, stop_run
from worker.store.triggers import TriggerStore
from worker.zenml.client import ZenML
from worker.zenml.models import Run

logger = logging.getLogger("zenbeat.measuring")

LOOK_SECONDS = 0.5
"""Between two looks at which trials have ended: a sampler that learns waits for it."""

CALM = 10
"""After a round the server is left alone for so many times as long as that took."""

AT_ONCE = 100

AGAIN = timedelta(seconds=5)
"""Until a trial is looked at again that has ended and has not reported what it should."""

PATIENCE = timedelta(seconds=30)
"""How long a run that has ended may take to report its metrics."""

REPORTS_EVERY = timedelta(seconds=10)
"""How often the runs of a sweep that may stop some of them are asked what they report."""


class Measurer:
    """Reads metrics, for the beat that leads."""

    def __init__(
        self,
        *,
        sweeps: SweepStore,
        reader: SweepReader,
        triggers: TriggerStore,
        zenml: ZenML,
        now: Callable[[], datetime],
    ) -> None:
        self._sweeps = sweeps
        self._triggers = triggers
        self._zenml = zenml
        self._now = now
        self._reader = reader
        self._trouble = Trouble(logger)
        self._since: dict[tuple[str, int], datetime] = {}
        """Trial -> since when its metrics are waited for."""
        self._looked: dict[str, datetime] = {}
        """Sweep -> when its runs were asked last."""

    async def watch(self, fence: Callable[[], str]) -> None:
        """Read as long as the process lives, whenever it leads."""
        rest, clock = LOOK_SECONDS, asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(rest)
            held, begun = fence(), clock()
            well = not held or await self._trouble.during(self.round(held), "metrics cannot be read")
            rest = max(LOOK_SECONDS, CALM * (clock() - begun)) if well else AGAIN.total_seconds()

    async def round(self, fence: str) -> None:
        """Read what is due. Raises ZenMLError, StoreUnavailable, LeadLost."""
        rows = {row.id: row for row in await self._sweeps.active()}
        waiting: dict[str, list[int]] = {}
        for identity, number in await self._sweeps.measurable(self._now(), AT_ONCE):
            waiting.setdefault(identity, []).append(number)
        for identity, numbers in waiting.items():
            row = rows.get(identity) or await self._sweeps.get(identity)
            if row is None:
                forgotten = [Item(take=self._sweeps.measured(identity, number)) for number in numbers]
                await self._triggers.record(forgotten, fence)
            else:
                await self._measure(row, numbers, fence)
        for row in rows.values():
            if row.measured and row.running and not row.ended:
                await self._watch_over(row, fence)

    # --- trials that have ended

    async def _measure(self, row: SweepRow, numbers: Sequence[int], fence: str) -> None:
        definition = (await self._reader.points(row)).definition
        results = await self._sweeps.results(row.id, numbers)
        ids = [result.run_id for result in results.values() if result.run_id]
        runs = await self._zenml.metrics(ids, definition.target.project) if ids else {}
        reports = await self._sweeps.reports(row.id, numbers) if definition.sweep.early_terminate else {}
        items = []
        for number in numbers:
            result = results.get(number)
            run = runs.get(result.run_id or "") if result else None
            item = self._item(row, definition.sweep, number, result, run.metadata if run else {})
            if run and result and result.good:
                _, told = self._reported(row, definition.sweep, number, reports, run)
                item = replace(item, commands=[*item.commands, *told])
            items.append(item)
        reached(Point.BEFORE_MEASURE)
        await self._triggers.record(items, fence)
        reached(Point.AFTER_MEASURE)

    def _item(
        self, row: SweepRow, sweep: Sweep, number: int, result: TrialResult | None, metadata: Mapping[str, Any]
    ) -> Item:
        """Give what is written of one trial."""
        done = Item(take=self._sweeps.measured(row.id, number), commands=self._sweeps.count(row.id, measuring=-1))
        if result is None:
            return done  # it is to have another run
        names = [metric.name for metric in sweep.metrics]
        metrics = {name: float(metadata[name]) for name in names if _is_number(metadata.get(name))}
        lacking = [name for name in names if name not in metrics]
        now = self._now()
        since = self._since.setdefault((row.id, number), now)
        if lacking and result.good and now - since < PATIENCE:
            return Item(commands=[self._sweeps.to_measure(row.id, number, now + AGAIN)])
        del self._since[row.id, number]
        reason = result.reason
        if lacking and result.good:
            reason = f"its run reported no {' and no '.join(lacking)} (log_metadata, of the run)"
        known = replace(result, metrics=metrics, reason=reason)
        commands = [*done.commands, self._sweeps.result(row.id, known)]
        if result.good and (met := _met(sweep, metrics)):
            commands += self._sweeps.end(row.id, f"trial {number} reached {met}")
        return replace(done, commands=commands)

    # --- trials that run

    async def _watch_over(self, row: SweepRow, fence: str) -> None:
        """Stop the runs of a sweep that do worse than others did."""
        definition = (await self._reader.points(row)).definition
        sweep, now = definition.sweep, self._now()
        stop = sweep.early_terminate
        if stop is None or now - self._looked.get(row.id, now - REPORTS_EVERY) < REPORTS_EVERY:
            return
        self._looked[row.id] = now
        running = await self._running(row)
        runs = await self._zenml.metrics(list(running), definition.target.project)
        reports = await self._sweeps.all_reports(row.id)
        commands: list[Command] = []
        fresh = []
        for run_id, (number, trigger) in running.items():
            if run_id in runs:
                since, told = self._reported(row, sweep, number, reports, runs[run_id])
                commands += told
                fresh += [(number, trigger, since)] if told else []
        results = await self._sweeps.results(row.id, list(reports)) if fresh and stop.kind == "median" else {}
        through = {number for number, result in results.items() if result.good}
        for number, trigger, since in fresh:
            if reason := verdict(stop, sweep.metrics[0], reports, number, since=since, completed=through):
                logger.info("trial is stopped", extra={"sweep": row.id, "trial": number, "reason": reason})
                commands += stop_run(self._sweeps.keys, trigger, reason)
        if commands:
            await self._triggers.record([Item(commands=commands)], fence)

    def _reported(
        self, row: SweepRow, sweep: Sweep, number: int, reports: dict[int, Reports], run: Run
    ) -> tuple[float, list[Command]]:
        """Add to the reports what a run tells that is new: how far it had told before, and what writes it down."""
        stop, before = sweep.early_terminate, reports.get(number, [])
        since = (before[-1][0] or 0.0) if before else 0.0
        point = _point(sweep, stop, run.metadata) if stop else None
        if stop is None or point is None or (point[0] or 0.0) <= since:
            return since, []
        reports[number] = kept(stop, [*before, point])
        return since, [self._sweeps.report(row.id, number, reports[number])]

    async def _running(self, row: SweepRow) -> dict[str, tuple[int, str]]:
        """Give the runs that go on: run id -> trial number and trigger id."""
        going = await self._sweeps.going(row.id)
        found = {}
        for identity, fields in zip(going, await self._triggers.get(going), strict=True):
            if "run_id" in fields and "stopping" not in fields:
                found[fields["run_id"]] = (decode_trigger(fields["data"].encode()).trial or 0, identity)
        return found


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _point(sweep: Sweep, stop: EarlyStop, metadata: Mapping[str, Any]) -> list[float | None] | None:
    """Give how far a run is, and how well it does; None if it does not tell."""
    at, value = metadata.get(stop.resource), metadata.get(sweep.metrics[0].name)
    return [float(at), float(value)] if _is_number(at) and _is_number(value) else None


def _met(sweep: Sweep, metrics: Mapping[str, float]) -> str:
    """Say which aim of the sweep these metrics reach; "" if none."""
    for metric in sweep.metrics:
        if metric.name in metrics and _is_reached(metric, metrics[metric.name]):
            return f"{metric.name} {metrics[metric.name]:g} (target: {metric.target:g})"
    stop = sweep.stop_when
    if stop and stop.reached and stop.reached.holds(metrics):
        return stop.reached.text
    return ""


def _is_reached(metric: Metric, value: float) -> bool:
    if metric.target is None:
        return False
    return value >= metric.target if metric.goal is Goal.MAXIMIZE else value <= metric.target
