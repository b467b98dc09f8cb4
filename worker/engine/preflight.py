"""Looks ahead: would what is due soon start? So that somebody knows before the fire, not after it."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from worker.domain.alert import AlertKind
from worker.domain.errors import InvalidInput, LeadLost, StoreUnavailable, ZenMLError
from worker.domain.schedule import Schedule
from worker.engine import planner
from worker.engine.alerting import Alerting, subject_of
from worker.engine.past import Past
from worker.engine.planner import Known
from worker.engine.targets import Targets
from worker.store.items import Item
from worker.store.triggers import TriggerStore
from worker.zenml.client import ZenML

logger = logging.getLogger("zenbeat.preflight")

AHEAD = timedelta(minutes=15)
"""A fire is looked at so long before it is due; a schedule that fires more often, as seldom as this."""

LOOK_SECONDS = 15.0

CERTAIN = timedelta(minutes=1)
"""What may pass, such as a server that is being restarted, is told when it has lasted so long."""

Upcoming = Callable[[datetime], Sequence[tuple[datetime, Schedule]]]
"""Gives what is due until an instant."""


class Preflight:
    """Checks what is due soon, for the beat that leads."""

    def __init__(
        self, *, zenml: ZenML, triggers: TriggerStore, past: Past, alerting: Alerting, now: Callable[[], datetime]
    ) -> None:
        self._zenml = zenml
        self._triggers = triggers
        self._past = past
        self._alerting = alerting
        self._now = now
        self._checked: dict[str, datetime] = {}
        """Schedule -> when it was found well, or somebody was told."""
        self._doubted: dict[str, datetime] = {}
        """Schedule -> since when it is not well."""

    async def watch(self, fence: Callable[[], str], upcoming: Upcoming) -> None:
        """Look ahead as long as the process lives, whenever it leads."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            held = fence()
            if not held:
                continue
            try:
                await self.round(upcoming(self._now() + AHEAD), held)
            except (StoreUnavailable, LeadLost) as error:
                logger.debug("not looked ahead", extra={"reason": error})
            except Exception:
                # As in the tick: whatever it is, the next look comes.
                logger.exception("not looked ahead")

    async def round(self, upcoming: Sequence[tuple[datetime, Schedule]], fence: str) -> None:
        """Check each schedule that is due soon, and was not checked for that. Raises StoreUnavailable, LeadLost."""
        now = self._now()
        self._checked = {name: at for name, at in self._checked.items() if now - at < AHEAD}
        due = [(fire, schedule) for fire, schedule in upcoming if schedule.name not in self._checked]
        states = await self._past.states([schedule for _, schedule in due])
        targets = Targets(self._zenml)
        for fire, schedule in due:
            state = states[schedule.name]
            if state.pause is not None and state.pause.covers(fire):
                continue
            try:
                reason, passing = await self._fault(schedule, fire, Known(last_success=state.last_success), targets)
            except Exception:
                # As in the tick: whatever it is, the other schedules are looked at.
                logger.exception("not looked ahead", extra={"schedule": schedule.name})
                continue
            await self._tell(schedule, fire, reason, fence, passing=passing)

    async def _fault(self, schedule: Schedule, fire: datetime, known: Known, targets: Targets) -> tuple[str, bool]:
        """Say why a fire would not start, and whether that may pass by itself; "" if it would."""
        try:
            await targets.check(schedule.target, planner.example(schedule, fire, known))
        except ZenMLError as error:
            return str(error), error.retryable
        except InvalidInput as error:
            return f"the body cannot be rendered: {error}", False
        return "", False

    async def _tell(self, schedule: Schedule, fire: datetime, reason: str, fence: str, *, passing: bool) -> None:
        now = self._now()
        if not reason:
            self._doubted.pop(schedule.name, None)
            self._checked[schedule.name] = now
            return
        since = self._doubted.setdefault(schedule.name, now)
        if passing and now - since < CERTAIN:
            return
        self._checked[schedule.name] = now
        told = f"it would not start at {fire.isoformat()}: {reason}"
        logger.warning("would not start", extra={"schedule": schedule.name, "fire_time": fire, "reason": reason})
        subject = subject_of(schedule)
        commands = await self._alerting.trouble(AlertKind.MISSED, subject, told, now, foreseen=True, fire_time=fire)
        await self._triggers.record([Item(commands=commands)], fence)
