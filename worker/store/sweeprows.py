"""What is kept of one sweep or backfill, beside its trials: how it begins, and how far it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from worker.store.codec import instant, milliseconds
from worker.store.items import Command
from worker.store.keys import Keys


class Kind(StrEnum):
    """What the trials of a sweep are."""

    SWEEP = "sweep"
    """Points of a search space."""
    BACKFILL = "backfill"
    """Fire times of a schedule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSweep:
    """A sweep that is to begin."""

    id: str
    name: str
    """Of its definition; of a backfill, that of the schedule."""
    kind: Kind = Kind.SWEEP
    data: bytes
    """Its definition, JSON."""
    fingerprint: str
    """Of the definition."""
    total: int
    created: datetime
    measured: bool = False
    """Its trials report metrics."""
    fire_time: datetime | None = None
    """The instant of its schedule at which it began."""
    zone: str = ""
    """The time zone of that schedule."""
    parent: str = ""
    """The backfill whose trial it is."""
    asked_by: str = ""
    """An API key, or `cli:<user>`; "" for a schedule, and where nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRow:
    """A sweep as it stands."""

    id: str
    name: str
    kind: Kind
    fingerprint: str
    total: int
    """Its trials, as they were counted when it began or was extended."""
    next: int
    """The number of the next trial to record, from 1."""
    created: datetime
    open: int = 0
    """Trials recorded that wait for their run."""
    started: int = 0
    """Trials that have a run, ended or not."""
    dead: int = 0
    """Trials whose run could not be started."""
    cancelled: int = 0
    """Trials withdrawn before they were sent."""
    known: int = 0
    """Trials that were on record already: fire times that have had their run."""
    completed: int = 0
    failed: int = 0
    stopped: int = 0
    """Trials by how their last run ended."""
    measuring: int = 0
    """Trials whose metrics are still to be read."""
    runs: int = 0
    """Runs that ended; a trial may have had several."""
    seconds: float = 0.0
    """Time that these took together."""
    measured: bool = False
    paused: str = ""
    """By whom, if it is."""
    ended: str = ""
    """Why it ended before its last trial, if it did."""
    stopping: str = ""
    """Why its runs are to be stopped, if they are."""
    finished: datetime | None = None
    """When it was seen that nothing of it goes on."""
    fire_time: datetime | None = None
    zone: str = ""
    parent: str = ""
    asked_by: str = ""

    @property
    def recorded(self) -> int:
        """Count the trials recorded so far."""
        return self.next - 1

    @property
    def running(self) -> int:
        """Count the trials whose run goes on."""
        return max(0, self.started - self.completed - self.failed - self.stopped)

    @property
    def bucket(self) -> str:
        """Give as what it counts where it is a trial itself."""
        return "failed" if self.failed or self.dead else "completed"

    @property
    def all_recorded(self) -> bool:
        """Tell whether no more trials are to be recorded."""
        return bool(self.ended) or self.next > self.total

    @property
    def over(self) -> bool:
        """Tell whether nothing of it goes on, or will by itself."""
        return self.all_recorded and not (self.open or self.running or self.measuring)


_COUNTS = [
    *("total", "next", "open", "started", "dead", "cancelled", "known"),
    *("completed", "failed", "stopped", "measuring", "runs"),
]
_WORDS = ["name", "fingerprint", "paused", "ended", "stopping", "zone", "parent", "asked_by"]


def begin_sweep(keys: Keys, new: NewSweep) -> list[Command]:
    """Give the commands that write a new sweep down; applied twice, they change nothing."""
    key = keys.sweep(new.id)
    fields: dict[str, str | int | None] = {
        "next": 1,
        "name": new.name,
        "kind": new.kind.value,
        "fingerprint": new.fingerprint,
        "total": new.total,
        "created": milliseconds(new.created),
        "measured": 1 if new.measured else None,
        "fire_time": milliseconds(new.fire_time) if new.fire_time else None,
        "zone": new.zone or None,
        "parent": new.parent or None,
        "asked_by": new.asked_by or None,
    }
    return [
        *(("HSETNX", key, name, value) for name, value in fields.items() if value is not None),
        ("SETNX", keys.sweep_definition(new.id), new.data.decode()),
        ("ZADD", keys.sweeps, "NX", milliseconds(new.created), new.id),
        ("SADD", keys.active_sweeps, new.id),
        *([("SADD", keys.sweep_children(new.parent), new.id)] if new.parent else []),
    ]


def read_row(identity: str, fields: Mapping[str, str]) -> SweepRow:
    """Read a sweep's hash."""

    def moment(name: str) -> datetime | None:
        return instant(int(fields[name])) if name in fields else None

    known: dict[str, Any] = {name: int(fields.get(name, "0")) for name in _COUNTS}
    known |= {name: fields.get(name, "") for name in _WORDS}
    return SweepRow(
        id=identity,
        kind=Kind(fields.get("kind", Kind.SWEEP.value)),
        created=moment("created") or instant(0),
        finished=moment("finished"),
        fire_time=moment("fire_time"),
        seconds=float(fields.get("seconds", "0")),
        measured="measured" in fields,
        **known,
    )
