"""How a sweep begins: by a person, at a fire time of its schedule, or as a trial of a backfill."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid5

from worker.domain.errors import InvalidInput, Unknown
from worker.domain.nearest import did_you_mean
from worker.domain.schedule import Schedule, SweepDefinition
from worker.domain.trigger import NAMESPACE
from worker.engine.definitions import Backfill, encode_backfill, encode_sweep, mark_of
from worker.source import Definitions
from worker.store.sweeprows import Kind, NewSweep


@dataclass(frozen=True, slots=True, kw_only=True)
class Defined:
    """A sweep that may begin."""

    definition: SweepDefinition
    zone: str = ""
    """The time zone of its schedule, if it has one."""


def find_defined(definitions: Definitions, name: str, where: str = "") -> Defined:
    """Find the sweep of that name. Raises Unknown with the nearest name."""
    known = {definition.name: definition for definition in definitions.sweeps}
    if name not in known:
        raise Unknown(f'there is no sweep "{name}"{where}{did_you_mean(name, known)}')
    schedule = definitions.named.get(name)
    return Defined(definition=known[name], zone=schedule.timezone if schedule and schedule.sweep else "")


def sweep_identity(definition: SweepDefinition, key: str) -> str:
    """Derive a sweep's id: the same definition with the same key is the same sweep."""
    return str(uuid5(NAMESPACE, f"sweep:{definition.name}:{key}"))


def asked_sweep(definition: SweepDefinition, key: str, now: datetime, zone: str = "", by: str = "") -> NewSweep:
    """Make the sweep that somebody asks for; with the time zone of its schedule, now is its fire time."""
    new = replace(_new(definition, sweep_identity(definition, key), now), asked_by=by)
    return replace(new, fire_time=now, zone=zone) if zone else new


def fired_identity(schedule: Schedule, fire_time: datetime, mark: str = "") -> str:
    """Derive the id of the sweep of a fire time; a mark makes it another one.

    Raises InvalidInput for a schedule that starts no sweeps.
    """
    if schedule.sweep is None:
        raise InvalidInput(f"{schedule.name} starts no sweeps")
    identity = sweep_identity(schedule.sweep, f"@{fire_time.timestamp():.3f}")
    return str(uuid5(NAMESPACE, f"sweep:{identity}!{mark}")) if mark else identity


def fired_sweep(
    schedule: Schedule, fire_time: datetime, now: datetime, *, parent: str = "", backfill: Backfill | None = None
) -> NewSweep:
    """Make the sweep of a fire time: one for each, whoever asks for it. Raises InvalidInput for another schedule.

    One that a backfill begins, whose id is `parent`, goes as far behind as that.
    """
    if schedule.sweep is None:
        raise InvalidInput(f"{schedule.name} starts no sweeps")
    definition = replace(schedule.sweep, priority=backfill.priority) if backfill else schedule.sweep
    new = _new(definition, fired_identity(schedule, fire_time, backfill.mark if backfill else ""), now)
    return replace(new, fire_time=fire_time, zone=schedule.timezone, parent=parent)


def _new(definition: SweepDefinition, identity: str, now: datetime) -> NewSweep:
    content, mark = mark_of(encode_sweep(definition))
    return NewSweep(
        id=identity,
        name=definition.name,
        data=content,
        fingerprint=mark,
        total=definition.sweep.size,
        created=now,
        measured=bool(definition.sweep.metrics),
    )


def new_backfill(backfill: Backfill, key: str, now: datetime, by: str = "") -> NewSweep:
    """Make the sweep over a range of a schedule's past; the same range with the same key is the same one."""
    content, mark = mark_of(encode_backfill(backfill))
    return NewSweep(
        id=str(uuid5(NAMESPACE, f"backfill:{backfill.schedule}:{key}")),
        name=backfill.schedule,
        kind=Kind.BACKFILL,
        data=content,
        fingerprint=mark,
        total=len(backfill.fires),
        created=now,
        asked_by=by,
    )
