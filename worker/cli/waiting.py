"""Wait for what was started, with a line that says how far it is."""

import asyncio

from rich.console import Console
from rich.status import Status as Line

from worker.cli.lazy import FAILED
from worker.cli.output import say
from worker.domain.errors import NotSent
from worker.domain.fate import Fate, fate_of
from worker.domain.trigger import ACTIVE, Trigger, TriggerState
from worker.engine.chain import read_chain
from worker.engine.runtime import Engine

EVERY_SECONDS = 1.0


async def wait_for_end(identity: str, seconds: float | None, engine: Engine) -> int:
    """Wait until a trigger's run has ended, or the last one where it is started again; gives the exit code."""
    try:
        async with asyncio.timeout(seconds):
            with Line("waiting", console=Console(stderr=True)) as line:
                return await _Waiting(engine, line).until_end(identity)
    except TimeoutError:
        say(f"Not ended within {seconds:g} s; see: zenbeat trigger show {identity}")
        return FAILED


class _Waiting:
    def __init__(self, engine: Engine, line: Line) -> None:
        self._engine = engine
        self._line = line
        self._told: set[str] = set()

    async def until_end(self, identity: str) -> int:
        while True:
            code = await self._look(identity)
            if code is not None:
                return code
            await asyncio.sleep(EVERY_SECONDS)

    async def _look(self, identity: str) -> int | None:
        """Look once at the last run; gives the exit code when it has ended."""
        chain = await read_chain(self._engine.triggers, identity)
        if not chain:
            say(f"trigger {identity} is not known any more")
            return FAILED
        for earlier, its in chain[:-1]:
            if its["state"] in set(Fate):  # it may all have gone by since the last look
                self._tell(earlier, its, Fate(its["state"]), its.get("reason"), follows=True)
        trigger, fields = chain[-1]
        state, reason = fields["state"], fields.get("reason")
        if state == TriggerState.STARTED:
            return await self._ask(trigger, fields)
        if state in set(Fate):
            return await self._ended(trigger, fields, Fate(state), reason)
        if state in ACTIVE:
            self._line.update(f"{_which(trigger)}{state}{f' ({reason})' if reason else ''}")
            return None
        say(f"{state}: {reason or 'nothing more is known'}")
        return FAILED

    async def _ask(self, trigger: Trigger, fields: dict[str, str]) -> int | None:
        """Ask ZenML itself: it knows before the beat does, and a beat need not be there."""
        try:
            run = await self._engine.zenml.run(fields["run_id"])
        except NotSent as error:
            self._line.update(f"run {fields['run_id']}: {error}")
            return None
        fate = fate_of(run.status)
        if fate is not None:
            return await self._ended(trigger, {**fields, "url": run.url or run.id}, fate, run.status_reason)
        self._line.update(f"{_which(trigger)}run {run.name}: {run.status}")
        return None

    async def _ended(self, trigger: Trigger, fields: dict[str, str], fate: Fate, reason: str | None) -> int | None:
        follows = _starts_again(trigger, fields, fate)
        self._tell(trigger, fields, fate, reason, follows=follows)
        if not follows:
            return 0 if fate is Fate.COMPLETED else FAILED
        self._line.update("waiting for the beat, which starts it again")
        if await self._engine.heartbeats.alive("beat"):
            return None
        say("No beat is alive that could start it again.")
        return FAILED

    def _tell(self, trigger: Trigger, fields: dict[str, str], fate: Fate, reason: str | None, *, follows: bool) -> None:
        """Say how a run ended, once."""
        if trigger.id in self._told:
            return
        self._told.add(trigger.id)
        where = fields.get("url") or fields.get("run_id", "")
        more = "; another one follows" if follows else ""
        say(f"{_which(trigger)}{fate}{f': {reason}' if reason else ''} {where}{more}")


def _starts_again(trigger: Trigger, fields: dict[str, str], fate: Fate) -> bool:
    """Tell whether another run follows, by the rule of the beat."""
    retry = trigger.run_retry
    return retry is not None and not fields.get("stopping") and retry.allows(trigger.attempt, fate)


def _which(trigger: Trigger) -> str:
    """Number a run where there may be several."""
    return f"run {trigger.attempt} of {trigger.run_retry.max_attempts}: " if trigger.run_retry else ""
