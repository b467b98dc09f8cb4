"""When is somebody told? Once for each incident, and once more when it is over."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid5

from worker.domain.alert import Alert, AlertKind
from worker.domain.notify import Notify
from worker.domain.receivers import Receivers
from worker.domain.schedule import Schedule
from worker.domain.trigger import NAMESPACE
from worker.store.alerts import AlertStore, Incident, Letter
from worker.store.items import Command

GATHER = timedelta(seconds=3)
"""A letter waits so long for others to the same receiver: when fifty fail together, one message tells of all."""

ENDED_BY_SUCCESS = (AlertKind.FAILURE, AlertKind.MISSED, AlertKind.LATE)

TITLES = {
    AlertKind.FAILURE: "{name} failed",
    AlertKind.MISSED: "{name} missed a fire",
    AlertKind.LATE: "{name} is late",
    AlertKind.RECOVERED: "{name} is well again",
    AlertKind.PAUSED: "{name} is paused",
    AlertKind.SUCCESS: "{name} completed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What an alert is about: as much of a schedule as it takes to tell of it, also when its file is broken."""

    name: str
    timezone: str
    place: str
    notify: Notify | None


def subject_of(schedule: Schedule) -> Subject:
    """Give what of a schedule alerts need."""
    return Subject(name=schedule.name, timezone=schedule.timezone, place=schedule.place, notify=schedule.notify)


class Alerting:
    """Makes the commands that keep incidents and post letters; they are written with what gave rise to them."""

    def __init__(self, store: AlertStore, receivers: Receivers, usual: Sequence[str]) -> None:
        self._store = store
        self._receivers = receivers
        self._usual = Notify(to=tuple(usual)) if usual else None

    async def trouble(
        self, kind: AlertKind, subject: Subject, reason: str, at: datetime, *, foreseen: bool = False, **about: Any
    ) -> list[Command]:
        """Tell of a failure, a miss or a delay, if nobody was told since it was well; `about` are fields of Alert.

        What is `foreseen` counts when it comes.
        """
        known = (await self._store.of(subject.name)).get(kind)
        if known is not None and foreseen:
            return []
        if known is not None:
            return [self._store.keep(replace(known, count=known.count + 1, reason=reason))]
        incident = Incident(kind=kind, schedule=subject.name, since=at, reason=reason, count=0 if foreseen else 1)
        return [self._store.keep(incident), *self._letters(kind, subject, reason, at, about)]

    async def success(self, subject: Subject, at: datetime, **about: Any) -> list[Command]:
        """End what was wrong with a schedule, and tell of it; tell of the success, where that is asked for."""
        commands = self._letters(AlertKind.SUCCESS, subject, "the run completed", at, about)
        known = await self._store.of(subject.name)
        over = [known[kind] for kind in ENDED_BY_SUCCESS if kind in known]
        if over:
            commands += [self._store.end(incident) for incident in over]
        told = [incident for incident in over if self._tells(incident.kind, subject)]
        if told:
            commands += self._letters(AlertKind.RECOVERED, subject, _after(told), at, about)
        return commands

    def news(self, kind: AlertKind, subject: Subject, reason: str, at: datetime, **about: Any) -> list[Command]:
        """Tell of something that is no incident: it is told each time."""
        return self._letters(kind, subject, reason, at, about)

    def _tells(self, kind: AlertKind, subject: Subject) -> bool:
        """Tell whether anybody wants to know of this."""
        notify = subject.notify or self._usual
        return notify is not None and kind in notify.on

    def _letters(
        self, kind: AlertKind, subject: Subject, reason: str, at: datetime, about: dict[str, Any]
    ) -> list[Command]:
        notify = subject.notify or self._usual
        if notify is None or not self._tells(kind, subject):
            return []
        # Runs of one schedule may end in the same instant.
        source = f"{kind}:{subject.name}:{at.isoformat()}:{about.get('trigger') or ''}"
        identity = str(uuid5(NAMESPACE, f"alert:{source}"))
        alert = Alert(
            id=identity,
            kind=kind,
            schedule=subject.name,
            title=TITLES[kind].format(name=subject.name),
            reason=reason,
            at=at,
            place=subject.place,
            **about,
        )
        ready = notify.loud_at(at, subject.timezone) + GATHER
        commands: list[Command] = []
        for receiver in dict.fromkeys(part for name in notify.to for part in self._receivers.parts(name)):
            letter = Letter(id=str(uuid5(NAMESPACE, identity + receiver)), receiver=receiver, alert=alert, written=at)
            commands += self._store.post(letter, ready)
        return commands


def _after(incidents: Sequence[Incident]) -> str:
    """Say what is over."""
    told = [_what(each) for each in incidents]
    since = min(incident.since for incident in incidents)
    return f"a run completed; before, since {since:%Y-%m-%d %H:%M}Z, it had {' and '.join(told)}"


def _what(incident: Incident) -> str:
    if incident.count == 0:
        return "been about to miss a fire"
    return f"{_WORDS[incident.kind]} {incident.count} times" if incident.count > 1 else _WORDS[incident.kind]


_WORDS = {AlertKind.FAILURE: "failed", AlertKind.MISSED: "missed fires", AlertKind.LATE: "been late"}
