"""What every door does with triggers: put them on record, answer, and ring the workers."""

from collections.abc import Sequence

from fastapi import Response

from worker.api.context import Context
from worker.api.triggershapes import Queued, queued
from worker.domain.trigger import Origin
from worker.engine.enqueue import Accepted, Asker, accept_all, room_of
from worker.engine.halting import Point, reached
from worker.engine.requests import TriggerRequest
from worker.store.items import Command


async def take_in(
    context: Context, response: Response, origin: Origin, wanted: Sequence[tuple[TriggerRequest, str]], asker: Asker
) -> list[Queued]:
    """Record all, each with what its id is derived from, or none; gives what the caller is told.

    Raises Conflict and QueueFull, as `accept_all` does.
    """
    return answers(await record(context, origin, wanted, asker), response)


async def record(
    context: Context,
    origin: Origin,
    wanted: Sequence[tuple[TriggerRequest, str]],
    asker: Asker,
    more: Sequence[Command] = (),
) -> list[Accepted]:
    """Record all, or none, and ring; `more` goes with it, if any of it is new. Raises Conflict and QueueFull."""
    reached(Point.BEFORE_ACCEPT)
    engine = context.engine
    accepted = await accept_all(
        engine.requests, origin, wanted, engine.clock(), asker=asker, room=room_of(engine.settings), more=more
    )
    reached(Point.BEFORE_ANSWER)
    if any(each.new for each in accepted):
        context.bell.ring()
    return accepted


def answers(accepted: Sequence[Accepted], response: Response) -> list[Queued]:
    """Give what the caller is told, and mark an answer that was given before."""
    if not any(each.new for each in accepted):
        response.headers["Idempotent-Replayed"] = "true"
    return [queued(each.trigger) for each in accepted]
