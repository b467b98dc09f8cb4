"""What zenbeat tells people without being asked: one alert, or many in one message."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import uuid5

from worker.domain.trigger import NAMESPACE

MOST_LINES = 20
"""The most alerts that a digest lists; the rest is counted."""

LONGEST_LINE = 160


class AlertKind(StrEnum):
    """What an alert tells."""

    FAILURE = "failure"
    """A run failed, or it could not be started and will not be tried again by itself."""
    MISSED = "missed"
    """Nothing was started for a fire time, and nothing will be."""
    LATE = "late"
    """What should have happened by now has not: a run has not started, or has not ended."""
    RECOVERED = "recovered"
    """What was told as failed, missed or late is well again."""
    PAUSED = "paused"
    """A schedule starts nothing more until a person resumes it."""
    SUCCESS = "success"
    """A run ended well."""


_SAID = {
    AlertKind.FAILURE: ("failed", "failed"),
    AlertKind.MISSED: ("missed a fire time", "missed a fire time"),
    AlertKind.LATE: ("is late", "are late"),
    AlertKind.RECOVERED: ("recovered", "recovered"),
    AlertKind.PAUSED: ("was paused", "were paused"),
    AlertKind.SUCCESS: ("succeeded", "succeeded"),
}
"""Kind -> what one does, what several do; from the gravest to the best."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One thing that somebody should know."""

    id: str
    """Unique for what is told: a receiver that gets the same id again may drop it."""
    kind: AlertKind
    schedule: str | None = None
    title: str
    """One plain sentence: `nightly-training failed`."""
    reason: str
    at: datetime
    """When it came to be (UTC)."""
    fire_time: datetime | None = None
    trigger: str | None = None
    run_id: str | None = None
    url: str | None = None
    """Where the run can be looked at."""
    place: str = ""
    """Where the schedule is defined, as `file:line`."""
    count: int = 1
    """How many times it happened."""


def as_plain(alert: Alert) -> dict[str, Any]:
    """Give an alert as JSON can hold it: instants in ISO 8601, and nothing that is not known."""
    values = {field.name: getattr(alert, field.name) for field in fields(alert)}
    return {name: _plain(value) for name, value in values.items() if value is not None}


def from_plain(plain: Mapping[str, Any]) -> Alert:
    """Read what `as_plain` gave; what a later version may have added is left out."""
    known: dict[str, Any] = {field.name: plain[field.name] for field in fields(Alert) if field.name in plain}
    for name in {"at", "fire_time"} & known.keys():
        known[name] = datetime.fromisoformat(known[name])
    return Alert(**{**known, "kind": AlertKind(known["kind"])})


def message_id(alerts: Iterable[Alert]) -> str:
    """Derive a message's id from its alerts: the same for every attempt, and without a full stop or a space."""
    return str(uuid5(NAMESPACE, "\n".join(sorted(alert.id for alert in alerts))))


def gravest(alerts: Iterable[Alert]) -> AlertKind:
    """Give the kind that a message with these alerts is about."""
    kinds = {alert.kind for alert in alerts}
    return next(kind for kind in AlertKind if kind in kinds)


def text_of(alert: Alert) -> tuple[str, str]:
    """Tell one alert to a person: a title, and a few short lines."""
    lines = [
        alert.reason,
        f"times: {alert.count}" if alert.count > 1 else "",
        f"fire time: {_instant(alert.fire_time)}" if alert.fire_time else "",
        f"run: {alert.url or alert.run_id}" if alert.url or alert.run_id else "",
        f"trigger: {alert.trigger}" if alert.trigger and not alert.run_id else "",
        f"defined in: {alert.place}" if alert.place else "",
    ]
    return alert.title, "\n".join(line for line in lines if line)


def digest(alerts: Sequence[Alert]) -> tuple[str, str]:
    """Tell many alerts in one message: how many of which kind, then the first of them, the gravest kinds first."""
    groups = {kind: [alert for alert in alerts if alert.kind is kind] for kind in AlertKind}
    title = ", ".join(_counted(kind, group) for kind, group in groups.items() if group)
    grouped = [alert for group in groups.values() for alert in group]
    lines = [_short(f"{alert.title}: {alert.reason}") for alert in grouped[:MOST_LINES]]
    more = len(grouped) - MOST_LINES
    return title, "\n".join([*lines, f"and {more} more"] if more > 0 else lines)


def _counted(kind: AlertKind, group: Sequence[Alert]) -> str:
    """Count schedules, not alerts, where all are about schedules: one may have failed twice."""
    named = {alert.schedule for alert in group}
    count, noun = (len(group), "trigger") if None in named else (len(named), "schedule")
    one, several = _SAID[kind]
    return f"{count} {noun} {one}" if count == 1 else f"{count} {noun}s {several}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value.value if isinstance(value, AlertKind) else value


def _instant(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
