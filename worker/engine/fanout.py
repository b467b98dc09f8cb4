"""Sweeps: records trials little by little, as the queue empties and `max_parallel` allows."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import uuid5

import orjson

from worker.domain.errors import InvalidInput, ZenMLError
from worker.domain.schedule import SweepDefinition
from worker.domain.trigger import NAMESPACE
from worker.engine import planner
from worker.engine.definitions import decode_sweep, encode_sweep
from worker.store.items import Entry, Item
from worker.store.sweeps import SweepRow, SweepStore
from worker.store.triggers import TriggerStore
from worker.zenml.client import ZenML

logger = logging.getLogger("zenbeat.sweep")

CHUNK = 200
"""Trials recorded in one script."""

FULL = 1_000
"""With this many triggers waiting, no trials are added: the queue, not the sweep, sets the pace."""

LOOK_EVERY = timedelta(seconds=3)
"""How often ZenML is asked how many runs of a sweep with `max_parallel` are going on."""


def sweep_identity(definition: SweepDefinition, key: str) -> str:
    """Derive a sweep's id: the same definition with the same key is the same sweep."""
    return str(uuid5(NAMESPACE, f"sweep:{definition.name}:{key}"))


class Fanout:
    """Starts sweeps and keeps them going."""

    def __init__(
        self, *, sweeps: SweepStore, triggers: TriggerStore, zenml: ZenML, now: Callable[[], datetime]
    ) -> None:
        self._sweeps = sweeps
        self._triggers = triggers
        self._zenml = zenml
        self._now = now
        self._looked: dict[str, datetime] = {}

    async def start(self, definition: SweepDefinition, key: str) -> tuple[str, bool]:
        """Create a sweep. Gives its id, and whether it is new.

        Raises InvalidInput when the key stands for a sweep with another definition, or a trial cannot be rendered.
        """
        identity = sweep_identity(definition, key)
        # The first trial shows whether the templates work at all, before anything is recorded.
        planner.for_trial(identity, definition, 1, self._now())
        data = encode_sweep(definition)
        # The same JSON for the same definition: its order is that of the file.
        mark = sha256(orjson.dumps(data)).hexdigest()
        created = await self._sweeps.create(
            identity,
            name=definition.name,
            data=data,
            fingerprint=mark,
            total=definition.sweep.size,
            now=self._now(),
        )
        if not created:
            known = await self._sweeps.get(identity)
            if known is not None and known.fingerprint != mark:
                raise InvalidInput(f"sweep {definition.name} was started with another definition under this key: {key}")
        return identity, created

    async def advance(self, fence: str) -> bool:
        """Record the next trials of every active sweep, as far as there is room. Part of each tick of who leads.

        Tells whether any were recorded: then there may be room for more at once. Raises LeadLost.
        """
        recorded = False
        for identity in await self._sweeps.active():
            row = await self._sweeps.get(identity)
            if row is None or row.next > row.total:
                await self._sweeps.rest(identity, fence)
                continue
            try:
                recorded |= await self._go_on(row, fence)
            except (InvalidInput, ValueError) as error:
                # One sweep that cannot be computed must not hold up everything else.
                logger.error("sweep ended", extra={"sweep": row.id, "trial": row.next, "reason": error})
                await self._sweeps.stop(row.id, row.recorded, f"after trial {row.recorded}: {error}", fence)
        return recorded

    async def _go_on(self, row: SweepRow, fence: str) -> bool:
        definition = decode_sweep(row.data)
        room = await self._room(row, definition)
        if room > 0:
            await self._record(row, definition, min(room, CHUNK), fence)
        return room > 0

    async def _room(self, row: SweepRow, definition: SweepDefinition) -> int:
        room = FULL - await self._triggers.waiting()
        most = definition.sweep.max_parallel
        if most is None or room <= 0:
            return room
        now = self._now()
        if now - self._looked.get(row.id, now - LOOK_EVERY) < LOOK_EVERY:
            return 0
        self._looked[row.id] = now
        if row.open >= most:
            return 0
        try:
            running = await self._zenml.count_unfinished(
                planner.trial_stem(row.name, row.id), definition.target.project
            )
        except ZenMLError as error:
            logger.warning("sweep waits", extra={"sweep": row.id, "reason": f"cannot count its runs: {error}"})
            return 0
        return min(room, most - row.open - running)

    async def _record(self, row: SweepRow, definition: SweepDefinition, count: int, fence: str) -> None:
        last = min(row.next + count - 1, row.total)
        now = self._now()
        entries = [
            Entry(trigger=planner.for_trial(row.id, definition, number, now)) for number in range(row.next, last + 1)
        ]
        item = Item(sweep=row.id, expected=str(row.next), cursor=str(last + 1), entries=entries)
        await self._triggers.record([item], fence)
        logger.info("trials recorded", extra={"sweep": row.id, "trials": f"{row.next}-{last} of {row.total}"})
