"""Winds up a sweep that ends before its last trial: what was not sent is withdrawn, and runs are stopped if asked."""

from collections.abc import Callable
from datetime import datetime, timedelta

from worker.domain.outcome import Status
from worker.domain.trigger import TriggerState
from worker.engine.recorder import origin_fields
from worker.store.codec import decode_trigger
from worker.store.items import Item
from worker.store.sweeprows import SweepRow
from worker.store.sweeps import SweepStore, stop_run
from worker.store.triggers import TriggerStore

AT_ONCE = 200
"""Trials that are withdrawn in one tick."""

AGAIN = timedelta(seconds=2)
"""Until it is looked again at what a worker held: it may wait for another attempt by then."""


class Winder:
    """Goes through the trials of sweeps that end, as far as they are on their way."""

    def __init__(self, sweeps: SweepStore, triggers: TriggerStore, now: Callable[[], datetime]) -> None:
        self._sweeps = sweeps
        self._triggers = triggers
        self._now = now
        self._rests: dict[str, datetime] = {}
        """Sweep -> when it is looked at again."""

    async def wind(self, row: SweepRow, fence: str) -> None:
        """Withdraw what was not sent; with a reason to stop them, have the runs stopped. Raises LeadLost."""
        now = self._now()
        self._rests = {identity: until for identity, until in self._rests.items() if until > now}
        if row.id in self._rests:
            return
        unsent = await self._triggers.unsent(row.id) if row.open else []
        for identity in unsent[:AT_ONCE]:
            await self._withdraw(identity, row)
        if row.stopping:
            await self._stop(row, fence)
        if len(unsent) <= AT_ONCE:
            self._rests[row.id] = now + AGAIN

    async def _withdraw(self, identity: str, row: SweepRow) -> None:
        (fields,) = await self._triggers.get([identity])
        if "data" not in fields:
            return
        about = origin_fields(decode_trigger(fields["data"].encode()))
        outcome = {
            "status": Status.CANCELLED.value,
            **about,
            "at": self._now(),
            "reason": f"its sweep ended: {row.ended}",
        }
        await self._triggers.withdraw(identity, TriggerState.CANCELLED, outcome)

    async def _stop(self, row: SweepRow, fence: str) -> None:
        going = await self._sweeps.going(row.id)
        commands = [command for each in going for command in stop_run(self._sweeps.keys, each, row.stopping)]
        if commands:
            await self._triggers.record([Item(commands=commands)], fence)
