"""What the end of a trial means to its sweep: how it ended is written down, and counted."""

from worker.domain.fate import Fate
from worker.domain.trial import TrialResult
from worker.engine.ends import End
from worker.store.items import Command
from worker.store.sweeps import SweepStore, going_stem

BUCKETS = {
    Fate.COMPLETED: "completed",
    Fate.STOPPED: "stopped",
    Fate.FAILED: "failed",
    Fate.STUCK: "failed",
    Fate.VANISHED: "failed",
}
"""How a run ended -> as what its trial counts."""


class Tally:
    """Counts the ends of trials. Withdrawn and dead ones are counted where that is decided, in Redis."""

    def __init__(self, sweeps: SweepStore) -> None:
        self._sweeps = sweeps
        self._measured: dict[str, bool] = {}
        """Sweep -> whether its trials report metrics."""

    def over(self, sweep: str, trigger: str) -> Command:
        """Give the command that says that a trial's run does not go on any more."""
        return ("ZREM", self._sweeps.keys.going, f"{going_stem(sweep)}|{trigger}")

    def reopened(self, end: End) -> list[Command]:
        """Give what it means that the run of a trial is started again: the trial is the same, and open once more."""
        sweep = end.trigger.sweep or ""
        return [*self._ran(sweep, end), *self._sweeps.count(sweep, started=-1)]

    async def ended(self, end: End) -> list[Command]:
        """Give what the end of a trial means."""
        trigger, kind = end.trigger, end.event.kind
        if trigger.sweep is None or trigger.trial is None:
            return []
        sweep = trigger.sweep
        result = TrialResult(
            number=trigger.trial,
            fate=kind,
            seconds=end.seconds,
            run_id=end.fields.get("run_id"),
            url=end.fields.get("url"),
            reason=end.fields.get("reason"),
            runs=trigger.attempt,
        )
        commands = [self._sweeps.result(sweep, result)]
        if kind not in set(Fate):
            return commands  # it had no run
        bucket = BUCKETS[Fate(kind)]
        commands += [*self._ran(sweep, end), *self._sweeps.count(sweep, **{bucket: 1})]
        if bucket != "failed" and await self._is_measured(sweep):
            commands += [*self._sweeps.count(sweep, measuring=1)]
            commands.append(self._sweeps.to_measure(sweep, trigger.trial, end.event.at))
        return commands

    def _ran(self, sweep: str, end: End) -> list[Command]:
        return [*self._sweeps.count(sweep, runs=1), self._sweeps.took(sweep, end.seconds or 0)]

    async def _is_measured(self, sweep: str) -> bool:
        if sweep not in self._measured:
            row = await self._sweeps.get(sweep)
            self._measured[sweep] = row is not None and row.measured
        return self._measured[sweep]
