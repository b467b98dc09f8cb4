"""Triggers that people and other programs ask for: recorded, and only then answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from worker.domain.errors import Conflict, Fault, QueueFull
from worker.domain.schedule import Target
from worker.domain.trigger import Origin, Trigger
from worker.engine import planner
from worker.engine.requests import TriggerRequest
from worker.settings import Settings
from worker.store.items import Command
from worker.store.requests import UNLIMITED, Asked, Clash, Full, RequestStore, Room

FULL_SECONDS = 5.0
"""After which a caller may ask again whose triggers found no room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A trigger that is on record; `new` is False when the same request had come before."""

    trigger: Trigger
    new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks: the name of an API key or hook, and from which address; "" is nobody who has to say so."""

    name: str = ""
    address: str = ""


def room_of(settings: Settings) -> Room:
    """Give how much may wait, for callers that can be told to come again."""
    return Room(
        most=settings.queue_max, per_caller=settings.queue_max_per_key, per_pipeline=settings.queue_max_per_pipeline
    )


async def accept(
    store: RequestStore,
    origin: Origin,
    request: TriggerRequest,
    key: str,
    now: datetime,
    more: Sequence[Command] = (),
) -> Accepted:
    """Record what was asked for. `key` stands in for an idempotency key where the caller gave none.

    `more` are plain writes that go with it, if it is new. Raises Conflict when the key was used before for something
    else.
    """
    (accepted,) = await accept_all(store, origin, [(request, request.idempotency_key or key)], now, more=more)
    return accepted


async def accept_all(
    store: RequestStore,
    origin: Origin,
    wanted: Sequence[tuple[TriggerRequest, str]],
    now: datetime,
    *,
    asker: Asker | None = None,
    room: Room = UNLIMITED,
    more: Sequence[Command] = (),
) -> list[Accepted]:
    """Record all that was asked for, each with the key that its id is derived from, or nothing of it.

    `more` are plain writes that go with it, if any of it is new.
    Raises Conflict when a key was used before for something else, and QueueFull when there is no room.
    """
    asker = asker or Asker()
    asked = [_asked(origin, request, key, now, asker) for request, key in wanted]
    found = await store.accept(asked, room, more)
    if isinstance(found, Clash):
        raise _conflict(found, wanted, asked)
    if isinstance(found, Full):
        raise QueueFull(_full(found, len(asked)), FULL_SECONDS)
    return [Accepted(trigger=trigger, new=new) for trigger, new in found.triggers]


def _asked(origin: Origin, request: TriggerRequest, key: str, now: datetime, asker: Asker) -> Asked:
    target = Target(
        pipeline=request.pipeline,
        template=request.template,
        snapshot=request.snapshot,
        project=request.project,
        config=request.config,
    )
    due = max(now, request.not_before.astimezone(UTC)) if request.not_before else now
    return Asked(
        trigger=planner.for_request(origin, key, target, due=due, priority=request.priority),
        not_before=request.not_before,
        asked_by=asker.name,
        asked_from=asker.address,
    )


def _conflict(clash: Clash, wanted: Sequence[tuple[TriggerRequest, str]], asked: Sequence[Asked]) -> Conflict:
    request, key = wanted[clash.number]
    given = request.idempotency_key or key
    path = f"triggers.{clash.number}.idempotency_key" if len(wanted) > 1 else "idempotency_key"
    if clash.known is None:
        return Conflict(
            [Fault(path=path, message=f"idempotency key {given} stands here twice, for different requests")]
        )
    sentence = (
        f"idempotency key {given} was used before for another request (trigger {clash.known.id}); take another key"
    )
    both = {"known": _told(clash.known), "received": _told(asked[clash.number].trigger)}
    return Conflict([Fault(path=path, message=sentence)], both)


def _told(trigger: Trigger) -> dict[str, object]:
    """Give what was asked for, without what we made of it."""
    asked = {
        "pipeline": trigger.pipeline,
        "template": trigger.template,
        "snapshot": trigger.snapshot,
        "project": trigger.project,
        "config": {key: value for key, value in trigger.body.items() if key not in {"run_name", "tags"}},
        "priority": trigger.priority or None,
        "due": trigger.due,
    }
    return {key: value for key, value in asked.items() if value is not None}


def _full(full: Full, asked: int) -> str:
    if asked > full.most:
        return f"{asked} triggers at once are more than may wait for {full.whose} ({full.most}); send fewer"
    return f"{full.waiting} triggers wait for {full.whose}, and {full.most} may; nothing was recorded, try again later"
