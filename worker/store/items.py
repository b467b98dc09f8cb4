"""What is written together or not at all: triggers, ledger entries, outcomes, cursors, and plain writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson

from worker.domain.schedule import Overlap
from worker.domain.trigger import Trigger
from worker.store.codec import encode_trigger, milliseconds

PRIORITY_STEP_MS = 60_000
"""What one step of priority is worth: a minute of waiting. So nothing waits for ever behind what is more urgent."""

Command = tuple[str | int, ...]
"""A command of Redis, with the whole names of its keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing to be written with a cursor or by itself: a trigger, a ledger entry, an outcome, or all three."""

    trigger: Trigger | None = None
    ready: datetime | None = None
    """When the trigger may be sent; None is at once, whatever the clock of who records it says."""
    unclear: bool = False
    """Its run may exist already: look for it before it is sent."""
    expires: datetime | None = None
    """After this, it is not sent any more."""
    anew: bool = False
    """It is recorded also where it is known, if it never had a run: it was skipped, withdrawn, or is a dead letter.
    Without a trigger, its decision takes the place of one by which nothing ran."""
    apart: bool = False
    """It does not matter that its fire time has its run by another trigger."""
    overlap: Overlap | None = None
    """With one, the trigger is held when it is due, and let through as the policy says."""
    digest: str = ""
    fire_time: datetime | None = None
    ledger: Mapping[str, Any] | None = None
    outcome: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What is written together or not at all: with `name` (a schedule) or `sweep`, only if its cursor is `expected`.

    The cursor of a sweep is the number of its next trial. `take` is a command that takes away what this item sees to,
    and answers 0 if somebody else has done so; `commands` are plain writes that go with it.
    """

    entries: Sequence[Entry] = ()
    take: Command | None = None
    commands: Sequence[Command] = ()
    name: str | None = None
    sweep: str | None = None
    ledger: str | None = None
    """The schedule whose ledger its entries go to, where it is not `name`."""
    expected: str = ""
    cursor: str = ""
    begun: str = ""
    """Why the schedule is considered anew from this cursor on."""


def digest(trigger: Trigger) -> str:
    """Tell triggers of one id apart by what was asked for: not by when."""
    asked = (trigger.pipeline, trigger.template, trigger.snapshot, trigger.project, trigger.body)
    return sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def flat(fields: Mapping[str, Any]) -> list[str]:
    """Give the fields of a hash or stream entry in Redis' own form; None is left out."""
    return [word for key, value in fields.items() if value is not None for word in (key, _word(value))]


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    return str(value)


def form(item: Item) -> dict[str, Any]:
    """Give an item as the script `record` reads it."""
    plain: dict[str, Any] = {"entries": [_entry(entry) for entry in item.entries]}
    moved = {"name": item.name, "sweep": item.sweep}
    if any(moved.values()):
        plain |= {key: value for key, value in moved.items() if value}
        plain |= {"expected": item.expected, "cursor": item.cursor}
    more = {"ledger": item.ledger, "begun": item.begun, "take": item.take, "commands": item.commands}
    return plain | {key: value for key, value in more.items() if value}


def _entry(entry: Entry) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    if entry.trigger is not None:
        plain["trigger"] = _new(entry.trigger, entry)
    if entry.anew:
        plain["anew"] = "apart" if entry.apart else "own"
    if entry.ledger is not None and entry.fire_time is not None:
        plain["fire"] = str(milliseconds(entry.fire_time))
        plain["ledger"] = orjson.dumps(entry.ledger).decode()
    if entry.outcome is not None:
        plain["outcome"] = flat(entry.outcome)
    return plain


def _new(trigger: Trigger, entry: Entry) -> dict[str, Any]:
    fields = {
        "data": encode_trigger(trigger).decode(),
        "sweep": trigger.sweep,
        "schedule": trigger.schedule,
        "fire": str(milliseconds(entry.fire_time)) if entry.fire_time else None,
        "unclear": entry.unclear or None,
        "expires": str(milliseconds(entry.expires)) if entry.expires else None,
        "overlap": entry.overlap,
        "attempt": trigger.attempt if trigger.attempt > 1 else None,
    }
    plain = waiting(trigger, entry.ready, entry.digest or digest(trigger), fields)
    held = str(milliseconds(trigger.due)) if entry.overlap else None
    more = {"sweep": trigger.sweep, "schedule": trigger.schedule, "held": held}
    return plain | {key: value for key, value in more.items() if value}


def waiting(trigger: Trigger, ready: datetime | None, told_apart: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Give a trigger as scripts put it on record; `ready` None is at once."""
    return {
        "id": trigger.id,
        "ready": str(milliseconds(ready)) if ready else "0",
        "rank": str(milliseconds(trigger.due) - trigger.priority * PRIORITY_STEP_MS),
        "digest": told_apart,
        "fields": flat(fields),
    }
