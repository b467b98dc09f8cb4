"""What people do to triggers: withdraw one, give dead letters up, or let them wait again."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from worker.domain.errors import Unknown
from worker.domain.outcome import Status
from worker.domain.trigger import Trigger, TriggerState
from worker.engine.recorder import origin_fields
from worker.engine.runtime import Engine
from worker.store.codec import decode_trigger

WITHDRAWN = (TriggerState.WAITING, TriggerState.DISPATCHED)
"""States in which a trigger can be withdrawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steered:
    """What became of what was to be done to several dead letters."""

    done: Sequence[str]
    left: int
    """How many were not dead (any more), or not there."""


def not_there(identity: str) -> Unknown:
    """Say that there is no such trigger."""
    return Unknown(f"there is no trigger {identity}; `zenbeat trigger list` shows the newest")


async def read_trigger(engine: Engine, identity: str) -> dict[str, str]:
    """Read a trigger's fields. Raises Unknown."""
    (fields,) = await engine.triggers.get([identity])
    if not fields:
        raise not_there(identity)
    return fields


async def withdraw(
    engine: Engine, identity: str, to: TriggerState, status: Status, by: str = ""
) -> TriggerState | None:
    """End a trigger by a person's will; gives the state it was in. Raises Unknown."""
    trigger: Trigger = decode_trigger((await read_trigger(engine, identity))["data"].encode())
    reason = f"by {by}" if by else "by hand"
    outcome = {"status": status.value, **origin_fields(trigger), "at": engine.clock(), "reason": reason}
    return await engine.triggers.withdraw(identity, to, outcome)


async def give_up(engine: Engine, identity: str, by: str = "") -> TriggerState | None:
    """Discard a dead letter; gives the state it was in. Raises Unknown."""
    return await withdraw(engine, identity, TriggerState.DISCARDED, Status.DISCARDED, by)


async def steer_dead(
    ids: Iterable[str],
    act: Callable[[str], Awaitable[TriggerState | None]],
    tell: Callable[[Sequence[str]], Awaitable[None]],
    seen: Callable[[str, TriggerState | None], None] = lambda _identity, _state: None,
) -> Steered:
    """Do it to each dead letter, and tell the audit log of all that it was done to.

    `seen` hears of each at once, with the state that it was in.
    """
    done: list[str] = []
    left = 0
    try:
        for identity in ids:
            state = await act(identity)
            seen(identity, state)
            if state is TriggerState.DEAD:
                done.append(identity)
            else:
                left += 1
    finally:
        # Also what was done before something went wrong.
        if done:
            await tell(done)
    return Steered(done=done, left=left)


def named(ids: Sequence[str]) -> str:
    """Name them in the audit log: the first, and how many more."""
    return f"{ids[0]} and {len(ids) - 1} more" if len(ids) > 1 else ids[0]
