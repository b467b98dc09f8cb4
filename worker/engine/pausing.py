"""Schedules that pause themselves."""

import logging
from datetime import datetime

from worker.domain.alert import AlertKind
from worker.domain.outcome import Status
from worker.domain.pause import Pause, PauseCause
from worker.domain.schedule import Schedule
from worker.engine.alerting import Alerting, subject_of
from worker.store.items import Command
from worker.store.outcomes import OutcomeStore
from worker.store.pauses import PauseStore

logger = logging.getLogger("zenbeat.pause")


class Pausing:
    """Makes the commands that pause a schedule by a rule of its own, and tell of it."""

    def __init__(self, pauses: PauseStore, outcomes: OutcomeStore, alerting: Alerting) -> None:
        self._pauses = pauses
        self._outcomes = outcomes
        self._alerting = alerting

    async def commands(self, schedule: Schedule, why: str, cause: PauseCause, now: datetime) -> list[Command]:
        """Give the commands; none if the schedule is paused already, until somebody resumes it."""
        known = await self._pauses.get(schedule.name)
        if known is not None and known.until is None:
            return []
        logger.warning("paused", extra={"schedule": schedule.name, "reason": why})
        outcome = {"status": Status.PAUSED, "schedule": schedule.name, "at": now, "reason": why}
        return [
            self._pauses.begin(schedule.name, Pause(since=now, by="zenbeat", why=why, cause=cause)),
            self._outcomes.add(outcome),
            *self._alerting.news(AlertKind.PAUSED, subject_of(schedule), why, now),
        ]
